//! Numbers as the table shows them.

use crate::top::state::{TrendSample, per_second};
use nexus_lockprof_export::text::pieces;
use nexus_lockprof_snapshot::{Durations, Point};
use ratatui::symbols::bar;

/// A number of threads, in three digits.
pub(crate) fn threads(threads: f64) -> String {
    if threads == 0.0 {
        "0".to_owned()
    } else if threads < 0.0005 {
        "<.001".to_owned()
    } else if threads < 0.0995 {
        format!("{threads:.3}")
    } else if threads < 9.995 {
        format!("{threads:.2}")
    } else if threads < 99.95 {
        format!("{threads:.1}")
    } else {
        format!("{threads:.0}")
    }
}

/// A count a second.
pub(crate) fn rate(rate: f64) -> String {
    if rate == 0.0 {
        "0".to_owned()
    } else if rate < 0.095 {
        "<0.1".to_owned()
    } else if rate < 9.95 {
        format!("{rate:.1}")
    } else {
        // Saturates, and is never negative.
        pieces::count(rate.round() as u64)
    }
}

/// The share of a point's acquisitions that had to wait.
pub(crate) fn contention_ratio(point: &Point) -> String {
    match point.acquisitions {
        0 if point.contentions == 0 => "-".to_owned(),
        0 => pieces::count(point.contentions),
        whole => pieces::percent(point.contentions, whole),
    }
}

/// A total of durations as `text` says it: `-` if it was not measured, with a `~` if it is an
/// estimate, or of a part of them.
pub(crate) fn marked(durations: &Durations, text: impl Fn(u64) -> String) -> String {
    if durations.samples == 0 {
        // Nothing to measure is not the same as not measured.
        return if durations.is_empty() { "0" } else { "-" }.to_owned();
    }
    let is_estimate = durations.is_partial() || durations.is_estimate();
    let mark = if is_estimate { "~" } else { "" };
    format!("{mark}{}", text(durations.total_ns))
}

/// How many threads a total in `elapsed_ns` is, marked.
pub(crate) fn marked_threads(durations: &Durations, elapsed_ns: u64) -> String {
    marked(durations, |ns| threads(share(ns, elapsed_ns)))
}

/// A percentile of durations.
pub(crate) fn quantile(durations: &Durations, q: f64) -> String {
    match durations.quantile(q) {
        None => "-".to_owned(),
        Some(ns) if durations.is_estimate() => format!("~{}", pieces::duration(ns)),
        Some(ns) => pieces::duration(ns),
    }
}

/// What a point has caused, marked.
pub(crate) fn caused(point: &Point, text: impl Fn(u64) -> String) -> String {
    match point.caused_wait_ns {
        0 if point.blocked == 0 => "0".to_owned(),
        // Others have waited, and nobody has looked for how long.
        0 => "-".to_owned(),
        ns if point.caused_variance > 0.0 => format!("~{}", text(ns)),
        ns => text(ns),
    }
}

/// `ns` in each nanosecond of `elapsed_ns`.
pub(crate) fn share(ns: u64, elapsed_ns: u64) -> f64 {
    per_second(ns, elapsed_ns) / 1e9
}

