//! What a client may not do. Limits of time are short where they are what is tested, and then waited for.

use std::io::Write;

use super::client::{Socket, ask, request};
use super::*;

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_head_that_does_not_end() {
    let limits = Limits {
        idle: SHORT,
        ..patient()
    };
    let server = serve(&Fake::new(), limits, &loopback());
    for sent in ["", "G", "GET /snapshot HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut socket = Socket::to(&server);
        socket.send(sent);
        assert!(socket.is_closed(), "{sent}");
    }
}

#[test]
fn a_head_that_comes_byte_by_byte_gets_no_more_time() {
    let limits = Limits {
        idle: SHORT,
        ..patient()
    };
    let server = serve(&Fake::new(), limits, &loopback());
    let mut socket = Socket::to(&server);
    // Until the server has had enough. A test that hangs here has found a server that has not.
    while socket.write_all(b"G").is_ok() {
        std::thread::sleep(SHORT / 10);
    }
}

#[test]
fn a_body_that_does_not_come() {
    let fake = Fake::new();
    let limits = Limits {
        body: SHORT,
        ..patient()
    };
    let server = serve(&fake, limits, &loopback());
    let mut socket = Socket::to(&server);
    socket.send("POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nmode=");
    assert!(socket.is_closed());
    assert_eq!(
        fake.with(|state| state.mode),
        ProfilerMode::Sampled { budget: 0.01 }
    );
}

#[test]
fn an_answer_that_is_not_taken() {
    let limits = Limits {
        answer: SHORT,
        requests: usize::MAX,
        ..patient()
    };
    let server = serve(&Fake::new(), limits, &loopback());
    let mut socket = Socket::to(&server);
    let many = request("GET", "/snapshot", &[], "").repeat(100);
    while socket.write_all(many.as_bytes()).is_ok() {}
}

#[test]
fn a_head_that_is_too_large() {
    let server = serve(&Fake::new(), patient(), &loopback());
    let long = format!("X: {}", "x".repeat(20_000));
    let mut socket = Socket::to(&server);
    socket.send(request("GET", "/snapshot", &[&long], ""));
    assert_eq!(socket.answer(false).status, 431);
    let many: Vec<_> = (0..100).map(|number| format!("X-{number}: x")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(ask(&server, "GET", "/snapshot", &many, "").status, 431);
    let path = format!("/{}", "x".repeat(20_000));
    let status = ask(&server, "GET", &path, &[], "").status;
    assert!([414, 431].contains(&status), "{status}");
}

#[test]
fn a_body_that_is_too_large() {
    let fake = Fake::new();
    let server = serve(&fake, patient(), &loopback());
    let body = format!("mode=exact&{}", "x".repeat(10_000));
    let mut socket = Socket::to(&server);
    socket.send(request("POST", "/config", &[], &body));
    let answer = socket.answer(false);
    assert_eq!(
        (answer.status, answer.text()),
        (413, "the body is larger than 1024 bytes\n")
    );
    assert!(socket.is_closed());
    // Without its length said first.
    let mut socket = Socket::to(&server);
    socket.send("POST /config HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    socket.send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    assert_eq!(socket.answer(false).status, 413);
    assert!(socket.is_closed());
    assert_eq!(
        fake.with(|state| state.mode),
        ProfilerMode::Sampled { budget: 0.01 }
    );
}

#[test]
fn what_is_no_http() {
    let server = serve(&Fake::new(), patient(), &loopback());
    for sent in [
        "\0\x01\x02\x03 nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /snapshot HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /snapshot HTTP/1.1\r\nHost: localhost\r\nNo Colon\r\n\r\n",
        "POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ] {
        let mut socket = Socket::to(&server);
        socket.send(sent);
        assert_eq!(socket.answer(false).status, 400, "{sent:?}");
        assert!(socket.is_closed(), "{sent:?}");
    }
}

#[test]
fn so_many_requests_and_no_more() {
    let limits = Limits {
        requests: 2,
        ..patient()
    };
    let server = serve(&Fake::new(), limits, &loopback());
    let mut socket = Socket::to(&server);
    socket.send(request("GET", "/config", &[], ""));
    assert_eq!(socket.answer(false).header("connection"), None);
    socket.send(request("GET", "/config", &[], ""));
    assert_eq!(socket.answer(false).header("connection"), Some("close"));
    assert!(socket.is_closed());
}

/// It would be a minute: nobody waits for what nobody hears.
#[test]
fn a_client_that_goes_away_makes_room() {
    let fake = Fake::new();
    let limits = Limits {
        connections: 1,
        ..patient()
    };
    let server = serve(&fake, limits, &loopback());
    let waits = request("GET", "/snapshot?seconds=300", &[], "");
    // Also if it has sent more than is read by then.
    for more in ["", &request("GET", "/config", &[], "")] {
        let before = fake.with(|state| state.snapshots);
        let mut socket = Socket::to(&server);
        socket.send(waits.clone() + more);
        while fake.with(|state| state.snapshots) == before {
            std::thread::yield_now();
        }
        drop(socket);
        assert_eq!(ask(&server, "GET", "/config", &[], "").status, 200);
    }
}

#[test]
fn a_server_that_is_dropped_ends_what_it_does() {
    let fake = Fake::new();
    let server = serve(&fake, patient(), &loopback());
    let mut idle = Socket::to(&server);
    let mut half = Socket::to(&server);
    half.send("GET /sn");
    let mut waiting = Socket::to(&server);
    waiting.send(request("GET", "/snapshot?seconds=300", &[], ""));
    while fake.with(|state| state.snapshots) == 0 {
        std::thread::yield_now();
    }
    drop(server);
    assert!(idle.is_closed() && half.is_closed() && waiting.is_closed());
}

#[test]
fn a_client_that_only_stops_sending_gets_its_answer() {
    let server = serve(&Fake::new(), patient(), &loopback());
    let mut socket = Socket::to(&server);
    socket.send(request("GET", "/config", &["Connection: close"], ""));
    socket.finish();
    assert!(socket.rest().ends_with(r#""budget":0.01}"#));
}
