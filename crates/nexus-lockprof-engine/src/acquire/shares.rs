//! How one wait is divided among those who caused it.

use crate::identity::{PointKey, ThreadBits};

/// Points among which one wait is divided. These also get the time of all others.
const POINTS: usize = 16;

/// A holder to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blamed {
    pub(crate) key: PointKey,
    pub(crate) thread: ThreadBits,
}

/// A point's part of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) key: PointKey,
    /// The thread that held the lock there for the longest time without a break.
    pub(crate) thread: ThreadBits,
    longest: u64,
    /// In ticks.
    sum: u64,
}

/// Who gets which part of a wait.
#[derive(Debug)]
pub(crate) struct Shares {
    shares: [Share; POINTS],
    len: usize,
    /// The holder in whose hold the wait began.
    pub(crate) met: Option<PointKey>,
    /// The most readers that are known to have been inside at once.
    pub(crate) readers: u64,
}

impl Shares {
    pub(crate) fn new() -> Self {
        let none = Share {
            key: PointKey(0),
            thread: ThreadBits::UNKNOWN,
            longest: 0,
            sum: 0,
        };
        Shares {
            shares: [none; POINTS],
            len: 0,
            met: None,
            readers: 0,
        }
    }

    pub(crate) fn add(&mut self, holder: Blamed, ticks: u64) {
        let Blamed { key, thread } = holder;
        let (known, free) = self.shares.split_at_mut(self.len);
        if let Some(share) = known.iter_mut().find(|share| share.key == key) {
            share.sum = share.sum.saturating_add(ticks);
            if ticks > share.longest {
                share.longest = ticks;
                share.thread = thread;
            }
        } else if let Some(slot) = free.first_mut() {
            *slot = Share {
                key,
                thread,
                longest: ticks,
                sum: ticks,
            };
            self.len += 1;
        }
    }

    /// Calls `each` with each point's part of `total_ns`. The parts add up to all of it, unless
    /// nobody is known.
    pub(crate) fn divide(&self, total_ns: u64, mut each: impl FnMut(&Share, u64)) {
        let shares = &self.shares[..self.len];
        let all: u128 = shares.iter().map(|share| u128::from(share.sum)).sum();
        let part = |ticks: u64| match all {
            0 => 0,
            // At most `total_ns`, so it fits.
            _ => (u128::from(total_ns) * u128::from(ticks) / all) as u64,
        };
        let given: u64 = shares.iter().map(|share| part(share.sum)).sum();
        // The largest gets what rounding left over.
        let largest = (0..shares.len())
            .rev()
            .max_by_key(|&index| shares[index].sum);
        for (index, share) in shares.iter().enumerate() {
            let rest = if largest == Some(index) {
                total_ns - given
            } else {
                0
            };
            each(share, part(share.sum) + rest);
        }
    }

    /// Who gets most of a wait of `total_ns`, and how much.
    pub(crate) fn largest(&self, total_ns: u64) -> Option<(Blamed, u64)> {
        let mut largest: Option<(Blamed, u64)> = None;
        self.divide(total_ns, |share, ns| {
            if largest.is_none_or(|(_, most)| ns > most) {
                let &Share { key, thread, .. } = share;
                largest = Some((Blamed { key, thread }, ns));
            }
        });
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_known_by_the_thread_that_held_the_lock_for_longest() {
        let blamed = |key, token| Blamed {
            key: PointKey(key),
            thread: ThreadBits::of(token),
        };
        let mut shares = Shares::new();
        assert_eq!(shares.largest(100), None);
        for (key, token, ticks) in [(8, 1, 10), (8, 2, 30), (16, 3, 35), (8, 1, 25)] {
            shares.add(blamed(key, token), ticks);
        }
        assert_eq!(shares.largest(100), Some((blamed(8, 2), 65)));
    }
}
