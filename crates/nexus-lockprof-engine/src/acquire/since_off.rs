//! Which points were acquired since the profiler was last off.
//!
//! A lock publishes its holder and does not take that back at the release. While the profiler is
//! off, nobody publishes. So after that, a lock may name a hold that ended long ago. A waiter
//! believes the name only if the point was acquired since. The hot path pays nothing for that: a
//! change of mode empties the caches ([`hot`](crate::record::hot)). So each thread's first
//! acquisition at each point takes the cold path, which notes it here.
//!
//! This is a set of hashes, not of points, so about one point in some thousand may be believed
//! wrongly. The same holds for a point that was since acquired at another lock of the class, until
//! this lock publishes its next holder.

use crate::identity::PointKey;
use crate::sync::{AtomicBool, AtomicU64, Ordering::Relaxed};

const WORDS: usize = 128;

/// The set. Relaxed: it orders nothing, and a bit that is seen late costs one blame.
#[derive(Debug)]
pub(crate) struct SinceOff {
    words: [AtomicU64; WORDS],
    /// Whether a lock may still name a hold from before the profiler was off.
    was_off: AtomicBool,
}

impl SinceOff {
    pub(crate) const fn new() -> Self {
        SinceOff {
            words: [const { AtomicU64::new(0) }; WORDS],
            was_off: AtomicBool::new(false),
        }
    }

    /// The point is about to be acquired.
    #[inline]
    pub(crate) fn note(&self, key: PointKey) {
        let (word, bit) = self.place(key);
        // The bit is mostly set already. Checking first leaves the shared cache line unchanged.
        if word.load(Relaxed) & bit == 0 {
            word.fetch_or(bit, Relaxed);
        }
    }

    /// Whether the point was acquired since the profiler was last off.
    pub(crate) fn has(&self, key: PointKey) -> bool {
        let (word, bit) = self.place(key);
        word.load(Relaxed) & bit != 0
    }

    /// The profiler is off.
    pub(crate) fn clear(&self) {
        for word in &self.words {
            if word.load(Relaxed) != 0 {
                self.was_off.store(true, Relaxed);
            }
            word.store(0, Relaxed);
        }
    }

    /// Whether a lock may name a holder from before the profiler was last off, although its point
    /// was acquired since, at another lock. It is not known of which locks that is true.
    pub(crate) fn names_may_be_old(&self) -> bool {
        self.was_off.load(Relaxed)
    }

    fn place(&self, key: PointKey) -> (&AtomicU64, u64) {
        let hash = key.hash();
        (
            &self.words[(hash >> 57) as usize % WORDS],
            1 << (hash >> 51 & 63),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_what_was_noted_until_it_is_cleared() {
        let set = SinceOff::new();
        let key = |n: u64| PointKey((1 << 48) | (24 * n));
        (0..100).for_each(|n| set.note(key(n)));
        assert!((0..100).all(|n| set.has(key(n))));
        let wrong = (100..5_100).filter(|&n| set.has(key(n))).count();
        assert!(wrong < 250, "{wrong} of 5000");
        set.clear();
        assert!(!(0..100).any(|n| set.has(key(n))));
    }
}
