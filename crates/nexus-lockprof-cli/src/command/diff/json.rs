//! A comparison for programs: what `docs/guide/lockprof.md` describes.

use crate::diff::{Change, Comparison, Metric, Presence, Row, Rule, Verdict};
use nexus_lockprof_snapshot::{AcquireMode, Lock, ProfilerMode, Site, Snapshot};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    schema: u32,
    before: Side<'a>,
    after: Side<'a>,
    rule: &'a Rule,
    comparisons: usize,
    worse: usize,
    better: usize,
    points: Vec<Point<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    target: &'a str,
    elapsed_ns: u64,
    mode: ProfilerMode,
}

#[derive(Serialize)]
struct Point<'a> {
    lock: &'a Lock,
    mode: AcquireMode,
    site: &'a Site,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'a Site>,
    presence: Presence,
    /// All points of the lock in the file, as one.
    together: bool,
    changes: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    metric: Metric,
    before: f64,
    before_error: f64,
    after: f64,
    after_error: f64,
    /// Share of `before`; null of 0.
    change: Option<f64>,
    /// Null if it is infinite.
    z: f64,
    p: f64,
    verdict: Verdict,
}

/// One line of JSON.
pub(super) fn json(
    comparison: &Comparison,
    [before, after]: &[(String, &Snapshot); 2],
    rule: &Rule,
) -> serde_json::Result<String> {
    serde_json::to_string(&Document {
        format: "lockprof-diff",
        schema: 1,
        before: side(before),
        after: side(after),
        rule,
        comparisons: comparison.comparisons,
        worse: comparison.count(Verdict::Worse),
        better: comparison.count(Verdict::Better),
        points: comparison.rows.iter().map(point).collect(),
    })
}

fn side<'a>((target, snapshot): &'a (String, &Snapshot)) -> Side<'a> {
    Side {
        target,
        elapsed_ns: snapshot.elapsed_ns(),
        mode: snapshot.mode(),
    }
}

fn point(row: &Row) -> Point<'_> {
    Point {
        lock: &row.lock,
        mode: row.mode,
        site: &row.site,
        was: row.was.as_ref(),
        presence: row.presence,
        together: row.together,
        changes: row.changes.iter().map(figure).collect(),
    }
}

fn figure(change: &Change) -> Figure {
    Figure {
        metric: change.metric,
        before: change.before.value,
        before_error: change.before.error,
        after: change.after.value,
        after_error: change.after.error,
        change: change.relative(),
        z: change.z,
        p: change.p,
        verdict: change.verdict,
    }
}
