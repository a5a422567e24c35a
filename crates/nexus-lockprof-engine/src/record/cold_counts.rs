//! What is counted on the cold path.

use crate::sync::{AtomicU64, Ordering::Relaxed, bump};
use nexus_lockprof_snapshot::Point;

/// Makes [`ColdCounts`], given what is counted. Each is a figure of a [`Point`].
macro_rules! cold_counts {
    ($($name:ident,)+) => {
        /// What the owner counts on the cold path: in a record, in what is added to it, or in what was
        /// read of it.
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
            /// Tells a point of them.
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
    vain_wait_ns,
}

impl ColdCounts<AtomicU64> {
    /// The owner's call.
    #[inline(always)]
    pub(super) fn add(&self, delta: &ColdCounts<u64>) {
        // A plain acquisition has none of them.
        if delta.each().into_iter().fold(0, |any, count| any | count) != 0 {
            for (counter, count) in self.each().into_iter().zip(delta.each()) {
                bump(counter, *count);
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
    /// Those since `earlier`.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        for (now, before) in self.each_mut().into_iter().zip(earlier.each()) {
            *now = now.saturating_sub(*before);
        }
        self
    }

    /// Those of both.
    pub(crate) fn and(mut self, more: &Self) -> Self {
        for (sum, more) in self.each_mut().into_iter().zip(more.each()) {
            *sum = sum.saturating_add(*more);
        }
        self
    }
}
