//! Each route with each method, over both kinds of socket.

use super::client::{Answer, Socket, ask, request};
use super::*;
use nexus_lockprof_export::{pprof, prometheus};
use nexus_lockprof_snapshot::MEDIA_TYPE;

/// The same server twice, on a Unix socket and on a port.
fn both(test: impl Fn(&Fake, &Server)) {
    let fake = Fake::new();
    test(&fake, &serve(&fake, patient(), &loopback()));
    let directory = sockets::Folder::new("methods");
    let fake = Fake::new();
    test(
        &fake,
        &serve(&fake, patient(), &Listen::UnixAt(directory.0.join("s"))),
    );
}

fn snapshot(answer: &Answer) -> Snapshot {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    Snapshot::from_json(answer.text()).unwrap()
}

#[test]
fn a_snapshot() {
    both(|_, server| {
        let first = snapshot(&ask(server, "GET", "/snapshot", &[], ""));
        assert_eq!(first.points()[0].acquisitions, 1);
        for accept in [
            "Accept: */*",
            "Accept: application/json",
            "Accept: text/html",
        ] {
            snapshot(&ask(server, "GET", "/snapshot", &[accept], ""));
        }
        assert_eq!(
            ask(server, "GET", "/snapshot", &[], "").header("cache-control"),
            Some("no-store")
        );
    });
}

#[test]
fn a_snapshot_in_a_form_of_our_own() {
    both(|_, server| {
        let accept = format!("Accept: {MEDIA_TYPE}");
        let answer = ask(server, "GET", "/snapshot", &[&accept], "");
        assert_eq!(answer.header("content-type"), Some(MEDIA_TYPE));
        let taken = Snapshot::from_bytes(&answer.body).unwrap();
        assert_eq!(taken.points()[0].acquisitions, 1);
        let other = format!("Accept: {MEDIA_TYPE};q=0, application/json");
        snapshot(&ask(server, "GET", "/snapshot", &[&other], ""));
    });
}

#[test]
fn the_page() {
    both(|_, server| {
        let answer = ask(server, "GET", "/", &[], "");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(
            answer.text(),
            nexus_lockprof_export::html::live().to_string()
        );
        let policy = answer.header("content-security-policy");
        assert_eq!(policy, Some("frame-ancestors 'none'"));
    });
}

#[test]
fn metrics_in_all_forms() {
    both(|_, server| {
        let answer = ask(server, "GET", "/metrics", &["Accept: */*"], "");
        assert_eq!(
            answer.header("content-type"),
            Some(prometheus::CONTENT_TYPE)
        );
        assert!(
            answer.text().contains("lockprof_acquisitions_total{"),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains("# EOF"));
        // As Prometheus asks.
        let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        let answer = ask(server, "GET", "/metrics", &[accept], "");
        assert_eq!(
            answer.header("content-type"),
            Some(prometheus::OPEN_METRICS_CONTENT_TYPE)
        );
        assert!(answer.text().ends_with("# EOF\n"));
        // As Prometheus asks with native histograms, and as one that likes them less.
        let protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        for (weights, expected) in [
            (["0.6", "0.5"], prometheus::PROTOBUF_CONTENT_TYPE),
            (["0.4", "0.5"], prometheus::OPEN_METRICS_CONTENT_TYPE),
            (["0", "0.5"], prometheus::OPEN_METRICS_CONTENT_TYPE),
            (["1", "0"], prometheus::PROTOBUF_CONTENT_TYPE),
        ] {
            let [first, second] = weights;
            let accept = format!(
                "Accept: {protobuf};q={first},application/openmetrics-text;version=1.0.0;q={second},*/*;q=0.2"
            );
            let answer = ask(server, "GET", "/metrics", &[&accept], "");
            assert_eq!(answer.header("content-type"), Some(expected), "{accept}");
        }
    });
}

