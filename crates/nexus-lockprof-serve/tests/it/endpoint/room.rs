//! More clients than there are connections: whoever asks is answered, whatever the others do or do not. Nobody lets go before the answer is
//! there.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::client::{Socket, ask, request};
use super::*;

/// A server on a port, and one on a Unix socket.
fn both(limits: &Limits, test: impl Fn(&Fake, &Server)) {
    let fake = Fake::new();
    test(&fake, &serve(&fake, limits.clone(), &loopback()));
    let directory = sockets::Folder::new("room");
    let place = Listen::UnixAt(directory.0.join("s"));
    let fake = Fake::new();
    test(&fake, &serve(&fake, limits.clone(), &place));
}

/// Of no request, and of half of one.
fn slow(server: &Server, sent: &str) -> Socket {
    let mut socket = Socket::to(server);
    socket.send(sent);
    socket
}

/// Asks for more than fits into any buffer, and reads nothing.
fn does_not_read(server: &Server) -> Socket {
    let mut socket = Socket::to(server);
    socket.do_not_wait();
    let many = request("GET", "/", &[], "").repeat(200);
    // What the server does not take it has not read yet: it stands before an answer that is not taken.
    let _ = socket.write(many.as_bytes());
    socket
}

fn idle(server: &Server) -> Socket {
    let mut socket = Socket::to(server);
    socket.send(request("GET", "/config", &[], ""));
    assert_eq!(socket.answer(false).status, 200);
    socket
}

/// What goes before the end of a head, or of a body.
const HALVES: [&str; 4] = [
    "",
    "G",
    "GET /snapshot HTTP/1.1\r\nHost: localhost\r\n",
    "POST /config HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nmode=",
];

#[test]
fn sixteen_clients_that_send_slowly() {
    both(&patient(), |_, server| {
        for sent in HALVES {
            let _slow: Vec<_> = (0..16).map(|_| slow(server, sent)).collect();
            assert_eq!(ask(server, "GET", "/config", &[], "").status, 200, "{sent}");
        }
    });
}

#[test]
fn sixteen_clients_that_do_not_read() {
    both(&patient(), |_, server| {
        let _slow: Vec<_> = (0..16).map(|_| does_not_read(server)).collect();
        assert_eq!(ask(server, "GET", "/config", &[], "").status, 200);
    });
}

#[test]
fn sixteen_clients_that_keep_their_connections() {
    both(&patient(), |_, server| {
        let mut idle: Vec<_> = (0..16).map(|_| idle(server)).collect();
        assert_eq!(ask(server, "GET", "/config", &[], "").status, 200);
        // One has made room, and no other. Which has been idle for longest is for the server to say: a client may have its answer
        // before the thread that has sent it waits for the next request.
        let closed = idle.iter_mut().filter_map(|socket| {
            let _ = socket.write(request("GET", "/config", &[], "").as_bytes());
            socket.is_closed().then_some(())
        });
        assert_eq!(closed.count(), 1);
    });
}

/// Some of each, and a page of another origin in a browser that says so, and in one that does not.
#[test]
fn sixteen_slow_clients_and_a_page() {
    both(&patient(), |_, server| {
        let mut held: Vec<_> = HALVES.iter().map(|sent| slow(server, sent)).collect();
        held.extend((0..6).map(|_| does_not_read(server)));
        held.extend((0..6).map(|_| idle(server)));
        let waits = "GET /snapshot?seconds=300 HTTP/1.1\r\nHost: localhost\r\n";
        let page = "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
        held.extend((0..32).map(|_| slow(server, &format!("{waits}{page}\r\n"))));
        held.extend((0..32).map(|_| slow(server, &format!("{waits}\r\n"))));
        held.extend((0..32).map(|_| slow(server, "")));
        for _ in 0..3 {
            assert_eq!(ask(server, "GET", "/config", &[], "").status, 200);
        }
    });
}

/// Clients whose next request is there before the answer to the last one: they are never idle, and yet make room.
#[test]
fn clients_that_do_not_pause() {
    let limits = Limits {
        connections: 2,
        requests: usize::MAX,
        ..patient()
    };
    both(&limits, |_, server| {
        let done = AtomicBool::new(false);
        let many = request("GET", "/config", &[], "").repeat(20);
        let hasty = || {
            while !done.load(Relaxed) {
                let mut socket = Socket::to(server);
                // Until the server has had enough.
                while !done.load(Relaxed) && socket.write_all(many.as_bytes()).is_ok() {
                    if !matches!(socket.read(&mut [0; 16 * 1024]), Ok(read) if read > 0) {
                        break;
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(hasty);
            scope.spawn(hasty);
            let asking = scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(ask(server, "GET", "/config", &[], "").status, 200);
                }
            });
            let asked = asking.join();
            done.store(true, Relaxed);
            assert!(asked.is_ok());
        });
    });
}

/// Waits until so many snapshots have been taken.
fn taken(fake: &Fake, snapshots: u64) {
    while fake.with(|state| state.snapshots) < snapshots {
        std::thread::yield_now();
    }
}

#[test]
fn so_many_wait_and_others_hear_when_to_come_back() {
    both(&patient(), |fake, server| {
        let waits = request("GET", "/snapshot?seconds=300", &[], "");
        let mut waiting: Vec<_> = (0..4).map(|_| slow(server, &waits)).collect();
        taken(fake, 4);
        for path in [
            "/snapshot?seconds=1",
            "/debug/pprof/mutex?seconds=300",
            "/debug/pprof/block?seconds=300",
        ] {
            let answer = ask(server, "GET", path, &[], "");
            assert_eq!(
                (answer.status, answer.text()),
                (503, "4 others are waiting already\n")
            );
            let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=301).contains(&after), "{after}");
        }
        // It would have cost a snapshot.
        assert_eq!(fake.with(|state| state.snapshots), 4);
        // What does not wait is answered, and that of one that has gone is free.
        assert_eq!(ask(server, "GET", "/snapshot", &[], "").status, 200);
        waiting.pop();
        loop {
            let answer = ask(server, "GET", "/snapshot?seconds=1", &[], "");
            if answer.status == 200 {
                break;
            }
            assert_eq!(answer.status, 503);
        }
    });
}

/// Whoever waits for an answer keeps the connection, for however long.
#[test]
fn a_client_that_waits_for_us_does_not_make_room() {
    let limits = Limits {
        connections: 2,
        ..patient()
    };
    both(&limits, |fake, server| {
        let mut waiting = slow(server, &request("GET", "/snapshot?seconds=2", &[], ""));
        taken(fake, 1);
        let held: Vec<_> = (0..5).map(|_| slow(server, "")).collect();
        assert_eq!(ask(server, "GET", "/config", &[], "").status, 200);
        assert_eq!(waiting.answer(false).status, 200);
        drop(held);
    });
}
