//! The open connections, their states, and the choice of the one to close when there is no room for
//! another.
//!
//! A connection may be closed while its client does nothing, or is slow: it sends no request, half
//! a request, or does not read its answer. A request that was read is answered: from
//! [`Entered::answers`] on, nothing can cancel it. Before that, it has had no effect. Both sides
//! change a connection's state under one lock, so exactly one of them comes first.

use std::io::{PipeWriter, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::client::{End, Stream, poll_for};

/// How long a client may take to send a request before its connection may be closed. Most have it
/// ready.
const TO_SEND: Duration = Duration::from_millis(50);
/// The same for a client that reads an answer.
const TO_READ: Duration = Duration::from_millis(500);

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Waits for a request, or for the rest of one.
    Listens,
    /// Makes an answer, or waits for the end of `?seconds=N`.
    Answers,
    /// Sends the answer.
    Sends,
    /// Has sent the last answer, and reads what the client still sends.
    Ends,
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    state: Mutex<State>,
    /// Gets a byte for each connection that ends.
    ended: PipeWriter,
}

#[derive(Debug, Default)]
struct State {
    open: Vec<Open>,
    /// A client waits for a place, and no connection was idle: the next one to finish its answer
    /// must close.
    wanted: bool,
    last: u64,
}

/// An open connection.
#[derive(Debug)]
struct Open {
    number: u64,
    stream: Arc<Stream>,
    doing: Doing,
    since: Instant,
    /// It was told to end.
    told: bool,
}

impl Open {
    /// How long the client has exceeded its time. `None` if it has not, or if the client waits for
    /// us.
    fn idle(&self, now: Instant) -> Option<Duration> {
        let time = now.saturating_duration_since(self.since);
        match self.doing {
            Doing::Listens => time.checked_sub(TO_SEND),
            Doing::Sends => time.checked_sub(TO_READ),
            Doing::Ends => Some(time),
            Doing::Answers => None,
        }
    }

    /// Whether data has come that its thread is about to read.
    fn has_sent(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.stream.as_fd(), PollFlags::IN)];
        self.doing == Doing::Listens && poll_for(&mut fds, Some(Duration::ZERO)).unwrap_or(0) > 0
    }
}

impl Connections {
    pub(super) fn new(ended: PipeWriter) -> Self {
        Connections {
            state: Mutex::default(),
            ended,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.state().open.len()
    }

    /// Adds a connection.
    pub(super) fn enter(self: &Arc<Self>, stream: Arc<Stream>) -> Entered {
        let mut state = self.state();
        state.wanted = false;
        state.last += 1;
        let number = state.last;
        state.open.push(Open {
            number,
            stream,
            doing: Doing::Listens,
            since: Instant::now(),
            told: false,
        });
        Entered {
            connections: Arc::clone(self),
            number,
        }
    }

    /// Ends the connection that has been idle longest. If none is idle, the next one to finish its
    /// answer must close. There is room only once it has ended.
    pub(super) fn make_room(&self, now: Instant) {
        let mut state = self.state();
        if state.open.iter().any(|open| open.told) {
            return;
        }
        match longest_idle(&state.open, now) {
            Some(index) => {
                let open = &mut state.open[index];
                open.told = true;
                // Wakes its thread, which waits for the socket: that is now at its end.
                open.stream.shutdown(Shutdown::Both);
            }
            None => state.wanted = true,
        }
    }

    /// A panic cannot corrupt the list, so poisoning does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn longest_idle(open: &[Open], now: Instant) -> Option<usize> {
    let mut idle: Vec<(Duration, usize)> = open
        .iter()
        .enumerate()
        .filter_map(|(index, open)| Some((open.idle(now)?, index)))
        .collect();
    // The longest first; among equals, the older one.
    idle.sort_by_key(|(time, index)| (std::cmp::Reverse(*time), *index));
    let mut idle = idle.into_iter().map(|(_, index)| index);
    idle.find(|index| !open[*index].has_sent())
}

/// A connection's place in the list, until this is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    connections: Arc<Connections>,
    number: u64,
}

impl Entered {
    /// Waits for the next request.
    pub(super) fn listens(&self) {
        self.does(Doing::Listens);
    }

    /// A request has been read.
    ///
    /// # Errors
    /// If the connection was told to end before.
    pub(super) fn answers(&self) -> Result<(), End> {
        if self.does(Doing::Answers) {
            Ok(())
        } else {
            Err(End::Gone)
        }
    }

