//! Finds what got worse from one snapshot to another, and tells it from chance.
//!
//! The rule, which `docs/guide/ci.md` explains:
//!
//! 1. Each [`Metric`] of each point has a standard error. With several runs a side it is how much
//!    they differ ([`spread`]). With one run, it covers what was not measured, and how the run
//!    might have gone if events came at random ([`estimate`]). It knows nothing of the machine's
//!    load.
//! 2. `z` is the difference over the standard error of the difference. `p` is the chance of such a
//!    `z` if nothing has changed, times the number of comparisons (Bonferroni). At a significance
//!    of 1 %, one in a hundred diffs of equal runs finds something.
//! 3. The metric is worse if `p` is below the significance, it has grown by at least the threshold,
//!    and it covers more time than the floor.

mod change;
mod estimate;
mod load;
mod metric;
mod pair;
mod spread;
mod student;

pub(crate) use change::{Change, Rule, Verdict};
pub(crate) use load::Load;
pub(crate) use metric::{Choice, Metric, Run};

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot};
use pair::Pair;
use serde::Serialize;
use spread::Spread;

/// On which sides the point exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    Both,
    /// Only in the second.
    New,
    /// Only in the first.
    Gone,
}

/// A point and its changes.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) lock: Lock,
    pub(crate) mode: AcquireMode,
    /// Where it is now, or was if it is gone.
    pub(crate) site: Site,
    /// Where it was, if it moved.
    pub(crate) was: Option<Site>,
    pub(crate) presence: Presence,
    /// Whether it stands for all points of the lock in the file.
    pub(crate) together: bool,
    pub(crate) changes: Vec<Change>,
}

impl Row {
    pub(crate) fn verdict(&self) -> Verdict {
        let verdicts = self.changes.iter().map(|change| change.verdict);
        verdicts.min().unwrap_or(Verdict::Small)
    }

    /// Increase of the wait, in nanoseconds per second.
    fn growth(&self) -> f64 {
        let waits = self
            .changes
            .iter()
            .find(|change| change.metric == Metric::WaitPerSecond);
        waits.map_or(0.0, |change| change.after.value - change.before.value)
    }
}

/// The comparison of two snapshots.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// The worst first, then the improved, then the rest.
    pub(crate) rows: Vec<Row>,
    /// Metrics that were compared and are not [`Verdict::Small`].
    pub(crate) comparisons: usize,
    /// How busy the machine was, for several runs; `None` if unknown.
    pub(crate) load: Option<Load>,
}

impl Comparison {
    /// The number of metrics with this verdict.
    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.changes()
            .filter(|change| change.verdict == verdict)
            .count()
    }

    /// Whether anything is worse by at least this share.
    pub(crate) fn is_worse(&self, by: f64) -> bool {
        self.changes()
            .any(|change| change.verdict == Verdict::Worse && change.by(by))
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.rows.iter().flat_map(|row| &row.changes)
    }
}

