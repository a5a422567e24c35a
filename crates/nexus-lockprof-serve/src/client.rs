//! A client's socket: every wait for it has an end, by a deadline, by the end of the server, or
//! because nobody is there.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// A client's socket.
#[derive(Debug)]
pub(super) enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    /// What it waits for is waited for in `poll`; what is written goes out at once.
    fn prepare(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.set_nonblocking(true),
            Stream::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)
            }
        }
    }

    /// Tells the client, also if the process has been forked and the child has the socket, too.
    pub(super) fn shutdown(&self, how: Shutdown) {
        // Of a connection that is gone already there is nobody to tell.
        let _ = match self {
            Stream::Unix(stream) => stream.shutdown(how),
            Stream::Tcp(stream) => stream.shutdown(how),
        };
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

/// A connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The deadline has passed.
    Late,
    /// The client has closed, or the connection is broken.
    Gone,
    /// The server ends.
    Stopped,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        End::Gone
    }
}

/// A client, what it has sent, and until when it may keep the server waiting.
#[derive(Debug)]
pub(super) struct Client<'a> {
    stream: Arc<Stream>,
    /// Readable when the server ends.
    stop: BorrowedFd<'a>,
    deadline: Instant,
    /// What was read and not yet used: what follows a request is the next one.
    unread: Vec<u8>,
}

impl<'a> Client<'a> {
    pub(super) fn new(stream: Arc<Stream>, stop: BorrowedFd<'a>) -> io::Result<Self> {
        stream.prepare()?;
        Ok(Client {
            stream,
            stop,
            deadline: Instant::now(),
            unread: Vec::new(),
        })
    }

    /// Gives the client so long from now on.
    pub(super) fn allow(&mut self, time: Duration) {
        self.deadline = after(time);
    }

    /// What has been read and not used.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// So many bytes are used.
    pub(super) fn used(&mut self, bytes: usize) {
        self.unread.drain(..bytes.min(self.unread.len()));
    }

    /// Reads more. `false` at the end of what the client sends.
    pub(super) fn read(&mut self) -> Result<bool, End> {
        let mut piece = [0; 4096];
        loop {
            match recv(&*self.stream, &mut piece, RecvFlags::empty()) {
                Ok((0, _)) => return Ok(false),
                Ok((read, _)) => {
                    self.unread
                        .extend_from_slice(&piece[..read.min(piece.len())]);
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => self.wait_for(PollFlags::IN)?,
                Err(_) => return Err(End::Gone),
            }
        }
    }

    pub(super) fn write(&self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            match send(&*self.stream, bytes, NO_SIGNAL) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => self.wait_for(PollFlags::OUT)?,
                Err(_) => return Err(End::Gone),
            }
        }
        Ok(())
    }

    /// Waits for so long, as long as somebody is there to wait with.
    pub(super) fn sleep(&self, time: Duration) -> Result<(), End> {
        let end = after(time);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            // Nothing but its going is looked for: more requests are read when this one is
            // answered.
            if self.wait(CLOSED, left)? {
                return Err(End::Gone);
            }
        }
    }

    fn wait_for(&self, events: PollFlags) -> Result<(), End> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(End::Late);
            }
            if self.wait(events, left)? {
                return Ok(());
            }
        }
    }

    /// Whether the socket has something before the time is over; a signal may end it earlier.
    fn wait(&self, events: PollFlags, time: Duration) -> Result<bool, End> {
        let mut fds = [
            PollFd::from_borrowed_fd(self.stream.as_fd(), events),
            PollFd::from_borrowed_fd(self.stop, PollFlags::IN),
        ];
        poll_for(&mut fds, Some(time))?;
        if !fds[1].revents().is_empty() {
            return Err(End::Stopped);
        }
        Ok(!fds[0].revents().is_empty())
    }

    /// Closes the connection, but first reads on for a moment: closing a socket of which something
    /// has not been read breaks the connection, and with it takes away an answer that says what is
    /// wrong.
    pub(super) fn close_gently(mut self) {
        const MOST_BYTES: usize = 256 * 1024;
        const MOST_TIME: Duration = Duration::from_secs(1);
        // Whoever reads to the end sees it now.
        self.stream.shutdown(Shutdown::Write);
        self.deadline = self.deadline.min(after(MOST_TIME));
        let mut bytes = 0;
        while bytes < MOST_BYTES && self.read() == Ok(true) {
            bytes += self.unread.len();
            self.unread.clear();
        }
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.stream.shutdown(Shutdown::Both);
    }
}

/// Without a SIGPIPE, which ends programs that are not prepared for it. Where there is no such
/// flag, Rust's own programs are: they ignore it from the start.
#[cfg(target_os = "linux")]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// That the client has closed its side; where the system does not tell, only a client that has
/// closed both is seen.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::empty();

/// A time so far away that it overflows is a day away.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(86_400))
}

/// `poll(2)`; an interruption by a signal is as if nothing had come. Without a time it waits for as
/// long as it takes.
pub(super) fn poll_for(fds: &mut [PollFd<'_>], time: Option<Duration>) -> io::Result<usize> {
    // A day at most, for systems that take no more than 2^31 ms.
    let time = time.map(|time| time.min(Duration::from_secs(86_400)));
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(fds, time.as_ref()) {
        Err(Errno::INTR) => Ok(0),
        other => Ok(other?),
    }
}
