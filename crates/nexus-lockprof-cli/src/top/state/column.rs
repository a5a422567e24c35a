//! The columns of the table, and how they sort the rows.

use super::data::Data;
use super::figures::Figures;
use super::history::History;
use super::key::Key;
use clap::ValueEnum;
use nexus_lockprof_snapshot::Point;
use std::cmp::Ordering;

/// A column of the table, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// The lock class.
    Lock,
    /// The place of the acquisition.
    Site,
    /// Exclusive, shared or upgradable.
    Mode,
    /// Acquisitions.
    Acquisitions,
    /// The share of the acquisitions that had to wait.
    ContentionRatio,
    /// How long the point waited.
    Wait,
    /// The 95th percentile of the waits.
    WaitP95,
    /// How long the point held the lock.
    Hold,
    /// The 95th percentile of the holds.
    HoldP95,
    /// How long others waited while the point held the lock.
    Caused,
    /// Contention over the last intervals.
    Trend,
}

use Column::{
    Acquisitions, Caused, ContentionRatio, Hold, HoldP95, Lock, Mode, Site, Trend, Wait, WaitP95,
};

impl Column {
    /// The column `by` columns to the right, or to the left if negative. Wraps around.
    pub(crate) fn moved(self, by: isize) -> Self {
        super::moved(Self::value_variants(), self as usize, by).unwrap_or(self)
    }

    /// The column for a letter or sign.
    pub(crate) fn picked(key: char) -> Option<Self> {
        match key {
            'L' => Some(Lock),
            'S' => Some(Site),
            'M' => Some(Mode),
            'A' => Some(Acquisitions),
            '%' => Some(ContentionRatio),
            'W' => Some(Wait),
            'P' => Some(WaitP95),
            'H' => Some(Hold),
            'D' => Some(HoldP95),
            'C' => Some(Caused),
            'T' => Some(Trend),
            _ => None,
        }
    }

    /// Whether it has words, which are sorted from A to Z. Numbers are sorted from the largest.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Lock | Site | Mode)
    }
}

/// A column to sort by, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    /// The column.
    pub(crate) column: Column,
    /// Whether the order is the reverse of the [usual one](Column::is_text).
    pub(crate) reversed: bool,
}

impl Sort {
    /// Sorts by a column in its usual order.
    pub(crate) fn by(column: Column) -> Self {
        Self {
            column,
            reversed: false,
        }
    }

    /// Whether the smallest value comes first, or A.
    pub(crate) fn ascends(self) -> bool {
        self.column.is_text() != self.reversed
    }
}

/// Sorts the points `indices` of `data`. Points without a value come last in both directions. Ties
/// are sorted by name, so rows that show the same number keep their order from one interval to the
/// next.
pub(crate) fn sort(
    indices: &mut [usize],
    by: Sort,
    figures: Figures,
    data: &Data,
    history: &History,
) {
    let label = |index: usize| data.label(index);
    match by.column {
        Lock => by_text(indices, by, data, |index| Some(&*label(index)?.lock)),
        Site => by_text(indices, by, data, |index| Some(&*label(index)?.site)),
        Mode => by_text(indices, by, data, |index| {
            Some(data.whole().points().get(index)?.mode.as_str())
        }),
        column => {
            let mut valued: Vec<(Option<f64>, usize)> = indices
                .iter()
                .map(|&index| {
                    let value = number(column, index, figures, data, history);
                    (value.map(shown), index)
                })
                .collect();
            valued.sort_by(|a, b| {
                compare(a.0, b.0, by.ascends()).then_with(|| by_name(a.1, b.1, data))
            });
            for (to, (_, index)) in indices.iter_mut().zip(valued) {
                *to = index;
            }
        }
    }
}

fn by_text<'a>(
    indices: &mut [usize],
    by: Sort,
    data: &Data,
    text: impl Fn(usize) -> Option<&'a str>,
) {
    indices.sort_by(|&a, &b| {
        let order = text(a).cmp(&text(b));
        let order = if by.ascends() { order } else { order.reverse() };
        order.then_with(|| by_name(a, b, data))
    });
}

/// Compares lock, site and mode, which a point keeps for life.
fn by_name(a: usize, b: usize, data: &Data) -> Ordering {
    let name = |index: usize| {
        let label = data.label(index)?;
        let point = data.whole().points().get(index)?;
        Some((&label.lock, &label.site, point.mode))
    };
    name(a).cmp(&name(b))
}

/// The value of the point `index` in a column of numbers.
fn number(
    column: Column,
    index: usize,
    figures: Figures,
    data: &Data,
    history: &History,
) -> Option<f64> {
    let whole = data.whole().points().get(index)?;
    match (column, figures) {
        (Trend, _) => Some(history.weight(&Key::of(whole))),
        (WaitP95 | HoldP95, _) => value(column, data.sampled_point(index, figures).0?),
        (_, Figures::Totals) => value(column, whole),
        (_, Figures::Rates) => match data.rated_point(index) {
            Some(point) => value(column, point),
            None => resting(column),
        },
    }
}

/// A number rounded to three digits, as it is shown.
fn shown(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let unit = 10_f64.powf(number.abs().log10().floor() - 2.0);
    (number / unit).round() * unit
}

fn compare(a: Option<f64>, b: Option<f64>, ascends: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if ascends => a.total_cmp(&b),
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// A point's value in a column. All points cover the same time, so sums need not be divided by it.
fn value(column: Column, point: &Point) -> Option<f64> {
    let measured = |durations: &nexus_lockprof_snapshot::Durations| {
        (durations.samples > 0 || durations.is_empty()).then_some(durations.total_ns as f64)
    };
    match column {
        Acquisitions => Some(point.acquisitions as f64),
        ContentionRatio => point.contention_ratio(),
        Wait => measured(&point.wait),
        WaitP95 => point.wait.p95_ns().map(|ns| ns as f64),
        Hold => measured(&point.hold),
        HoldP95 => point.hold.p95_ns().map(|ns| ns as f64),
        Caused => Some(point.caused_wait_ns as f64),
        Lock | Site | Mode | Trend => None,
    }
}

/// The value of a point at which nothing happened.
fn resting(column: Column) -> Option<f64> {
    matches!(column, Acquisitions | Wait | Hold | Caused).then_some(0.0)
}
