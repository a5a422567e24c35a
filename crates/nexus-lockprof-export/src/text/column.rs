//! The report's columns: their heads, cells and priorities.

use nexus_lockprof_snapshot::{Durations, Point};

use super::sort::SortKey;
use crate::readable::names::{self, Names};
use crate::readable::{fit, number};

/// What a column can show of a point's waits or holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    Total,
    /// A one-letter mark for a total with a large error. [`Off`](Self::Off) shows the error itself.
    Doubt,
    /// The total's relative standard error.
    Off,
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
    Contentions,
    TryFailures,
    Timeouts,
    Cancellations,
    Wait(Time),
    Hold(Time),
    Blocked,
    Caused,
}

/// A relative standard error above this is shown beside its total.
pub(super) const WORTH_SAYING: f64 = 0.1;
/// A relative standard error above this is marked where there is no room to show it.
pub(super) const DOUBTFUL: f64 = 0.5;

use Column::{
    Acquisitions, Blocked, Cancellations, Caused, Contentions, Hold, Lock, Mode, Site, Timeouts,
    TryFailures, Wait,
};
use Time::{Doubt, Max, Off, P50, P95, P99, Total};

impl Column {
    /// All columns, from left to right.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let counts = [
            Lock,
            Site,
            Mode,
            Acquisitions,
            Contentions,
            TryFailures,
            Timeouts,
            Cancellations,
        ];
        let times = [Total, Doubt, Off, P50, P95, P99, Max];
        (counts.into_iter())
            .chain(times.map(Wait))
            .chain(times.map(Hold))
            .chain([Blocked, Caused])
    }

    /// All columns but the names, which always stay, from the last to leave out to the first.
    /// Columns on one line come and go together.
    pub(super) const BY_WORTH: [&'static [Self]; 20] = [
        &[Wait(Total), Wait(Doubt)],
        &[Acquisitions],
        &[Contentions],
        // Without the one who makes others wait, a table of waits has victims and no culprits.
        &[Caused],
        &[Wait(P95)],
        &[Hold(Total), Hold(Doubt)],
        &[Hold(P95)],
        &[Wait(Off)],
        &[Hold(Off)],
        &[Mode],
        &[Timeouts],
        &[Cancellations],
        &[TryFailures],
        &[Wait(Max)],
        &[Hold(Max)],
        &[Wait(P99)],
        &[Hold(P99)],
        &[Blocked],
        &[Wait(P50)],
        &[Hold(P50)],
    ];

    /// The column that shows what the table is sorted by; `None` for one that always stays.
    pub(super) const fn sorted_by(key: SortKey) -> Option<Self> {
        match key {
            SortKey::TotalWait => Some(Wait(Total)),
            SortKey::TotalHold => Some(Hold(Total)),
            SortKey::Caused => Some(Caused),
            SortKey::Contentions | SortKey::ContentionRatio => Some(Contentions),
            SortKey::Acquisitions => Some(Acquisitions),
            SortKey::WaitP95 => Some(Wait(P95)),
            SortKey::HoldP95 => Some(Hold(P95)),
            SortKey::MaxWait => Some(Wait(Max)),
            SortKey::MaxHold => Some(Hold(Max)),
            SortKey::Name | SortKey::Site | SortKey::Mode => None,
        }
    }

    pub(super) const fn head(self) -> &'static str {
        match self {
            Lock => "lock",
            Site => "site",
            Mode => "m",
            Acquisitions => "acq",
            Contentions => "contention",
            TryFailures => "tryfail",
            Timeouts => "timeouts",
            Cancellations => "cancelled",
            Wait(time) | Hold(time) => match time {
                Total => "total",
                Doubt | Off => "",
                P50 => "p50",
                P95 => "p95",
                P99 => "p99",
                Max => "max",
            },
            Blocked => "blocked",
            Caused => "caused",
        }
    }

    /// The group's head, above the column's own.
    pub(super) const fn group(self) -> Option<&'static str> {
        match self {
            Wait(_) => Some("wait"),
            Hold(_) => Some("hold"),
            _ => None,
        }
    }

    /// Whether its cells are aligned to the left.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Lock | Site | Mode) || self.continues()
    }

    /// Whether its cells follow the previous column without a space.
    pub(super) const fn continues(self) -> bool {
        matches!(self, Wait(Doubt | Off) | Hold(Doubt | Off))
    }

    /// The column that makes this one redundant.
    pub(super) const fn replaced_by(self) -> Option<Self> {
        match self {
            Wait(Doubt) => Some(Wait(Off)),
            Hold(Doubt) => Some(Hold(Off)),
            _ => None,
        }
    }

    /// Whether it has a value for a point. A column without a value in any row is left out.
    pub(super) fn tells(self, point: &Point) -> bool {
        match self {
            Lock | Site | Mode | Acquisitions | Contentions | Blocked => true,
            TryFailures => point.try_failures > 0,
            Timeouts => point.timeouts > 0,
            Cancellations => point.cancellations > 0,
            Wait(time) => time.tells(&point.wait),
            Hold(time) => time.tells(&point.hold),
            Caused => point.caused_wait_ns > 0,
        }
    }

    /// Whether a profile of waits alone knows its values.
    pub(super) const fn is_of_waits(self) -> bool {
        matches!(self, Lock | Site | Mode | Contentions | Timeouts | Wait(_))
    }

    /// Whether its cell for a point is a total of only some of the events.
    pub(super) fn is_partial(self, point: &Point) -> bool {
        match self {
            Wait(Total) => point.wait.is_partial(),
            Hold(Total) => point.hold.is_partial(),
            _ => false,
        }
    }

    /// Whether its cell for a point is an estimate.
    pub(super) fn is_estimate(self, point: &Point) -> bool {
        match self {
            Wait(time) => time.is_estimate(&point.wait),
            Hold(time) => time.is_estimate(&point.hold),
            Caused => point.caused_variance > 0.0,
            _ => false,
        }
    }

    /// Its cell for a point.
    pub(super) fn cell(self, point: &Point, names: &Names) -> String {
        match self {
            Lock => names.lock(&point.lock),
            Site => names.site(&point.site),
            Mode => names::mode(point.mode).to_owned(),
            Acquisitions => number::count(point.acquisitions),
            Contentions => contentions(point),
            TryFailures => number::count(point.try_failures),
            Timeouts => number::count(point.timeouts),
            Cancellations => number::count(point.cancellations),
            Wait(time) => time.cell(&point.wait),
            Hold(time) => time.cell(&point.hold),
            Blocked => number::count(point.blocked),
            // Measured only if someone waited.
            Caused if point.caused_wait_ns == 0 => "-".to_owned(),
            Caused => number::estimated(point.caused_wait_ns, self.is_estimate(point)),
        }
    }

    /// Shortens the `cells` of `points` to at most `width` terminal columns each.
    pub(super) fn shorten(self, points: &[&Point], cells: &[String], width: usize) -> Vec<String> {
        let is_path = |point: &Point| match self {
            Site => true,
            // The name of an unnamed lock is a path.
            Lock => point.lock.site().is_some(),
            _ => false,
        };
        let cells = points.iter().zip(cells);
        let cells: Vec<_> = cells.map(|(p, cell)| (cell.as_str(), is_path(p))).collect();
        fit::column(&cells, width)
    }
}