#[test]
fn profiles() {
    both(|fake, server| {
        for (path, encode) in [
            (
                "/debug/pprof/mutex",
                pprof::mutex as fn(&Snapshot) -> Vec<u8>,
            ),
            ("/debug/pprof/block", pprof::block),
        ] {
            let answer = ask(server, "GET", path, &[], "");
            assert_eq!(
                answer.header("content-type"),
                Some("application/octet-stream")
            );
            // Of the snapshot that was taken for it: the next one, one earlier.
            fake.with(|state| state.snapshots -= 1);
            assert_eq!(answer.body, encode(&fake.snapshot()), "{path}");
            let answer = ask(server, "GET", &format!("{path}?seconds=1&debug=0"), &[], "");
            assert_eq!((answer.status, answer.body.first()), (200, Some(&0x1F)));
        }
    });
}

#[test]
fn the_settings() {
    both(|fake, server| {
        let answer = ask(server, "GET", "/config", &[], "");
        assert_eq!(answer.text(), r#"{"mode":"sampled","budget":0.01}"#);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        for (body, status, text) in [
            ("budget=2%", 200, r#"{"mode":"sampled","budget":0.02}"#),
            ("mode=exact", 200, r#"{"mode":"exact"}"#),
            (
                "mode=sampled&budget=3%25",
                200,
                r#"{"mode":"sampled","budget":0.03}"#,
            ),
            (
                "mode=loud",
                400,
                "mode=\"loud\" is not one of off, counts, sampled, exact\n",
            ),
            ("mode=counts", 400, "this one does not only count\n"),
            (
                "",
                400,
                "nothing is asked for: mode=off|counts|sampled|exact, budget=SHARE, or both joined by &\n",
            ),
            (
                "\u{e9}=%FF",
                400,
                "\"\u{e9}\" is no setting: mode, budget\n",
            ),
        ] {
            let answer = ask(server, "POST", "/config", &[], body);
            assert_eq!((answer.status, answer.text()), (status, text), "{body}");
        }
        assert_eq!(
            fake.with(|state| state.mode),
            ProfilerMode::Sampled { budget: 0.03 }
        );
    });
}

#[test]
fn a_reset() {
    both(|fake, server| {
        let answer = ask(server, "POST", "/reset", &[], "");
        assert_eq!((answer.status, answer.length), (204, 0));
        assert_eq!(fake.with(|state| state.resets), 1);
    });
}

#[test]
fn head_is_get_without_its_body() {
    both(|_, server| {
        for path in ["/config", "/snapshot", "/snapshot?seconds=300"] {
            let mut socket = Socket::to(server);
            // The second answer begins where the first ends: there was no body in between.
            socket
                .send(request("HEAD", path, &[], ""))
                .send(request("GET", "/config", &[], ""));
            let head = socket.answer(true);
            assert_eq!((head.status, head.length > 10), (200, true), "{path}");
            assert_eq!(
                socket.answer(false).text(),
                r#"{"mode":"sampled","budget":0.01}"#
            );
        }
    });
}

#[test]
fn what_is_not_there() {
    both(|fake, server| {
        for path in ["/nothing", "/snapshot/", "/config.json", "//", "/%00"] {
            let answer = ask(server, "GET", path, &[], "");
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.text(), format!("there is no {path:?} here\n"));
            assert_eq!(
                answer.header("content-type"),
                Some("text/plain; charset=utf-8")
            );
        }
        for (path, allow) in [
            ("/", "GET, HEAD"),
            ("/snapshot", "GET, HEAD"),
            ("/metrics", "GET, HEAD"),
            ("/debug/pprof/mutex", "GET, HEAD"),
            ("/debug/pprof/block", "GET, HEAD"),
            ("/config", "GET, HEAD, POST"),
            ("/reset", "POST"),
        ] {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
                if allow.contains(method) {
                    continue;
                }
                let answer = ask(server, method, path, &[], "");
                assert_eq!(
                    (answer.status, answer.header("allow")),
                    (405, Some(allow)),
                    "{method} {path}"
                );
                assert_eq!(answer.text(), format!("there is only {allow} here\n"));
            }
        }
        assert_eq!(fake.with(|state| (state.snapshots, state.resets)), (0, 0));
    });
}

