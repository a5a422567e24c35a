//! One connection, from its first byte to its last.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::time::{Duration, Instant};

use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::event::PollFlags;
use rustix::net::{RecvFlags, recv};

use super::drive::{End, Wants, drive, wait};
use super::origin::Road;
use super::reply::set;
use super::routes::{Routes, Served};
use super::transport::{Stream, Transport};

/// Serves a connection until it ends: by the client, by a limit, or because `stop` can be read.
pub(super) fn serve(
    stream: Stream,
    road: Road,
    served: &Served<'_>,
    stop: BorrowedFd<'_>,
) -> io::Result<()> {
    stream.set_nonblocking()?;
    if let Stream::Tcp(stream) = &stream {
        stream.set_nodelay(true)?;
    }
    let limits = served.limits;
    let wants = Wants::new(Instant::now());
    wants.allow(limits.idle);
    let routes = Routes {
        served,
        road,
        wants: &wants,
    };
    let left = Cell::new(limits.requests);
    let service = service_fn(|request| {
        let (routes, wants, left) = (&routes, &wants, &left);
        async move {
            let mut reply = routes.answer(request).await;
            left.set(left.get().saturating_sub(1));
            if left.get() == 0 {
                set(&mut reply, CONNECTION, "close");
            }
            wants.allow(limits.answer);
            Ok::<_, Infallible>(reply)
        }
    });
    let transport = Transport {
        stream: &stream,
        wants: &wants,
    };
    let connection = http1::Builder::new()
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        // hyper panics below its own minimum.
        .max_buf_size(limits.head_bytes.max(8192))
        .header_read_timeout(None)
        // Who only stops sending still gets an answer, unless that is one to wait for: `drive` looks after that.
        .half_close(true)
        .serve_connection(transport, service);
    // An error is the client's: what it sent is no HTTP, which hyper has answered, or it is gone.
    let end = drive(pin!(connection), &wants, stream.as_fd(), stop);
    if matches!(end, End::Done(_)) {
        linger(&stream, limits.idle, stop)?;
    }
    // Nobody to tell if it is closed already.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(())
}

/// Reads on for a moment: closing a socket of which something has not been read breaks the connection, and with it takes
/// away an answer that says what is wrong.
fn linger(stream: &Stream, idle: Duration, stop: BorrowedFd<'_>) -> io::Result<()> {
    const MOST_BYTES: usize = 256 * 1024;
    const MOST_TIME: Duration = Duration::from_secs(1);
    // Whoever reads to the end sees it now.
    let _ = stream.shutdown(Shutdown::Write);
    let end = Instant::now() + MOST_TIME.min(idle);
    let mut piece = [0; 4096];
    let mut bytes = 0;
    while bytes < MOST_BYTES {
        match recv(stream, &mut piece, RecvFlags::empty()) {
            Ok((0, _)) => return Ok(()),
            Ok((read, _)) => bytes += read,
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let time = end.saturating_duration_since(Instant::now());
                let seen = wait(stream.as_fd(), PollFlags::IN, stop, time)?;
                if seen.stop || seen.nothing {
                    return Ok(());
                }
            }
            // It is broken already.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}