    /// The answer is ready. `true` if it must be the last, because a client waits for a place.
    pub(super) fn sends(&self) -> bool {
        self.does(Doing::Sends);
        std::mem::take(&mut self.connections.state().wanted)
    }

    /// The last answer was sent.
    pub(super) fn ends(&self) {
        self.does(Doing::Ends);
    }

    /// Changes the state, unless the connection was told to end.
    fn does(&self, doing: Doing) -> bool {
        let mut state = self.connections.state();
        let mut all = state.open.iter_mut();
        let Some(open) = all.find(|open| open.number == self.number) else {
            return false;
        };
        open.doing = doing;
        open.since = Instant::now();
        !open.told
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.open.retain(|open| open.number != self.number);
        drop(state);
        // Wakes the accepting thread. There are only a few connections, hence few bytes, so the
        // pipe is never full.
        let _ = (&self.connections.ended).write(&[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes the states of connections, each with its age in milliseconds, and the index of the one
    /// to close.
    #[track_caller]
    fn check(doing: &[(Doing, u64)], expected: Option<usize>) {
        let now = Instant::now() + 1000 * SECOND;
        let (open, _clients): (Vec<_>, Vec<_>) = doing
            .iter()
            .map(|(doing, before)| {
                let (ours, client) = UnixStream::pair().unwrap();
                let open = Open {
                    number: 0,
                    stream: Arc::new(Stream::Unix(ours)),
                    doing: *doing,
                    since: now - Duration::from_millis(*before),
                    told: false,
                };
                (open, client)
            })
            .unzip();
        assert_eq!(longest_idle(&open, now), expected, "{doing:?}");
    }

    #[test]
    fn the_longest_idle_gives_way() {
        use Doing::{Answers, Ends, Listens, Sends};
        check(&[], None);
        check(&[(Listens, 60)], Some(0));
        check(&[(Listens, 65), (Listens, 69), (Listens, 67)], Some(1));
        check(&[(Listens, 65), (Ends, 69), (Listens, 67)], Some(1));
        check(&[(Listens, 65), (Listens, 65)], Some(0));
        // A client has some time to send a request, and to read an answer.
        check(&[(Listens, 49)], None);
        check(&[(Listens, 51)], Some(0));
        check(&[(Sends, 499)], None);
        check(&[(Sends, 501)], Some(0));
        check(&[(Sends, 900), (Listens, 451)], Some(1));
        check(&[(Sends, 900), (Listens, 449)], Some(0));
        // A client that waits for us is not idle, however long it takes.
        check(&[(Answers, 1_000_000)], None);
        check(&[(Answers, 1_000_000), (Listens, 51)], Some(1));
    }

    fn connections() -> (Arc<Connections>, std::io::PipeReader) {
        let (over, ended) = std::io::pipe().unwrap();
        (Arc::new(Connections::new(ended)), over)
    }

    /// A connection, and its client's end.
    fn enter(connections: &Arc<Connections>) -> (Entered, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        client.set_nonblocking(true).unwrap();
        (connections.enter(Arc::new(Stream::Unix(ours))), client)
    }

    fn is_closed(mut client: &UnixStream) -> bool {
        matches!(client.read(&mut [0]), Ok(0))
    }

    /// A time at which all clients have used up theirs.
    fn later() -> Instant {
        Instant::now() + SECOND
    }

    #[test]
    fn one_at_a_time_is_told_to_end() {
        let (connections, mut over) = connections();
        let (first, first_client) = enter(&connections);
        let (second, second_client) = enter(&connections);
        connections.make_room(later());
        connections.make_room(later());
        assert!(is_closed(&first_client) && !is_closed(&second_client));
        // It reads its request only now, which is too late.
        assert_eq!(first.answers(), Err(End::Gone));
        assert_eq!(second.answers(), Ok(()));
        drop(first);
        assert_eq!(over.read(&mut [0; 9]).unwrap(), 1);
        assert_eq!(connections.count(), 1);
    }

    #[test]
    fn a_request_that_is_there_is_answered() {
        let (connections, _over) = connections();
        let (first, mut client) = enter(&connections);
        client.write_all(b"G").unwrap();
        connections.make_room(later());
        assert!(!is_closed(&client));
        assert_eq!(first.answers(), Ok(()));
        // But it must be the last, since a client waits for its place. Only this once.
        assert!(first.sends());
        first.listens();
        assert!(!first.sends());
        // The new client has a place, so nobody waits any more.
        assert_eq!(first.answers(), Ok(()));
        connections.make_room(later());
        drop(enter(&connections));
        assert!(!first.sends());
    }
}
