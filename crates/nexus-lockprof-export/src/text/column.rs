//! The report's columns: their heads, their cells, and which matter most.

use nexus_lockprof_snapshot::{self as snapshot, AcquireMode, Durations, Point, printable};

use super::table::SortKey;
use super::{elide, unit};

/// What can be told of a point's waits or holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Total,
    P50,
    P95,
    P99,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Lock,
    Site,
    Mode,
    Acquisitions,
    Contended,
    Wait(Time),
    Hold(Time),
    Blocked,
    Caused,
}

use Column::{Acquisitions, Blocked, Caused, Contended, Hold, Lock, Mode, Site, Wait};
use Time::{Max, P50, P95, P99, Total};

impl Column {
    /// All columns, from left to right.
    pub(super) const ALL: [Self; 17] = [
        Lock,
        Site,
        Mode,
        Acquisitions,
        Contended,
        Wait(Total),
        Wait(P50),
        Wait(P95),
        Wait(P99),
        Wait(Max),
        Hold(Total),
        Hold(P50),
        Hold(P95),
        Hold(P99),
        Hold(Max),
        Blocked,
        Caused,
    ];

    /// All columns but the names, which are always there, from the one to leave out last to the one to leave out
    /// first.
    pub(super) const BY_WORTH: [Self; 15] = [
        Wait(Total),
        Acquisitions,
        Contended,
        Wait(P95),
        Hold(Total),
        Hold(P95),
        Mode,
        Wait(Max),
        Caused,
        Hold(Max),
        Wait(P99),
        Hold(P99),
        Blocked,
        Wait(P50),
        Hold(P50),
    ];

    /// The column that shows what the table is sorted by; `None` for one that is always there.
    pub(super) const fn sorted_by(key: SortKey) -> Option<Self> {
        match key {
            SortKey::TotalWait => Some(Wait(Total)),
            SortKey::TotalHold => Some(Hold(Total)),
            SortKey::Caused => Some(Caused),
            SortKey::Contentions => Some(Contended),
            SortKey::Acquisitions => Some(Acquisitions),
            SortKey::MaxWait => Some(Wait(Max)),
            SortKey::MaxHold => Some(Hold(Max)),
            SortKey::Name => None,
        }
    }

    pub(super) const fn head(self) -> &'static str {
        match self {
            Lock => "lock",
            Site => "site",
            Mode => "m",
            Acquisitions => "acq",
            Contended => "contended",
            Wait(time) | Hold(time) => match time {
                Total => "total",
                P50 => "p50",
                P95 => "p95",
                P99 => "p99",
                Max => "max",
            },
            Blocked => "blocked",
            Caused => "caused",
        }
    }

    /// The head above the heads.
    pub(super) const fn group(self) -> Option<&'static str> {
        match self {
            Wait(_) => Some("wait"),
            Hold(_) => Some("hold"),
            _ => None,
        }
    }

    /// Whether its cells begin at its left edge.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Lock | Site | Mode)
    }

    /// The cell of a point.
    pub(super) fn cell(self, point: &Point) -> String {
        match self {
            Lock => printable(&point.lock.name()).into_owned(),
            Site => printable(&point.site.to_string()).into_owned(),
            Mode => match point.mode {
                AcquireMode::Exclusive => "ex",
                AcquireMode::Shared => "sh",
                AcquireMode::Upgradable => "up",
            }
            .to_owned(),
            Acquisitions => unit::count(point.acquisitions),
            Contended => contended(point),
            Wait(time) => time.cell(&point.wait),
            Hold(time) => time.cell(&point.hold),
            Blocked => unit::count(point.blocked),
            // Measured only when somebody waited.
            Caused if point.caused_wait_ns == 0 => "-".to_owned(),
            Caused => unit::duration(point.caused_wait_ns),
        }
    }

    /// The cell of a point in `width` terminal columns.
    pub(super) fn shorten(self, point: &Point, cell: &str, width: usize) -> String {
        // A lock without a name is called by a path.
        let created = matches!(point.lock, snapshot::Lock::Created(_));
        match self {
            Site => elide::path(cell, width),
            Lock if created => elide::path(cell, width),
            _ => elide::middle(cell, width),
        }
    }
}

impl Time {
    fn cell(self, durations: &Durations) -> String {
        let measured = (durations.samples > 0).then_some(durations);
        let ns = measured.and_then(|durations| match self {
            Total => Some(durations.total_ns),
            P50 => durations.p50_ns(),
            P95 => durations.p95_ns(),
            P99 => durations.p99_ns(),
            Max => Some(durations.max_ns),
        });
        match ns {
            None => "-".to_owned(),
            // The maximum is one of the times measured, whatever they stand for.
            Some(ns) if durations.is_estimate() && self != Max => {
                format!("~{}", unit::duration(ns))
            }
            Some(ns) => unit::duration(ns),
        }
    }
}

/// Count and share, the shares below each other.
fn contended(point: &Point) -> String {
    let count = unit::count(point.contentions);
    let share = match point.acquisitions {
        0 => "-".to_owned(),
        whole => unit::percent(point.contentions, whole),
    };
    format!("{count} {share:>5}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_worth() {
        for column in Column::ALL {
            let ranks = Column::BY_WORTH.iter().filter(|&&c| c == column).count();
            let expected = usize::from(!matches!(column, Lock | Site));
            assert_eq!(ranks, expected, "{column:?}");
        }
    }
}
