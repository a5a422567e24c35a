//! Counters of the cold path.

use crate::sync::{AtomicU64, Ordering::Relaxed, bump};
use nexus_lockprof_snapshot::Point;

/// Defines [`ColdCounts`] from the names of its counters. Each is a figure of a [`Point`].
macro_rules! cold_counts {
    ($($name:ident,)+) => {
        /// Counts that the owner makes on the cold path: those in a record, those to add to it, or
        /// those read from it.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[repr(C)]
        pub(crate) struct ColdCounts<T> {
            $(pub(crate) $name: T,)+
        }

        impl<T> ColdCounts<T> {
            fn each(&self) -> [&T; [$(stringify!($name)),+].len()] {
                [$(&self.$name),+]
            }

            fn each_mut(&mut self) -> [&mut T; [$(stringify!($name)),+].len()] {
                [$(&mut self.$name),+]
            }
        }

        impl ColdCounts<u64> {
            /// As words, which [`from_words`](Self::from_words) reads.
            pub(super) fn to_words(self) -> [u64; [$(stringify!($name)),+].len()] {
                [$(self.$name),+]
            }

            /// The counts in these words.
            pub(super) fn from_words(words: [u64; [$(stringify!($name)),+].len()]) -> Self {
                let [$($name),+] = words;
                ColdCounts { $($name),+ }
            }

            /// Copies the counts into a point.
            pub(crate) fn tell(&self, point: &mut Point) {
                $(point.$name = self.$name;)+
            }
        }
    };
}

cold_counts! {
    try_failures,
    timeouts,
    cancellations,
    abandoned_wait_ns,
    long_waits,
    upgrade_waits,
}

impl ColdCounts<AtomicU64> {
    /// Only the owner calls this.
    #[inline(always)]
    pub(super) fn add(&self, delta: &ColdCounts<u64>) {
        // A plain acquisition has only zeros.
        if delta.each().into_iter().fold(0, |any, count| any | count) != 0 {
            for (counter, &count) in self.each().into_iter().zip(delta.each()) {
                if count != 0 {
                    bump(counter, count);
                }
            }
        }
    }

    pub(super) fn read(&self) -> ColdCounts<u64> {
        let mut read = ColdCounts::default();
        for (read, counter) in read.each_mut().into_iter().zip(self.each()) {
            *read = counter.load(Relaxed);
        }
        read
    }
}

impl ColdCounts<u64> {
    /// The counts since `earlier`.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (now, before) in self.each_mut().into_iter().zip(earlier.each()) {
            *now = now.saturating_sub(*before);
        }
        self
    }

    /// The sum of both.
    pub(crate) fn and(mut self, more: &Self) -> Self {
        for (sum, more) in self.each_mut().into_iter().zip(more.each()) {
            *sum = sum.saturating_add(*more);
        }
        self
    }
}