/// Compares two sides, each of one run or several. With one run a side, the error comes from the
/// run itself. With more, it comes from how much the runs of a side differ.
pub(crate) fn compare(before: &[Snapshot], after: &[Snapshot], rule: &Rule) -> Comparison {
    let work = rule.work.as_deref();
    let [before, after] = [before, after]
        .map(|side| -> Vec<Run<'_>> { side.iter().map(|run| Run::new(run, work)).collect() });
    let [then, now] = [&before, &after]
        .map(|runs| -> Vec<&[Point]> { runs.iter().map(|run| run.snapshot.points()).collect() });
    let pairs = pair::pairs(&then, &now);
    let mut rows: Vec<Row> = pairs.iter().filter_map(row).collect();
    let changes = match (before.as_slice(), after.as_slice()) {
        ([before], [after]) => of_two_runs(&pairs, before, after, rule),
        (before, after) => of_several_runs(&pairs, [before, after], rule),
    };
    for (row, changes) in rows.iter_mut().zip(changes) {
        row.changes = changes;
    }
    let load = match (before.len(), after.len()) {
        (1, 1) => None,
        _ => Load::of([&before, &after], rule.floor),
    };
    let is_loaded = load.is_some_and(|load| load.differs);
    let comparisons = rows
        .iter()
        .flat_map(|row| &row.changes)
        .filter(|change| change.verdict != Verdict::Small)
        .count();
    for change in rows.iter_mut().flat_map(|row| &mut row.changes) {
        judge(change, comparisons, rule);
        if is_loaded
            && change.metric.follows_load()
            && matches!(change.verdict, Verdict::Worse | Verdict::Better)
        {
            change.verdict = Verdict::Load;
        }
    }
    rows.sort_by(|a, b| {
        let verdicts = a.verdict().cmp(&b.verdict());
        let growth = b.growth().abs().total_cmp(&a.growth().abs());
        let place = || (&a.lock, &a.site, a.mode).cmp(&(&b.lock, &b.site, b.mode));
        verdicts.then(growth).then_with(place)
    });
    Comparison {
        rows,
        comparisons,
        load,
    }
}

/// A row without its changes.
fn row(pair: &Pair<'_>) -> Option<Row> {
    let point = pair.point()?;
    let presence = match (pair::first(&pair.before), pair::first(&pair.after)) {
        (None, _) => Presence::New,
        (_, None) => Presence::Gone,
        (Some(_), Some(_)) => Presence::Both,
    };
    Some(Row {
        lock: point.lock.clone(),
        mode: point.mode,
        site: point.site.clone(),
        was: pair.was().cloned(),
        presence,
        together: pair.together,
        changes: Vec::new(),
    })
}

/// The point of a pair as it would be in a run that did not use it.
fn unused(pair: &Pair<'_>) -> Option<Point> {
    let point = pair.point()?;
    Some(Point::new(
        point.lock.clone(),
        point.mode,
        point.site.clone(),
    ))
}

fn of_several_runs(pairs: &[Pair<'_>], runs: [&[Run<'_>]; 2], rule: &Rule) -> Vec<Vec<Change>> {
    let spreads = pairs.iter().filter_map(|pair| {
        let unused = unused(pair)?;
        let metrics = rule.metrics.iter();
        let spreads = metrics.filter_map(|&metric| Spread::of(metric, pair, &unused, runs, rule));
        Some(spreads.collect())
    });
    spread::changes(&spreads.collect::<Vec<_>>())
}

fn of_two_runs(pairs: &[Pair<'_>], then: &Run<'_>, now: &Run<'_>, rule: &Rule) -> Vec<Vec<Change>> {
    let changes = pairs.iter().filter_map(|pair| {
        let unused = unused(pair)?;
        let before = pair::first(&pair.before).unwrap_or(&unused);
        let after = pair::first(&pair.after).unwrap_or(&unused);
        let metrics = rule.metrics.iter();
        let changes =
            metrics.filter_map(|&metric| change(metric, (before, then), (after, now), rule.floor));
        Some(changes.collect())
    });
    changes.collect()
}

/// A change without its verdict, except that it is small.
fn change(
    metric: Metric,
    (before, then): (&Point, &Run<'_>),
    (after, now): (&Point, &Run<'_>),
    floor: f64,
) -> Option<Change> {
    let [old, new] = [metric.of(before, then)?, metric.of(after, now)?];
    let weights = [metric.weight(before, then), metric.weight(after, now)];
    let weight = weights.into_iter().flatten().reduce(f64::max);
    let error = old.error_of_difference(&new);
    let difference = new.value - old.value;
    // Equal figures do not differ, however small their errors.
    let z = if difference == 0.0 {
        0.0
    } else {
        difference / error
    };
    // An untimed figure may matter.
    let small = weight.is_some_and(|weight| weight < floor);
    Some(Change {
        metric,
        before: old,
        after: new,
        z,
        p: libm::erfc(z.abs() / std::f64::consts::SQRT_2),
        verdict: if small { Verdict::Small } else { Verdict::Same },
    })
}

fn judge(change: &mut Change, comparisons: usize, rule: &Rule) {
    if change.verdict == Verdict::Small {
        return;
    }
    change.p = (change.p * comparisons as f64).min(1.0);
    if change.p < rule.significance && change.by(rule.threshold) {
        change.verdict = if change.z > 0.0 {
            Verdict::Worse
        } else {
            Verdict::Better
        };
    }
}

#[cfg(test)]
mod tests;