impl Time {
    fn tells(self, durations: &Durations) -> bool {
        match self {
            Doubt | Off => !self.cell(durations).is_empty(),
            _ => self.measured_ns(durations).is_some(),
        }
    }

    fn is_estimate(self, durations: &Durations) -> bool {
        // The maximum is a measured time, even if its event represents others.
        self != Max && durations.is_estimate()
    }

    fn measured_ns(self, durations: &Durations) -> Option<u64> {
        let measured = (durations.samples > 0).then_some(durations)?;
        match self {
            Total => Some(measured.total_ns),
            Doubt | Off => None,
            P50 => measured.p50_ns(),
            P95 => measured.p95_ns(),
            P99 => measured.p99_ns(),
            Max => Some(measured.max_ns),
        }
    }

    fn cell(self, durations: &Durations) -> String {
        let error = durations.relative_standard_error().unwrap_or(0.0);
        match (self, self.measured_ns(durations)) {
            (Doubt, _) if error > DOUBTFUL => "?".to_owned(),
            (Off, _) if error > WORTH_SAYING => format!("±{}", number::error(error)),
            (Doubt | Off, _) => String::new(),
            (_, None) => "-".to_owned(),
            (Total, Some(ns)) if durations.is_partial() => format!(">{}", number::duration(ns)),
            (_, Some(ns)) => number::estimated(ns, self.is_estimate(durations)),
        }
    }
}

/// Count and ratio, with the ratios aligned.
fn contentions(point: &Point) -> String {
    let count = number::count(point.contentions);
    let ratio = number::percent(point.contentions, point.acquisitions);
    format!("{count} {ratio:>5}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_its_worth() {
        for column in Column::all() {
            let ranks = Column::BY_WORTH.concat();
            let ranks = ranks.iter().filter(|&&c| c == column).count();
            let expected = usize::from(!matches!(column, Lock | Site));
            assert_eq!(ranks, expected, "{column:?}");
        }
    }
}
