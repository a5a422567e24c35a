//! Who is refused on a port, and is not on a Unix socket.

use super::client::Socket;
use super::*;

/// Sends a request with these headers only, and gives its status.
fn status(server: &Server, first: &str, headers: &str) -> u16 {
    let mut socket = Socket::to(server);
    socket.send(format!("{first}\r\n{headers}\r\n"));
    socket.answer(false).status
}

#[test]
fn a_port_is_for_this_machine() {
    let fake = Fake::new();
    let server = serve(&fake, patient(), &loopback());
    let get = "GET /snapshot HTTP/1.1";
    assert_eq!(status(&server, get, "Host: evil.example\r\n"), 403);
    assert_eq!(status(&server, get, ""), 400);
    assert_eq!(
        status(
            &server,
            "GET http://evil.example/snapshot HTTP/1.1",
            "Host: localhost\r\n"
        ),
        403
    );
    let elsewhere = "Host: localhost\r\nOrigin: http://evil.example\r\n";
    assert_eq!(status(&server, "POST /reset HTTP/1.1", elsewhere), 403);
    assert_eq!(fake.with(|state| (state.snapshots, state.resets)), (0, 0));

    assert_eq!(status(&server, get, "Host: 127.0.0.1:9\r\n"), 200);
    assert_eq!(status(&server, "GET /snapshot HTTP/1.0", ""), 200);
    let own = "Host: localhost:9\r\nOrigin: http://localhost:9\r\n";
    assert_eq!(status(&server, "POST /reset HTTP/1.1", own), 204);
}

/// It is neither answered nor waited for, and does not keep its connection.
#[test]
fn a_page_of_another_origin_gets_nothing() {
    let fake = Fake::new();
    let server = serve(&fake, patient(), &loopback());
    let host = format!("Host: {}\r\n", server.local_addr().unwrap());
    for headers in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    ] {
        for path in [
            "/snapshot",
            "/snapshot?seconds=300",
            "/metrics",
            "/debug/pprof/block?seconds=300",
            "/config",
        ] {
            let mut socket = Socket::to(&server);
            socket.send(format!("GET {path} HTTP/1.1\r\n{host}{headers}\r\n"));
            let answer = socket.answer(false);
            assert_eq!(
                (answer.status, answer.header("connection")),
                (403, Some("close"))
            );
            assert!(socket.is_closed(), "{path} {headers}");
        }
    }
    assert_eq!(fake.with(|state| state.snapshots), 0);
    // The page itself, a link to it, an address that was typed, and what no browser asks.
    for (path, headers) in [
        ("/snapshot", "Sec-Fetch-Site: same-origin\r\n"),
        ("/snapshot", "Sec-Fetch-Site: none\r\n"),
        ("/snapshot", ""),
        (
            "/",
            "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        ),
    ] {
        let mut socket = Socket::to(&server);
        socket.send(format!("GET {path} HTTP/1.1\r\n{host}{headers}\r\n"));
        let answer = socket.answer(false);
        assert_eq!((answer.status, answer.header("connection")), (200, None));
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            Some("same-origin")
        );
    }
}

#[test]
fn a_refusal_says_why() {
    let server = serve(&Fake::new(), patient(), &loopback());
    let mut socket = Socket::to(&server);
    socket.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    let answer = socket.answer(false);
    assert_eq!(
        answer.text(),
        "Host \"evil.example\" is not a loopback address or localhost\n"
    );
}

#[test]
fn a_unix_socket_is_its_owners_anyway() {
    let folder = sockets::Folder::new("hosts");
    let server = serve(&Fake::new(), patient(), &Listen::UnixAt(folder.0.join("s")));
    assert_eq!(
        status(&server, "GET /snapshot HTTP/1.1", "Host: any.thing\r\n"),
        200
    );
    assert_eq!(status(&server, "GET /snapshot HTTP/1.1", ""), 200);
    assert_eq!(
        status(
            &server,
            "POST /reset HTTP/1.1",
            "Host: a\r\nOrigin: http://b\r\n"
        ),
        204
    );
}
