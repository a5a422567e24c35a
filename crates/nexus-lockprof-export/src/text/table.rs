//! [`Table`]: the report.

use std::fmt;

use nexus_lockprof_snapshot::{Point, ProfilerMode, Snapshot};

use super::behind::Holders;
use super::callers::callers;
use super::column::Column;
use super::deadlocks::deadlocks;
use super::grid::Grid;
use super::instances;
use super::order::lock_order;
use super::peak;
use super::sort::SortKey;
use super::threads::threads;
use super::waiters::waiters;
use super::{findings, rwlocks, utilisation};
use crate::readable::{fit, names, number};

/// The report of a snapshot, made by [`table`](super::table()). It displays as the table and the
/// notes below it. No line is wider than the [`width`](Self::width). The last line has no line end,
/// since `println!` adds one.
#[derive(Clone, Copy, Debug)]
#[must_use = "a table does nothing until it is displayed"]
pub struct Table<'a> {
    snapshot: &'a Snapshot,
    /// What the snapshot was selected from.
    whole: &'a Snapshot,
    width: usize,
    top: usize,
    callers: usize,
    findings: usize,
    sort: SortKey,
    is_live: bool,
    threads: Option<usize>,
}

impl<'a> Table<'a> {
    /// The default width, in terminal columns.
    pub const DEFAULT_WIDTH: usize = 100;
    /// The minimum width, in terminal columns.
    pub const MIN_WIDTH: usize = 60;
    /// The default number of points shown.
    pub const DEFAULT_TOP: usize = 20;
    /// The default number of callers shown per point.
    pub const DEFAULT_CALLERS: usize = 3;
    /// The default number of findings shown.
    pub const DEFAULT_FINDINGS: usize = 5;

    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            whole: snapshot,
            width: Self::DEFAULT_WIDTH,
            top: Self::DEFAULT_TOP,
            callers: Self::DEFAULT_CALLERS,
            findings: Self::DEFAULT_FINDINGS,
            sort: SortKey::default(),
            is_live: false,
            threads: None,
        }
    }

    /// Sets the width in terminal columns, at least [`MIN_WIDTH`](Self::MIN_WIDTH).
    pub fn width(mut self, columns: usize) -> Self {
        self.width = columns.max(Self::MIN_WIDTH);
        self
    }

    /// Sets the maximum number of points to show. A line counts the rest.
    pub fn top(mut self, points: usize) -> Self {
        self.top = points;
        self
    }

    /// Sets the maximum number of callers to show below a point with recorded call stacks. A line
    /// counts the rest. 0 shows none.
    ///
    /// ```
    /// use nexus_lockprof_export::text;
    /// use nexus_lockprof_snapshot::{AcquireMode, Frame, Lock, Point, Site, Snapshot, SnapshotParts, Stack};
    ///
    /// let frame = |function: &str, line| Frame {
    ///     function: Some(function.into()),
    ///     file: Some("src/main.rs".into()),
    ///     line: Some(line),
    ///     address: line.into(),
    /// };
    /// let frames = vec![frame("app::lock", 7), frame("app::flush", 30)];
    /// let callers = vec![Stack { frames, waits: 2, wait_ns: 900, samples: 2 }];
    /// let site = Site::new("src/main.rs", 7, 20);
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     points: vec![Point { callers, ..Point::new(Lock::Anonymous, AcquireMode::Exclusive, site) }],
    ///     ..SnapshotParts::default()
    /// });
    /// let report = text::table(&snapshot).callers(1).to_string();
    /// assert!(report.contains("\n     100% 2 waits  app::flush (src/main.rs:30)\n"), "{report}");
    /// ```
    pub fn callers(mut self, stacks: usize) -> Self {
        self.callers = stacks;
        self
    }

    /// Sets the maximum number of [findings](Snapshot::findings) to show above the table. A line
    /// counts the rest. 0 shows none.
    pub fn findings(mut self, findings: usize) -> Self {
        self.findings = findings;
        self
    }

    /// Sets the snapshot of which this table shows only some points. The findings rest on all
    /// points of their lock, so they are made of `whole`. Those about locks without a point in the
    /// table are left out.
    pub fn selected_from(mut self, whole: &'a Snapshot) -> Self {
        self.whole = whole;
        self
    }

    /// The findings about the locks in the table.
    fn findings_lines(&self) -> Vec<String> {
        if self.findings == 0 {
            return Vec::new();
        }
        let mut all = self.whole.findings();
        let points = self.snapshot.points();
        all.retain(|finding| points.iter().any(|point| point.lock == finding.lock));
        findings::lines(&all, self.whole, self.findings, self.width)
    }

    /// Sets the sort key. Its column is the last to be left out.
    pub fn sort(mut self, key: SortKey) -> Self {
        self.sort = key;
        self
    }

    /// Sets whether the snapshot shows the present. Then the section on waiters says "now".
    pub fn live(mut self, is_live: bool) -> Self {
        self.is_live = is_live;
        self
    }

    /// Sets the maximum number of threads to show. Without it, a few appear if one of them waited
    /// far more than the others. 0 shows none.
    ///
    /// ```
    /// use nexus_lockprof_export::text;
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// println!("{}", text::table(&snapshot).threads(20));
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The lines of the table and the notes below it.
    fn lines(&self) -> Vec<String> {
        let all = self.snapshot.points();
        if all.is_empty() {
            return vec![fit::wrapped(&self.nothing(), self.width)];
        }
        let mut points: Vec<&Point> = all.iter().collect();
        points.sort_by(|a, b| self.sort.compare(a, b));
        points.truncate(self.top);
        let sorted_by = Column::sorted_by(self.sort);
        let grid = Grid::new(&points, self.width, sorted_by, self.has_only_waits());
        let holders = Holders::new(self.snapshot);
        let mut lines = self.findings_lines();
        lines.extend(grid.lines(|point| {
            let behind = holders.line(point, self.width);
            let callers = callers(point, self.callers, self.width);
            let peak = peak::line(self.whole, point, self.width);
            behind.into_iter().chain(peak).chain(callers).collect()
        }));
        let hidden = (all.len() - points.len()) as u64;
        if hidden > 0 {
            let noun = if hidden == 1 { "point" } else { "points" };
            lines.push(format!("... and {hidden} more {noun}"));
        }
        lines.extend(instances::lines(self.snapshot, self.whole, self.width));
        lines.extend(threads(self.whole, self.threads, self.width));
        lines.push(fit::wrapped(&self.summary(), self.width));
        let busy = utilisation::line(self.snapshot);
        lines.extend(busy.map(|line| fit::wrapped(&line, self.width)));
        let overhead = self.overhead();
        lines.extend(overhead.map(|line| fit::wrapped(&line, self.width)));
        let note = grid.note();
        lines.extend(note.map(|note| fit::wrapped(&note, self.width)));
        if self.has_only_waits() {
            let note = "Holds are not known, nor acquisitions without a wait: waits of an unmodified program.";
            lines.push(fit::wrapped(note, self.width));
        }
        lines.extend(rwlocks::lines(self.snapshot, self.whole, self.width));
        lines
    }

    fn has_only_waits(&self) -> bool {
        self.snapshot.profiler_mode() == ProfilerMode::Waits
    }

    fn summary(&self) -> String {
        let points = self.snapshot.points();
        let sum = |sum: u64, point: &Point| sum.saturating_add(point.acquisitions);
        // A shard belongs to one thread at a time, and is reused when that thread ends.
        let threads = match self.snapshot.table().shards {
            0 => String::new(),
            threads => format!(", {} (peak)", number::plural(threads, "thread")),
        };
        let program = match self.snapshot.program() {
            Some(name) => format!("{}: ", names::shown(name)),
            None => String::new(),
        };
        if self.has_only_waits() {
            let waits = points.iter().fold(0, sum);
            return format!(
                "{program}{}, {}, mode waits, {}",
                number::plural(points.len() as u64, "point"),
                number::plural(waits, "wait"),
                self.period()
            );
        }
        format!(
            "{program}{}, {}{threads}, mode {}, {}",
            number::plural(points.len() as u64, "point"),
            number::plural(points.iter().fold(0, sum), "acquisition"),
            self.snapshot.profiler_mode(),
            self.period(),
        )
    }

    /// The profiler's own cost, or `None` if it was not accounted.
    fn overhead(&self) -> Option<String> {
        let overhead = self.snapshot.overhead();
        let counting = match overhead.counting_ns {
            0 => String::new(),
            ns => format!(
                ", counting about {}",
                number::percent(ns, overhead.threads_ns)
            ),
        };
        (overhead.threads_ns > 0).then(|| {
            format!(
                "Profiling took {} of the threads' time: {} of {}{counting}",
                number::percent(overhead.budgeted_ns, overhead.threads_ns),
                number::duration(overhead.budgeted_ns),
                number::duration(overhead.threads_ns),
            )
        })
    }

    fn period(&self) -> String {
        findings::period(self.snapshot)
    }

    fn nothing(&self) -> String {
        let period = self.period();
        if !self.snapshot.waiters().is_empty() {
            return format!("No acquisition was recorded ({period}).");
        }
        if self.snapshot.base_collection().is_some() {
            return format!("No lock was used in {period}.");
        }
        match self.snapshot.profiler_mode() {
            ProfilerMode::Off => format!(
                "Nothing recorded: the profiler is off ({period}). Turn it on with LOCKPROF=sampled or in its Config, and \
                 with nexus_lockprof's feature `profile`."
            ),
            ProfilerMode::Waits => format!("No thread waited for a lock ({period})."),
            mode => format!(
                "Nothing recorded yet: no profiled lock was acquired (mode {mode}, {period}). \
                 Are the locks nexus_lockprof's, and is its feature `profile` on?"
            ),
        }
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = deadlocks(self.whole, self.width);
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let order = lock_order(self.whole, self.width);
        if !order.is_empty() {
            lines.extend(order);
            lines.push(String::new());
        }
        lines.extend(waiters(self.snapshot, self.width, self.is_live));
        lines.extend(self.lines());
        if !self.snapshot.is_complete() {
            let note = "Percentiles cover only the last part of the interval.";
            lines.push(fit::wrapped(note, self.width));
        }
        if !self.snapshot.losses().is_empty() {
            let lost = format!("LOST {}", self.snapshot.losses());
            lines.push(fit::wrapped(&lost, self.width));
        }
        f.write_str(&lines.join("\n"))
    }
}
