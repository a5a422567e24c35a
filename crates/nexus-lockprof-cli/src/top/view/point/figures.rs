//! A point's counters, totals and percentiles.

use super::super::figure;
use super::Page;
use crate::top::state::{Figures, per_second};
use nexus_lockprof_export::readable::columns::Columns;
use nexus_lockprof_export::readable::number;
use nexus_lockprof_snapshot::{Durations, Lock, Point, Snapshot};
use ratatui::text::Line;

/// Terminal columns that figures of the interval and of all time need side by side.
const BOTH: usize = 90;

/// One of a point's counters.
type Counter = fn(&Point) -> u64;

impl Page<'_> {
    pub(super) fn counters(&self) -> Vec<Line<'static>> {
        let (whole, rated) = (self.data.whole(), self.data.rated());
        let head = |snapshot: &Snapshot, what: &str| {
            format!("{what} {}", number::age(snapshot.elapsed_ns()))
        };
        let narrow = self.width < BOTH;
        let totals = self.state.table.figures() == Figures::Totals;
        let interval = self.data.is_interval() && !(narrow && totals);
        let all = !(interval && narrow);
        let mut heads = vec![String::new()];
        if interval {
            heads.extend([head(rated, "last"), "a second".to_owned()]);
        }
        if all {
            let since = if whole.resets() > 0 { "reset" } else { "start" };
            let since = format!("since {since}:");
            heads.extend([head(whole, &since), "a second".to_owned()]);
        }
        let nothing = Point::new(Lock::Anonymous, self.whole.mode, self.whole.site.clone());
        let mut rows = vec![heads];
        let lock = |snapshot: &Snapshot| self.lock_held(snapshot);
        let mut busy = vec!["its lock held".to_owned()];
        if interval {
            busy.extend(lock(rated));
        }
        if all {
            busy.extend(lock(whole));
        }
        let mut row = |name: &str, cells: &dyn Fn(&Point, u64) -> [String; 2]| {
            let mut row = vec![name.to_owned()];
            if interval {
                row.extend(cells(self.rated.unwrap_or(&nothing), rated.elapsed_ns()));
            }
            if all {
                row.extend(cells(self.whole, whole.elapsed_ns()));
            }
            rows.push(row);
        };
        row("acquisitions", &|p, ns| count(p.acquisitions, ns));
        row("  contentions", &|p, ns| {
            let [sum, rate] = count(p.contentions, ns);
            match p.contentions {
                0 => [sum, rate],
                _ => [
                    format!("{sum} = {}", number::percent(p.contentions, p.acquisitions)),
                    rate,
                ],
            }
        });
        row("waited", &|p, ns| durations(&p.wait, ns));
        row("held", &|p, ns| durations(&p.hold, ns));
        row("blocked others", &|p, ns| count(p.blocked, ns));
        row("  for (caused)", &|p, ns| {
            let total = figure::caused(p, number::duration);
            let error = error(p.caused_standard_error_ns());
            let threads = figure::caused(p, |caused| {
                format!("{} threads", figure::threads(caused, ns))
            });
            [format!("{total}{error}"), threads]
        });
        let rare: [(&str, Counter); 4] = [
            ("waits that parked", |p| p.long_waits),
            ("try failed", |p| p.try_failures),
            ("timed out", |p| p.timeouts),
            ("cancelled", |p| p.cancellations),
        ];
        for (name, of) in rare {
            if of(self.whole) > 0 {
                row(name, &|p, ns| count(of(p), ns));
            }
        }
        if self.whole.abandoned_wait_ns > 0 {
            row("waited in vain", &|p, ns| {
                [
                    number::duration(p.abandoned_wait_ns),
                    format!("{} threads", figure::threads(p.abandoned_wait_ns, ns)),
                ]
            });
        }
        // Last: it is of all points of the lock, not of this one.
        rows.push(busy);
        self.grid(rows)
    }

    /// The share of the time that the point's lock is held, by all of its points, and by readers.
    fn lock_held(&self, snapshot: &Snapshot) -> [String; 2] {
        let Some(of) = snapshot.utilisation_of(&self.whole.lock) else {
            return ["0%".to_owned(), String::new()];
        };
        let readers = match of.readers {
            Some(readers) if readers.total_ns == 0 => String::new(),
            readers => format!("readers {}", figure::held(readers)),
        };
        [figure::held(of.held), readers]
    }

    /// The point as its percentiles and distributions are of, and of what time that is.
    pub(super) fn sampled(&self) -> (Option<&Point>, String) {
        let (point, is_last) = self
            .data
            .sampled_point(self.index, self.state.table.figures());
        let of = match (is_last, self.data.whole().resets()) {
            (true, _) => format!("last {}", number::age(self.data.rated().elapsed_ns())),
            (false, 0) => "since start".to_owned(),
            (false, _) => "since reset".to_owned(),
        };
        (point, of)
    }

    pub(super) fn quantiles(&self) -> Vec<Line<'static>> {
        let (point, of) = self.sampled();
        let mut heads = vec![of];
        heads.extend(["p50", "p90", "p95", "p99", "max", "mean", "measured"].map(str::to_owned));
        let mut rows = vec![heads];
        for (name, durations) in [
            ("wait", point.map(|p| &p.wait)),
            ("hold", point.map(|p| &p.hold)),
        ] {
            let mut row = vec![name.to_owned()];
            match durations {
                None => row.extend(["-"; 7].map(str::to_owned)),
                Some(durations) => row.extend(summary(durations)),
            }
            rows.push(row);
        }
        self.grid(rows)
    }

    /// Cells in columns, the first from the left, all others to the right.
    fn grid(&self, rows: Vec<Vec<String>>) -> Vec<Line<'static>> {
        let gap = if self.width < BOTH { 2 } else { 3 };
        let table = Columns::of_rows(rows, |column| column > 0, gap);
        let lines = table.lines().enumerate().map(|(at, text)| match at {
            0 => Line::styled(text, self.theme.dim()),
            _ => Line::raw(text),
        });
        lines.collect()
    }
}

