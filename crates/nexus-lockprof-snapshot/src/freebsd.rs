//! A snapshot as LOCK_PROFILING(9) prints it.

use std::fmt;

use crate::{Durations, Point, ProfilerMode, Snapshot, printable};

/// Column heads and widths. The widths are those of FreeBSD's `sys/kern/subr_lock.c`, but no column
/// is narrower than its head. There, `wait_avg`, `cnt_hold` and `cnt_lock` are, so the table is
/// misaligned.
const COLUMNS: [(&str, usize); 9] = [
    ("max", 8),
    ("wait_max", 9),
    ("total", 11),
    ("wait_total", 11),
    ("count", 11),
    ("avg", 6),
    ("wait_avg", 8),
    ("cnt_hold", 8),
    ("cnt_lock", 8),
];

/// Writes no final line end, like every `Display`: `println!` adds one.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (head, width) in COLUMNS {
            write!(f, "{head:>width$} ")?;
        }
        f.write_str("name")?;
        for point in self.points() {
            writeln!(f)?;
            for ((_, width), value) in COLUMNS.into_iter().zip(row(point, self.profiler_mode())) {
                match value {
                    Some(value) => write!(f, "{value:>width$} ")?,
                    None => write!(f, "{:>width$} ", "-")?,
                }
            }
            let place = point.site.to_string();
            let name = point.lock.name();
            write!(f, "{} ({})", printable(&place), printable(&name))?;
        }
        let estimated = |d: fn(&Point) -> &Durations| {
            let points = self.points().iter();
            points.filter(|p| d(p).is_estimate()).count()
        };
        let (holds, waits) = (estimated(|p| &p.hold), estimated(|p| &p.wait));
        if holds + waits > 0 {
            write!(
                f,
                "\nESTIMATED from samples: total and avg of {holds} points, wait_total and wait_avg of {waits}"
            )?;
        }
        let partial = self.points().iter();
        let partial = partial.filter(|p| p.hold.is_partial() || p.wait.is_partial());
        match partial.count() {
            0 => {}
            points => write!(f, "\nPARTLY not measured: {points} points")?,
        }
        if !self.losses().is_empty() {
            write!(f, "\nLOST {}", self.losses())?;
        }
        Ok(())
    }
}

/// The numbers of a point, times in whole microseconds; `None` means not measured. Like FreeBSD, it
/// divides both totals by the acquisitions.
fn row(point: &Point, mode: ProfilerMode) -> [Option<u64>; 9] {
    let beyond_waits = |count| (mode != ProfilerMode::Waits).then_some(count);
    let us = |ns: u64| ns / 1_000;
    let average_us = |total_ns: u64| total_ns.checked_div(point.acquisitions).map_or(0, us);
    let (hold, wait) = (measured(&point.hold), measured(&point.wait));
    [
        hold.map(|hold| us(hold.max_ns)),
        wait.map(|wait| us(wait.max_ns)),
        hold.map(|hold| us(hold.total_ns)),
        wait.map(|wait| us(wait.total_ns)),
        beyond_waits(point.acquisitions),
        hold.map(|hold| average_us(hold.total_ns)),
        wait.map(|wait| average_us(wait.total_ns)),
        beyond_waits(point.blocked),
        Some(point.contentions),
    ]
}

/// `None` if there were events but none was measured. Without events, the sum is 0.
fn measured(durations: &Durations) -> Option<&Durations> {
    let nothing_to_measure = durations.events == 0 && durations.unmeasured == 0;
    (durations.samples > 0 || nothing_to_measure).then_some(durations)
}
