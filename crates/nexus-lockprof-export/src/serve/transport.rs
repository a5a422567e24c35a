//! A non-blocking socket as hyper reads and writes it.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::drive::Wants;

/// A client's socket.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.set_nonblocking(true),
            Stream::Tcp(stream) => stream.set_nonblocking(true),
        }
    }

    /// Tells the client, also if the process has been forked and the child has the socket, too.
    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.shutdown(how),
            Stream::Tcp(stream) => stream.shutdown(how),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Tcp(stream) => stream.as_fd(),
        }
    }
}

/// What hyper has: the socket, and whom to tell what it waits for.
#[derive(Debug)]
pub(super) struct Transport<'a> {
    pub(super) stream: &'a Stream,
    pub(super) wants: &'a Wants,
}

impl Transport<'_> {
    /// `Pending`, and `want`ed, when it would block.
    fn attempt<T>(
        &self,
        want: impl Fn(&Wants),
        mut work: impl FnMut() -> rustix::io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            return match work() {
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => {
                    want(self.wants);
                    Poll::Pending
                }
                other => Poll::Ready(other.map_err(io::Error::from)),
            };
        }
    }
}

impl Read for Transport<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = [0; 4096];
        let most = piece.len().min(to.remaining());
        let piece = &mut piece[..most];
        self.attempt(Wants::to_read, || {
            recv(self.stream, &mut *piece, RecvFlags::empty()).map(|(read, _)| read)
        })
        .map_ok(|read| to.put_slice(&piece[..read.min(most)]))
    }
}

impl Write for Transport<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Without a SIGPIPE, which ends programs that are not prepared for it.
        self.attempt(Wants::to_write, || {
            send(self.stream, bytes, SendFlags::NOSIGNAL)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(Shutdown::Write))
    }
}
