//! Waits and holds that took long, on their way to whoever tells of them.
//!
//! The thread that settles one puts it in here. It may hold other locks then, be inside the
//! program's allocator, or run a signal handler. So it only stores to memory that exists, and waits
//! for nobody. Whoever delivers the events takes them out.
//!
//! The log has few places, because a token bucket limits the events anyway. What does not fit is
//! counted, and so is what the bucket refuses.

use crate::record::slow_record::{SlowRecord, WORDS};
use crate::sync::{AtomicBool, AtomicU32, AtomicU64, Ordering, array, const_fn, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Events that the log can hold.
const PLACES: usize = sized(1, 32);
/// The threshold that no duration reaches.
const OFF: u64 = u64::MAX;
/// The bucket holds the tokens of so much time.
const FULL_NS: u64 = 1_000_000_000;
/// How often to try again when another thread takes a token.
const ATTEMPTS: usize = sized(1, 8);

/// A place for one event.
#[derive(Debug)]
struct Place {
    /// One of the states below. A thread that changes it to `TAKEN` has the place.
    state: AtomicU32,
    /// The events in order.
    number: AtomicU64,
    words: [AtomicU64; WORDS],
}

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const FULL: u32 = 2;

impl Place {
    fn take(&self, in_state: u32) -> bool {
        // Acquire: this thread comes after the one that had the place before. It overwrites nothing
        // that is still being read, and reads what was written. Pairs with the Release in `leave`.
        self.state.load(Relaxed) == in_state
            && self
                .state
                .compare_exchange(in_state, TAKEN, Acquire, Relaxed)
                .is_ok()
    }

    fn leave(&self, in_state: u32) {
        // Release: the next thread to take the place comes after this one. Pairs with the Acquire
        // in `take`.
        self.state.store(in_state, Release);
    }
}

/// An engine's log of slow events, and what is slow.
#[derive(Debug)]
pub(crate) struct SlowLog {
    /// A wait or a hold of so many nanoseconds is slow. Releases of timed acquisitions read it.
    threshold_ns: AtomicU64,
    /// Nanoseconds between two events, on average, at most.
    spacing_ns: AtomicU64,
    /// When the bucket is full again, by the coarse clock.
    full_at_ns: AtomicU64,
    /// Events dropped since the last that was not.
    dropped: AtomicU64,
    /// Number of events put in, and of those delivered.
    number: AtomicU64,
    delivered: AtomicU64,
    /// Whether something may be in it.
    has_some: AtomicBool,
    places: [Place; PLACES],
}

impl SlowLog {
    const_fn! {
        /// Nothing is slow.
        pub(crate) fn new() -> Self {
            SlowLog {
                threshold_ns: AtomicU64::new(OFF),
                spacing_ns: AtomicU64::new(FULL_NS),
                full_at_ns: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
                number: AtomicU64::new(0),
                delivered: AtomicU64::new(0),
                has_some: AtomicBool::new(false),
                places: array![
                    Place {
                        state: AtomicU32::new(FREE),
                        number: AtomicU64::new(0),
                        words: array![AtomicU64::new(0); WORDS],
                    };
                    PLACES
                ],
            }
        }
    }

    /// Sets what is slow, in nanoseconds, and how many events a second may be told. `None`: nothing
    /// is slow.
    pub(crate) fn set(&self, threshold_ns: Option<u64>, rate: u64) {
        self.spacing_ns.store(FULL_NS / rate.max(1), Relaxed);
        self.threshold_ns
            .store(threshold_ns.unwrap_or(OFF), Relaxed);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.threshold_ns() != OFF
    }

    #[inline(always)]
    pub(crate) fn threshold_ns(&self) -> u64 {
        self.threshold_ns.load(Relaxed)
    }

    /// Whether so long is slow.
    #[inline(always)]
    pub(crate) fn is_slow(&self, ns: u64) -> bool {
        ns >= self.threshold_ns()
    }

    /// Whether there may be something to take out. A hint: it may miss an event that comes while
    /// another thread takes events out.
    #[inline]
    pub(crate) fn has_some(&self) -> bool {
        self.has_some.load(Relaxed)
    }

    /// Puts an event in, which `record` makes from the number of events that were dropped before
    /// it. `false` if it is dropped: there were too many of late, or nobody takes them out.
    ///
    /// A signal handler may call this.
    pub(crate) fn put(&self, now_ns: u64, record: impl FnOnce(u64) -> SlowRecord) -> bool {
        let place = self.has_token(now_ns).then(|| {
            let mut places = self.places.iter();
            places.find(|place| place.take(FREE))
        });
        let Some(place) = place.flatten() else {
            self.dropped.fetch_add(1, Relaxed);
            return false;
        };
        let number = self.number.fetch_add(1, Relaxed);
        let words = record(self.dropped.swap(0, Relaxed)).to_words();
        place.number.store(number, Relaxed);
        for (to, from) in place.words.iter().zip(words) {
            to.store(from, Relaxed);
        }
        place.leave(FULL);
        self.has_some.store(true, Relaxed);
        true
    }

    /// Takes a token. The bucket refills at an even rate, and one word says all: when it is full.
    fn has_token(&self, now_ns: u64) -> bool {
        let spacing_ns = self.spacing_ns.load(Relaxed);
        let mut full_at_ns = self.full_at_ns.load(Relaxed);
        for _ in 0..ATTEMPTS {
            let from = full_at_ns.max(now_ns);
            let next = from.saturating_add(spacing_ns);
            if next > now_ns.saturating_add(FULL_NS) {
                return false;
            }
            // Relaxed: the word stands alone.
            match (self.full_at_ns).compare_exchange(full_at_ns, next, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => full_at_ns = now,
            }
        }
        false
    }

    /// Takes out what there is, and calls `each` with it, whose place is free after that. Threads
    /// that do this at one time share the events.
    pub(crate) fn take(&self, mut each: impl FnMut(u64, SlowRecord)) {
        // Before the look: an event that comes later sets it again.
        self.has_some.store(false, Relaxed);
        for place in &self.places {
            if place.take(FULL) {
                let number = place.number.load(Relaxed);
                let words = place.words.each_ref().map(|word| word.load(Relaxed));
                each(number, SlowRecord::from_words(words));
                place.leave(FREE);
            }
        }
    }

    /// Notes that events that were taken out have been delivered.
    pub(crate) fn note_delivered(&self, events: u64) {
        // Relaxed, as in `is_all_delivered`: the number says all.
        self.delivered.fetch_add(events, Relaxed);
    }

    /// Whether all events that were put in so far have been delivered.
    pub(crate) fn is_all_delivered(&self) -> bool {
        self.delivered.load(Relaxed) >= self.number.load(Relaxed)
    }

    /// Number of events dropped since the last that was not, which no event will say any more.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Relaxed)
    }

    /// In a forked child: its parent tells of what is in here. Calls `each` with it, to release
    /// what it refers to. A thread that the child does not have may have a place.
    #[cfg(unix)]
    pub(crate) fn forget(&self, mut each: impl FnMut(SlowRecord)) {
        self.take(|_, record| each(record));
        self.dropped.store(0, Relaxed);
        self.delivered.store(self.number.load(Relaxed), Relaxed);
        for place in &self.places {
            place.leave(FREE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PointKey;
    use crate::record::slow_record::{SlowBy, SlowKind};
    use crate::record::thread_info::ThreadId;

    fn by(key: u64, ns: u64, token: u64) -> SlowBy {
        SlowBy {
            key: PointKey(key),
            ns,
            thread: Some(ThreadId::current(token)),
        }
    }

    fn record(ns: u64, dropped: u64) -> SlowRecord {
        SlowRecord {
            key: PointKey(8),
            kind: SlowKind::Wait(Some(by(16, ns - 1, 9))),
            ns,
            threshold_ns: 1,
            thread: Some(ThreadId::current(7)),
            dropped,
        }
    }

    fn all(log: &SlowLog) -> Vec<SlowRecord> {
        let mut all = Vec::new();
        log.take(|_, record| all.push(record));
        all
    }

    #[test]
    fn what_goes_in_comes_out() {
        let log = SlowLog::new();
        log.set(Some(1), 1_000);
        let kinds = [
            SlowKind::Wait(None),
            SlowKind::Wait(Some(by(u64::MAX, 3, 5))),
            SlowKind::AbandonedWait(None),
            SlowKind::AbandonedWait(Some(SlowBy {
                thread: None,
                ..by(1, 0, 1)
            })),
            SlowKind::Hold(0),
            SlowKind::Hold(9),
        ];
        for kind in kinds {
            for thread in [None, Some(ThreadId::current(u64::MAX))] {
                let put = SlowRecord {
                    kind,
                    thread,
                    ..record(5, 0)
                };
                assert!(log.put(0, |_| put));
                assert!(log.has_some());
                assert_eq!(all(&log), [put]);
                assert!(!log.has_some());
            }
        }
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let log = SlowLog::new();
        log.set(Some(1), 1_000);
        let put = |ns| log.put(0, |dropped| record(ns, dropped));
        for ns in 0..PLACES as u64 {
            assert!(put(ns + 1));
        }
        assert!(!put(100) && !put(101));
        assert_eq!(all(&log).len(), PLACES);
        log.note_delivered(PLACES as u64 - 1);
        assert!(!log.is_all_delivered());
        log.note_delivered(1);
        assert!(log.is_all_delivered());
        assert!(put(7));
        assert_eq!(all(&log), [record(7, 2)]);
        (0..PLACES).for_each(|_| assert!(put(1)));
        assert!(!put(1));
        assert_eq!((log.take_dropped(), log.take_dropped()), (1, 0));
    }

    #[test]
    fn the_bucket_holds_a_second_and_refills_evenly() {
        let log = SlowLog::new();
        log.set(Some(1), 10);
        let put = |now_ns| {
            let put = log.put(now_ns, |dropped| record(1, dropped));
            log.take(|_, _| ());
            put
        };
        let at = |ms: u64| 5_000_000_000 + ms * 1_000_000;
        assert_eq!((0..15).filter(|_| put(at(0))).count(), 10);
        assert!(!put(at(99)));
        assert!(put(at(100)) && !put(at(100)));
        assert_eq!((0..15).filter(|_| put(at(500))).count(), 4);
        assert_eq!((0..15).filter(|_| put(at(9_000))).count(), 10);
        log.set(Some(1), 1);
        assert!(put(at(11_000)) && !put(at(11_999)) && put(at(12_000)));
    }

    #[test]
    fn nothing_is_slow_until_it_is_set() {
        let log = SlowLog::new();
        assert!(!log.is_on() && !log.is_slow(u64::MAX - 1));
        log.set(Some(100), 10);
        assert!(log.is_on() && log.is_slow(100) && !log.is_slow(99));
        log.set(None, 10);
        assert!(!log.is_on());
    }

    #[cfg(unix)]
    #[test]
    fn a_child_forgets_its_parents() {
        let log = SlowLog::new();
        log.set(Some(1), 1_000);
        assert!(log.put(0, |_| record(1, 0)) && !log.is_all_delivered());
        // A thread that the child does not have was putting one in.
        assert!(log.places.iter().any(|place| place.take(FREE)));
        let mut forgotten = Vec::new();
        log.forget(|record| forgotten.push(record));
        assert_eq!(forgotten, [record(1, 0)]);
        assert!(!log.has_some() && log.is_all_delivered() && all(&log).is_empty());
        (0..PLACES).for_each(|_| assert!(log.put(0, |_| record(1, 0))));
    }
}
