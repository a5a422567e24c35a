//! The order of a table's rows.

use std::cmp::{Ordering, Reverse};

use nexus_lockprof_snapshot::Point;

/// Order of the rows: the largest value first, or names from A to Z. Ties keep the snapshot's
/// order, which is by total wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SortKey {
    /// Sum of the waits.
    #[default]
    TotalWait,
    /// Sum of the holds.
    TotalHold,
    /// How long others waited while the point held the lock.
    Caused,
    /// Acquisitions that had to wait.
    Contentions,
    /// Acquisitions.
    Acquisitions,
    /// Share of the acquisitions that had to wait.
    ContentionRatio,
    /// 95th percentile of the waits.
    WaitP95,
    /// 95th percentile of the holds.
    HoldP95,
    /// Longest wait.
    MaxWait,
    /// Longest hold.
    MaxHold,
    /// Name of the lock, then place of the acquisition.
    Name,
    /// Place of the acquisition, then name of the lock.
    Site,
    /// Exclusive, shared, upgradable.
    Mode,
}

impl SortKey {
    /// Which of two points comes first.
    #[must_use]
    pub fn compare(self, a: &Point, b: &Point) -> Ordering {
        let most = |number: fn(&Point) -> u64| Reverse(number(a)).cmp(&Reverse(number(b)));
        let highest = |number: fn(&Point) -> Option<u64>| number(b).cmp(&number(a));
        let names = || a.lock.name().cmp(&b.lock.name());
        let places = || (&a.site, a.mode).cmp(&(&b.site, b.mode));
        match self {
            Self::TotalWait => most(|p| p.wait.total_ns),
            Self::TotalHold => most(|p| p.hold.total_ns),
            Self::Caused => most(|p| p.caused_wait_ns),
            Self::Contentions => most(|p| p.contentions),
            Self::Acquisitions => most(|p| p.acquisitions),
            Self::ContentionRatio => {
                let share = |p: &Point| p.contention_ratio().unwrap_or(0.0);
                share(b).total_cmp(&share(a))
            }
            Self::WaitP95 => highest(|p| p.wait.p95_ns()),
            Self::HoldP95 => highest(|p| p.hold.p95_ns()),
            Self::MaxWait => most(|p| p.wait.max_ns),
            Self::MaxHold => most(|p| p.hold.max_ns),
            Self::Name => names().then_with(places),
            Self::Site => places().then_with(names),
            Self::Mode => a.mode.cmp(&b.mode),
        }
    }
}
