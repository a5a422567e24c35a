//! A snapshot as LOCK_PROFILING(9) prints it.

use std::fmt;

use crate::{Durations, Point, Snapshot, printable};

/// Column heads and widths. The widths are those of FreeBSD's `sys/kern/subr_lock.c`, except that no column is
/// narrower than its head (there `wait_avg`, `cnt_hold` and `cnt_lock` are, and the table is crooked).
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

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (head, width) in COLUMNS {
            write!(f, "{head:>width$} ")?;
        }
        writeln!(f, "name")?;
        for point in self.points() {
            for ((_, width), value) in COLUMNS.into_iter().zip(row(point)) {
                write!(f, "{value:>width$} ")?;
            }
            let place = point.site.to_string();
            let name = point.lock.name();
            writeln!(f, "{} ({})", printable(&place), printable(&name))?;
        }
        let estimated = |d: fn(&Point) -> &Durations| {
            let points = self.points().iter();
            points.filter(|p| d(p).is_estimate()).count()
        };
        let (holds, waits) = (estimated(|p| &p.hold), estimated(|p| &p.wait));
        if holds + waits > 0 {
            writeln!(
                f,
                "ESTIMATED from samples: total and avg of {holds} points, wait_total and wait_avg of {waits}"
            )?;
        }
        if !self.losses().is_empty() {
            writeln!(f, "LOST {}", self.losses())?;
        }
        Ok(())
    }
}

/// The numbers of a point, times in whole microseconds. FreeBSD divides both totals by the acquisitions.
fn row(point: &Point) -> [u64; 9] {
    let us = |ns: u64| ns / 1_000;
    let average_us = |total_ns: u64| total_ns.checked_div(point.acquisitions).map_or(0, us);
    [
        us(point.hold.max_ns),
        us(point.wait.max_ns),
        us(point.hold.total_ns),
        us(point.wait.total_ns),
        point.acquisitions,
        average_us(point.hold.total_ns),
        average_us(point.wait.total_ns),
        point.blocked,
        point.contentions,
    ]
}