#[test]
fn many_requests_on_one_connection() {
    both(|fake, server| {
        let mut socket = Socket::to(server);
        for number in 1..=3 {
            socket.send(request("GET", "/snapshot", &[], ""));
            assert_eq!(
                snapshot(&socket.answer(false)).points()[0].acquisitions,
                number
            );
        }
        // Without waiting for answers.
        socket.send(
            request("GET", "/snapshot", &[], "").repeat(3) + &request("POST", "/reset", &[], ""),
        );
        for number in 4..=6 {
            assert_eq!(
                snapshot(&socket.answer(false)).points()[0].acquisitions,
                number
            );
        }
        assert_eq!(socket.answer(false).status, 204);
        socket.send(request("GET", "/config", &["Connection: close"], ""));
        assert!(socket.rest().ends_with(r#""budget":0.01}"#));
        assert_eq!(fake.with(|state| state.resets), 1);
    });
}

#[test]
fn a_body_in_pieces() {
    both(|_, server| {
        let mut socket = Socket::to(server);
        socket
            .send("POST /config HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
        for byte in "5\r\nmode=\r\n5\r\nexact\r\n0\r\n\r\n".bytes() {
            socket.send([byte]);
        }
        assert_eq!(socket.answer(false).text(), r#"{"mode":"exact"}"#);
        // The connection goes on where the body ends.
        socket.send(request("GET", "/config", &[], ""));
        assert_eq!(socket.answer(false).text(), r#"{"mode":"exact"}"#);
    });
}

#[test]
fn a_client_that_asks_first_whether_to_send() {
    both(|_, server| {
        let mut socket = Socket::to(server);
        let head = "POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
        socket.send(head);
        assert_eq!(socket.answer(false).status, 100);
        socket.send("mode=exact");
        assert_eq!(socket.answer(false).text(), r#"{"mode":"exact"}"#);
    });
}

#[test]
fn the_next_seconds() {
    both(|fake, server| {
        let answer = ask(server, "GET", "/snapshot?seconds=1", &[], "");
        let interval = snapshot(&answer);
        assert_eq!(interval.base_collection(), Some(1));
        assert_eq!(interval.points()[0].acquisitions, 1);
        assert_eq!(fake.with(|state| state.snapshots), 2);
        let answer = ask(server, "GET", "/snapshot?seconds=soon", &[], "");
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.text(),
            "seconds=\"soon\" is not a whole number of seconds\n"
        );
        let answer = ask(server, "GET", "/snapshot?seconds=301", &[], "");
        assert_eq!(
            (answer.status, answer.text()),
            (400, "seconds=301 is more than 300\n")
        );
    });
}

/// Others are answered while one waits; a reset in between leaves nothing to subtract from.
#[test]
fn a_reset_in_the_next_seconds() {
    both(|fake, server| {
        let mut waiting = Socket::to(server);
        waiting.send(request("GET", "/snapshot?seconds=1", &[], ""));
        while fake.with(|state| state.snapshots) == 0 {
            std::thread::yield_now();
        }
        assert_eq!(ask(server, "POST", "/reset", &[], "").status, 204);
        let answer = waiting.answer(false);
        assert_eq!(answer.status, 409);
        assert!(
            answer.text().contains("reset between the snapshots"),
            "{}",
            answer.text()
        );
    });
}

#[test]
fn a_ninth_client_with_an_interval() -> Result<(), Box<dyn std::error::Error>> {
    use nexus_lockprof_serve::ServeEngine as _;

    let engine = nexus_lockprof_engine::Engine::new();
    let server = engine.serve(&"127.0.0.1:0".parse::<Listen>()?)?;
    let pull = |path: &str| ask(&server, "GET", path, &[], "");
    for name in 1..=8 {
        assert_eq!(pull(&format!("/snapshot?recent={name}")).status, 200);
    }
    let answer = pull("/snapshot?interval=9");
    assert_eq!(
        (answer.status, answer.text()),
        (
            503,
            "8 others pull intervals already; ask without one, or later\n"
        )
    );
    // It has no interval of its own, and nobody else lost one.
    for (path, has_own) in [("/snapshot?recent=9", false), ("/snapshot?recent=1", true)] {
        let answer = pull(path);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text().contains("\"pulled_unix_ns\":"), has_own);
    }
    Ok(())
}
