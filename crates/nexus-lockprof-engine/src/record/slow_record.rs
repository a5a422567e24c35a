//! A wait or hold that took long, as the [log](super::slow_log) keeps it: in a few words.

use crate::identity::PointKey;
use crate::record::thread_info::ThreadId;

/// A wait or hold that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlowRecord {
    pub(crate) key: PointKey,
    pub(crate) kind: SlowKind,
    pub(crate) ns: u64,
    pub(crate) threshold_ns: u64,
    /// `None` if it is not known.
    pub(crate) thread: Option<ThreadId>,
    /// Number of events that were dropped before this one.
    pub(crate) dropped: u64,
}

/// What took long, and what is known of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlowKind {
    /// A wait, and for whom it was most of the time.
    Wait(Option<SlowBy>),
    /// The same of one who gave up.
    AbandonedWait(Option<SlowBy>),
    /// A hold, and the most threads that were parked when it ended.
    Hold(u64),
}

/// Who caused most of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlowBy {
    pub(crate) key: PointKey,
    /// Nanoseconds of the wait.
    pub(crate) ns: u64,
    /// `None` if it is not known.
    pub(crate) thread: Option<ThreadId>,
}

/// Number of words of a thread.
const THREAD: usize = 4;
/// Number of words of a record.
pub(crate) const WORDS: usize = 7 + 2 * THREAD;

impl SlowRecord {
    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let (kind, by) = match self.kind {
            SlowKind::Wait(by) => (0, by),
            SlowKind::AbandonedWait(by) => (1, by),
            SlowKind::Hold(_) => (2, None),
        };
        let other = match (self.kind, by) {
            (SlowKind::Hold(waiters), _) => waiters,
            (_, by) => by.map_or(0, |by| by.key.0),
        };
        let by_ns = by.map_or(0, |by| by.ns);
        let [token, system, low, high] = thread_to_words(self.thread);
        let [by_token, by_system, by_low, by_high] = thread_to_words(by.and_then(|by| by.thread));
        [
            self.key.0,
            kind,
            other,
            by_ns,
            self.ns,
            self.threshold_ns,
            self.dropped,
            token,
            system,
            low,
            high,
            by_token,
            by_system,
            by_low,
            by_high,
        ]
    }

    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        let [
            key,
            kind,
            other,
            by_ns,
            ns,
            threshold_ns,
            dropped,
            token,
            system,
            low,
            high,
            by_token,
            by_system,
            by_low,
            by_high,
        ] = words;
        let by = (other != 0).then(|| SlowBy {
            key: PointKey(other),
            ns: by_ns,
            thread: thread_from_words([by_token, by_system, by_low, by_high]),
        });
        SlowRecord {
            key: PointKey(key),
            kind: match kind {
                0 => SlowKind::Wait(by),
                1 => SlowKind::AbandonedWait(by),
                _ => SlowKind::Hold(other),
            },
            ns,
            threshold_ns,
            thread: thread_from_words([token, system, low, high]),
            dropped,
        }
    }
}

fn thread_to_words(thread: Option<ThreadId>) -> [u64; THREAD] {
    thread.unwrap_or_default().to_words()
}

fn thread_from_words(words: [u64; THREAD]) -> Option<ThreadId> {
    let thread = ThreadId::from_words(words);
    (thread.token != 0).then_some(thread)
}
