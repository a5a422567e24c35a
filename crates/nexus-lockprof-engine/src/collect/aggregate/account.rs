//! What counting takes.

/// What counting took, charged by increments: each collection's acquisitions at the cost known by then. Otherwise
/// the clock's calibration would charge all the time in mode `Counts` to the interval in which it happens.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Acquisitions that were charged.
    acquisitions: u64,
    total_ps: u128,
}

impl Counting {
    /// There are now `acquisitions` in all, and one of the new ones took `each_ps` picoseconds. Nanoseconds of all.
    pub(super) fn charge(&mut self, acquisitions: u64, each_ps: u64) -> u64 {
        let new = acquisitions.saturating_sub(self.acquisitions);
        self.acquisitions = acquisitions;
        self.total_ps += u128::from(new) * u128::from(each_ps);
        u64::try_from(self.total_ps / 1_000).unwrap_or(u64::MAX)
    }
}
