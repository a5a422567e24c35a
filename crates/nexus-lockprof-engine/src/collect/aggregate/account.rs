//! The cost of counting.

/// The cost of counting, charged step by step: each collection's acquisitions cost what was known
/// by then. Otherwise the clock's calibration would charge all the time in mode `Counts` to one
/// interval.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Acquisitions already charged.
    acquisitions: u64,
    total_ps: u128,
}

impl Counting {
    /// There are now `acquisitions` in all, and each new one cost `each_ps` picoseconds. Returns
    /// the total nanoseconds.
    pub(super) fn charge(&mut self, acquisitions: u64, each_ps: u64) -> u64 {
        let new = acquisitions.saturating_sub(self.acquisitions);
        self.acquisitions = acquisitions;
        self.total_ps += u128::from(new) * u128::from(each_ps);
        u64::try_from(self.total_ps / 1_000).unwrap_or(u64::MAX)
    }
}