/// Time for people: `4.2s`, `1m 05s`, `3h 07m`, `2d 04h`.
pub(crate) fn age(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        0..60 => pieces::duration(ns),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// The last samples in `width` columns, the newest at the right end, the highest bar at `highest`
/// or their own highest, whichever is more.
pub(crate) fn trend(
    newest_first: impl Iterator<Item = TrendSample>,
    of: fn(TrendSample) -> f32,
    width: usize,
    highest: f32,
) -> String {
    let values: Vec<f32> = newest_first.take(width).map(of).collect();
    let highest = values.iter().copied().fold(highest, f32::max);
    let bars = values.iter().rev().map(|&value| {
        let level = if highest > 0.0 { value / highest } else { 0.0 };
        match (level * 8.0).ceil() as u8 {
            0 => " ",
            1 => bar::ONE_EIGHTH,
            2 => bar::ONE_QUARTER,
            3 => bar::THREE_EIGHTHS,
            4 => bar::HALF,
            5 => bar::FIVE_EIGHTHS,
            6 => bar::THREE_QUARTERS,
            7 => bar::SEVEN_EIGHTHS,
            _ => bar::FULL,
        }
    });
    let bars: String = bars.collect();
    format!("{}{bars}", " ".repeat(width.saturating_sub(values.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_lockprof_snapshot::{AcquireMode, Lock, Site};

    #[test]
    fn numbers_of_threads() {
        for (number, text) in [
            (0.0, "0"),
            (0.0001, "<.001"),
            (0.0005, "0.001"),
            (0.0123, "0.012"),
            (0.0994, "0.099"),
            (0.0996, "0.10"),
            (2.714, "2.71"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (1234.0, "1234"),
        ] {
            assert_eq!(threads(number), text, "{number}");
        }
    }

    #[test]
    fn rates() {
        for (number, text) in [
            (0.0, "0"),
            (0.01, "<0.1"),
            (0.5, "0.5"),
            (9.94, "9.9"),
            (9.96, "10"),
            (1_230.4, "1.23k"),
            (f64::INFINITY, "18.4E"),
        ] {
            assert_eq!(rate(number), text, "{number}");
        }
    }

    #[test]
    fn ages() {
        for (seconds, text) in [
            (4, "4.00s"),
            (65, "1m 05s"),
            (3_600 * 3 + 7 * 60, "3h 07m"),
            (86_400 * 2 + 4 * 3_600, "2d 04h"),
        ] {
            assert_eq!(age(seconds * 1_000_000_000), text, "{seconds}");
        }
    }

    #[test]
    fn marks() {
        let exact = Durations {
            samples: 4,
            events: 4,
            total_ns: 500,
            ..Durations::default()
        };
        let estimate = Durations {
            events: 400,
            total_variance: 90_000.0,
            ..exact.clone()
        };
        let part = Durations {
            unmeasured: 9,
            ..exact.clone()
        };
        let counted = Durations {
            events: 9,
            ..Durations::default()
        };
        for (durations, text) in [
            (Durations::default(), "0"),
            (counted, "-"),
            (exact, "0.50"),
            (part, "~0.50"),
            (estimate, "~0.50"),
        ] {
            assert_eq!(marked_threads(&durations, 1_000), text);
        }
    }

    #[test]
    fn what_was_caused() {
        let mut point = Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a", 1, 1));
        assert_eq!(caused(&point, pieces::duration), "0");
        point.blocked = 3;
        assert_eq!(caused(&point, pieces::duration), "-");
        point.caused_wait_ns = 30;
        assert_eq!(caused(&point, pieces::duration), "30ns");
        point.caused_variance = 1.0;
        assert_eq!(caused(&point, pieces::duration), "~30ns");
    }

    #[test]
    fn a_trend_ends_at_its_right() {
        let samples = |values: &[f32]| {
            let samples = values.iter().map(|&threads| TrendSample {
                threads,
                contentions: 0.0,
            });
            samples.collect::<Vec<_>>()
        };
        let trend = |values: &[f32], width, highest| {
            trend(samples(values).into_iter(), |b| b.threads, width, highest)
        };
        assert_eq!(trend(&[1.0, 0.5, 0.0], 4, 0.0), "  ▄█");
        assert_eq!(trend(&[1.0, 0.5, 0.0], 2, 0.0), "▄█");
        assert_eq!(trend(&[1.0, 0.01], 2, 2.0), "▁▄");
        assert_eq!(trend(&[], 3, 0.0), "   ");
        assert_eq!(trend(&[0.0], 1, 0.0), " ");
        assert_eq!(trend(&[1.0], 0, 0.0), "");
    }
}
