//! Runs one connection's futures on its thread: polls them, and waits in `poll(2)` for what they wait for.

use std::cell::Cell;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What the futures of one connection wait for. They say so while they are polled.
#[derive(Debug)]
pub(super) struct Wants {
    read: Cell<bool>,
    write: Cell<bool>,
    /// A time that a future waits for.
    alarm: Cell<Option<Instant>>,
    /// The connection ends then, whatever it is doing.
    deadline: Cell<Instant>,
}

impl Wants {
    pub(super) fn new(deadline: Instant) -> Self {
        Wants {
            read: Cell::new(false),
            write: Cell::new(false),
            alarm: Cell::new(None),
            deadline: Cell::new(deadline),
        }
    }

    /// The socket had nothing to read.
    pub(super) fn to_read(&self) {
        self.read.set(true);
    }

    /// The socket took nothing more.
    pub(super) fn to_write(&self) {
        self.write.set(true);
    }

    /// Gives the connection so long from now on.
    pub(super) fn allow(&self, time: Duration) {
        self.deadline.set(after(time));
    }

    /// Waits for so long.
    pub(super) async fn sleep(&self, time: Duration) {
        let end = after(time);
        std::future::poll_fn(|_| {
            if Instant::now() >= end {
                return Poll::Ready(());
            }
            self.alarm.set(Some(end));
            Poll::Pending
        })
        .await;
    }

    fn forget(&self) {
        self.read.set(false);
        self.write.set(false);
        self.alarm.set(None);
    }

    fn events(&self) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.read.get());
        events.set(PollFlags::OUT, self.write.get());
        events
    }
}

/// A time so far away that it overflows is a day away: whoever waits that long is looked at again.
fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time)
        .unwrap_or_else(|| now + Duration::from_secs(86_400))
}

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End<T> {
    /// The future is done.
    Done(T),
    /// The deadline has passed.
    Late,
    /// The client is gone.
    Gone,
    /// The server ends.
    Stopped,
    /// Waiting failed.
    Failed(io::ErrorKind),
}

/// Polls the future until it is done, or the connection has to end. `stop` can be read when the server ends.
pub(super) fn drive<F: Future>(
    mut future: Pin<&mut F>,
    wants: &Wants,
    socket: BorrowedFd<'_>,
    stop: BorrowedFd<'_>,
) -> End<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    loop {
        wants.forget();
        woken.0.store(false, Relaxed);
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return End::Done(output);
        }
        let now = Instant::now();
        let deadline = wants.deadline.get();
        if now >= deadline {
            return End::Late;
        }
        let until = match (woken.0.load(Relaxed), wants.alarm.get()) {
            // It wants to be polled again, after a look at whether there still is somebody.
            (true, _) => now,
            (false, Some(alarm)) => alarm.min(deadline),
            (false, None) => deadline,
        };
        match wait(
            socket,
            wants.events(),
            stop,
            until.saturating_duration_since(now),
        ) {
            Ok(Seen { stop: true, .. }) => return End::Stopped,
            // Nothing is to be read or written, a time is waited for, and nobody waits with us.
            Ok(Seen { gone: true, .. }) if wants.events().is_empty() => return End::Gone,
            Ok(_) => {}
            Err(error) => return End::Failed(error.kind()),
        }
    }
}

/// Whether the client has closed its side; where the system does not tell, only a client that has closed both is seen.
#[cfg(target_os = "linux")]
const CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(target_os = "linux"))]
const CLOSED: PollFlags = PollFlags::empty();

/// What was seen of a socket.
#[derive(Debug)]
pub(super) struct Seen {
    /// The client has closed, if only its side, or the connection is broken.
    pub(super) gone: bool,
    /// The server ends.
    pub(super) stop: bool,
    /// Nothing came in time.
    pub(super) nothing: bool,
}

/// Waits for the socket or for the end of the server.
pub(super) fn wait(
    socket: BorrowedFd<'_>,
    events: PollFlags,
    stop: BorrowedFd<'_>,
    time: Duration,
) -> io::Result<Seen> {
    // Looked for only if nothing else is: whoever has something to write goes on, and would be told again and again.
    let events = if events.is_empty() { CLOSED } else { events };
    let mut fds = [
        PollFd::from_borrowed_fd(socket, events),
        PollFd::from_borrowed_fd(stop, PollFlags::IN),
    ];
    let count = poll_for(&mut fds, Some(time))?;
    let gone = CLOSED | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    Ok(Seen {
        gone: fds[0].revents().intersects(gone),
        stop: !fds[1].revents().is_empty(),
        nothing: count == 0,
    })
}

/// `poll(2)`; an interruption by a signal is as if nothing had come. Without a time it waits for as long as it takes.
pub(super) fn poll_for(fds: &mut [PollFd<'_>], time: Option<Duration>) -> io::Result<usize> {
    // A day at most, for systems that take no more than 2^31 ms.
    let time = time.map(|time| time.min(Duration::from_secs(86_400)));
    let time = time.and_then(|time| Timespec::try_from(time).ok());
    match poll(fds, time.as_ref()) {
        Err(Errno::INTR) => Ok(0),
        other => Ok(other?),
    }
}

/// Whether the future was woken while it was polled.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        // Relaxed: it is this very thread that looks.
        self.0.store(true, Relaxed);
    }
}
