//! A comparison as JSON, as `docs/guide/lockprof.md` describes it.

use crate::diff::{Change, Comparison, Load, Metric, Presence, Row, Rule, Verdict};
use nexus_lockprof_snapshot::{AcquireMode, Lock, ProfilerMode, Site};
use serde::{Serialize, Serializer};
use std::io::Write;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    schema: u32,
    before: Side<'a>,
    after: Side<'a>,
    rule: &'a Rule,
    /// How busy the machine was, for several runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<Load>,
    comparisons: usize,
    worse: usize,
    better: usize,
    points: Points<'a>,
}

/// Each point is created when written, so that not all are in memory twice.
struct Points<'a>(&'a [Row]);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(point))
    }
}

#[derive(Serialize)]
struct Side<'a> {
    /// The name of the only run, or of the side.
    target: &'a str,
    /// The sum of all runs.
    elapsed_ns: u64,
    /// The mode of the first run.
    profiler_mode: ProfilerMode,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    target: &'a str,
    elapsed_ns: u64,
    profiler_mode: ProfilerMode,
}

#[derive(Serialize)]
struct Point<'a> {
    lock: &'a Lock,
    mode: AcquireMode,
    site: &'a Site,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'a Site>,
    presence: Presence,
    /// Whether it stands for all points of the lock in the file.
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
    /// As a share of `before`; null if that is 0.
    change: Option<f64>,
    /// Null if it is infinite.
    z: f64,
    p: f64,
    verdict: Verdict,
}

/// Writes one line of JSON.
pub(super) fn write(
    to: &mut dyn Write,
    comparison: &Comparison,
    [before, after]: &[super::side::Side; 2],
    rule: &Rule,
) -> std::io::Result<()> {
    let document = Document {
        format: "lockprof-diff",
        schema: 2,
        before: side(before),
        after: side(after),
        rule,
        load: comparison.load,
        comparisons: comparison.comparisons,
        worse: comparison.count(Verdict::Worse),
        better: comparison.count(Verdict::Better),
        points: Points(&comparison.rows),
    };
    serde_json::to_writer(&mut *to, &document)?;
    writeln!(to)
}

fn side(side: &super::side::Side) -> Side<'_> {
    let runs = side.targets.iter().zip(&side.runs);
    let runs = runs.map(|(target, run)| Run {
        target,
        elapsed_ns: run.elapsed_ns(),
        profiler_mode: run.profiler_mode(),
    });
    Side {
        target: &side.name,
        elapsed_ns: side.elapsed_ns(),
        profiler_mode: side
            .runs
            .first()
            .map_or(ProfilerMode::Off, |run| run.profiler_mode()),
        runs: runs.collect(),
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