fn count(n: u64, ns: u64) -> [String; 2] {
    [number::count(n), number::rate(per_second(n, ns))]
}

fn durations(durations: &Durations, ns: u64) -> [String; 2] {
    let total = match durations.is_partial() {
        // Here is room to say it.
        true => format!("at least {}", number::duration(durations.total_ns)),
        false => figure::marked(durations, number::duration),
    };
    let error = match durations.samples {
        // Of nothing there is no error, whatever was left over when two variances were subtracted.
        0 => String::new(),
        _ => error(durations.standard_error_ns()),
    };
    let total = format!("{total}{error}");
    let threads = figure::marked(durations, |total| {
        format!("{} threads", figure::threads(total, ns))
    });
    [total, threads]
}

/// A standard error behind its total; nothing, if there is none.
fn error(ns: f64) -> String {
    match ns {
        ns if ns > 0.0 => format!(" ±{}", number::duration(ns.round() as u64)),
        _ => String::new(),
    }
}

fn summary(durations: &Durations) -> [String; 7] {
    let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|q| number::quantile(durations, q));
    let max = match durations.samples {
        0 => "-".to_owned(),
        _ => number::duration(durations.max_ns),
    };
    let mean = match durations.mean_ns() {
        None => "-".to_owned(),
        Some(ns) => number::estimated(ns, durations.is_estimate()),
    };
    let events = durations.events.saturating_add(durations.unmeasured);
    let measured = match (durations.samples, events) {
        (samples, events) if samples == events => number::count(samples),
        (samples, events) => {
            format!("{} of {}", number::count(samples), number::count(events))
        }
    };
    [p50, p90, p95, p99, max, mean, measured]
}
