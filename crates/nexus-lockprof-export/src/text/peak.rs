//! The line that says when threads waited at a point.

use nexus_lockprof_snapshot::{Point, Snapshot};

use crate::readable::{fit, number};

const INDENT: &str = "     ";
/// The most bars, and the fewest that say something.
const BARS: [usize; 2] = [4, 60];

/// The line below a point, with bars if there is room. `None` if the waiting was spread over the
/// time.
pub(super) fn line(snapshot: &Snapshot, point: &Point, width: usize) -> Option<String> {
    let is_short = snapshot.peak(point).is_some_and(|peak| peak.is_short());
    let mut line = peak(snapshot, point).filter(|_| is_short)?;
    let [fewest, most] = BARS;
    let width = width.saturating_sub(INDENT.len());
    let room = width.saturating_sub(fit::width(&line) + 2).min(most);
    if room >= fewest {
        line.push_str("  ");
        line.push_str(&bars(&snapshot.past_waits(point), room));
    }
    // `wrapped` knows nothing of indented lines.
    let lines = fit::wrapped(&line, width);
    Some(format!(
        "{INDENT}{}",
        lines.replace('\n', &format!("\n{INDENT}"))
    ))
}

/// When threads waited most at a point, or `None` if nobody waited there in the last intervals.
///
/// For example `peak 12:00:05 to 12:00:07 UTC: waited 1.90s of 2.00s in 2 of 60 intervals`.
///
/// ```
/// use nexus_lockprof_export::text;
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
///
/// let point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", 1, 1));
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// assert_eq!(text::peak(&snapshot, &point), None);
/// ```
#[must_use]
pub fn peak(snapshot: &Snapshot, point: &Point) -> Option<String> {
    let peak = snapshot.peak(point)?;
    Some(format!(
        "peak {} to {} UTC: waited {} of {}{} in {} of {} intervals",
        clock(peak.began_unix_ns),
        clock(peak.ended_unix_ns),
        number::estimated(peak.wait_ns, point.wait.is_estimate()),
        if peak.is_bound { "at most " } else { "" },
        number::estimated(peak.all_ns, point.wait.is_estimate()),
        peak.intervals,
        peak.of_intervals,
    ))
}

/// The time of the day.
fn clock(unix_ns: u64) -> String {
    let seconds = unix_ns / 1_000_000_000 % 86_400;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}", minutes / 60, minutes % 60)
}

/// A bar for the waiting of each interval, or for the longest of several if there is no room for
/// all: at most `room` terminal columns. `·` if it is not known.
///
/// ```
/// use nexus_lockprof_export::text;
///
/// assert_eq!(text::bars(&[Some(0), Some(1), None, Some(7), Some(3)], 5), "▁▂·█▄");
/// ```
#[must_use]
pub fn bars(waits: &[Option<u64>], room: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const UNKNOWN: char = '·';
    let most = waits.iter().flatten().max().copied().unwrap_or(0).max(1);
    let bars = waits
        .chunks(waits.len().div_ceil(room).max(1))
        .map(|waits| {
            let Some(&wait) = waits.iter().flatten().max() else {
                return UNKNOWN;
            };
            let height = u128::from(wait) * (BARS.len() as u128 - 1) / u128::from(most);
            BARS.get(height as usize).copied().unwrap_or(UNKNOWN)
        });
    bars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_the_waits() {
        let of = |waits: &[u64], room| {
            let waits: Vec<Option<u64>> = waits.iter().copied().map(Some).collect();
            bars(&waits, room)
        };
        assert_eq!(of(&[0, 1, 7, 3], 4), "▁▂█▄");
        assert_eq!(of(&[0, 1, 7, 3, 2], 3), "▂█▃");
        assert_eq!(of(&[0, 0], 4), "▁▁");
    }

    #[test]
    fn what_is_not_known_has_no_bar() {
        let waits = [None, None, Some(7), None, Some(0)];
        assert_eq!(bars(&waits, 5), "··█·▁");
        assert_eq!(bars(&waits, 3), "·█▁");
        assert_eq!(bars(&[None], 3), "·");
    }

    #[test]
    fn a_time_of_the_day() {
        assert_eq!(clock(1_763_878_803_999_999_999), "06:20:03");
    }
}
