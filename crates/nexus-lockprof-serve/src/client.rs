//! A client's socket. Every wait on it ends: at a deadline, when the server stops, or when the
//! client is gone.

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
    /// Makes it non-blocking, since `poll` does the waiting. Written data goes out at once.
    fn prepare(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.set_nonblocking(true),
            Stream::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)
            }
        }
    }

    /// Shuts the connection down, even if a forked child also has the socket.
    pub(super) fn shutdown(&self, how: Shutdown) {
        // A connection that is already gone cannot be told.
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
    /// The server stops.
    Stopped,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        End::Gone
    }
}

/// A client, what it has sent, and the deadline until which it may keep the server waiting.
#[derive(Debug)]
pub(super) struct Client<'a> {
    stream: Arc<Stream>,
    /// Readable when the server stops.
    stop: BorrowedFd<'a>,
    deadline: Instant,
    /// Bytes that were read but not used yet. After a request, they are the beginning of the next
    /// one.
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

    /// Gives the client `time` from now on.
    pub(super) fn allow(&mut self, time: Duration) {
        self.deadline = after(time);
    }

    /// The bytes that were read but not used.
    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// Marks this many bytes as used.
    pub(super) fn used(&mut self, bytes: usize) {
        self.unread.drain(..bytes.min(self.unread.len()));
    }

    /// Reads more. `false` at the end of the client's data.
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

    /// Sleeps for `time`, unless the client goes or the server stops first.
    pub(super) fn sleep(&self, time: Duration) -> Result<(), End> {
        let end = after(time);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            // Only looks for the end of the connection. Further requests are read after this one is
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

    /// Whether the socket has something within `time`. A signal may end the wait earlier.
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

    /// Closes the connection, but first reads on for a moment. Closing a socket with unread data
    /// resets the connection, and the client would lose an answer that explains an error.
    pub(super) fn close_gently(mut self) {
        const MOST_BYTES: usize = 256 * 1024;
        const MOST_TIME: Duration = Duration::from_secs(1);
        // A client that reads to the end sees it now.
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

/// Suppresses SIGPIPE, which ends programs that do not expect it. Where this flag does not exist,
/// Rust programs are safe anyway: they ignore SIGPIPE from the start.
#[cfg(target_os = "linux")]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// The event of a client that has closed its side. Without it, the server only notices a client
/// that has closed both.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::empty();

/// The time after `time`, or a day from now if that overflows.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(86_400))
}

/// `poll(2)`. An interruption by a signal looks as if nothing had come. Without a time, it waits
/// indefinitely.
pub(super) fn poll_for(fds: &mut [PollFd<'_>], time: Option<Duration>) -> io::Result<usize> {
    // A day at most, for systems that accept no more than 2^31 ms.
    let time = time.map(|time| time.min(Duration::from_secs(86_400)));
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(fds, time.as_ref()) {
        Err(Errno::INTR) => Ok(0),
        other => Ok(other?),
    }
}
