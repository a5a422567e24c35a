//! The figures of a point as this table shows them.

use crate::top::state::{TrendSample, per_second};
use nexus_lockprof_export::readable::number;
use nexus_lockprof_snapshot::{Durations, Point, TimeShare};
use ratatui::symbols::bar;

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
    marked(durations, |ns| threads(ns, elapsed_ns))
}

/// The share of the time that a lock is held; marked like [`marked`].
pub(crate) fn held(share: Option<TimeShare>) -> String {
    let Some(share) = share else {
        return "-".to_owned();
    };
    let mark = match share.is_estimate || share.is_partial {
        true if share.total_ns > 0 => "~",
        _ => "",
    };
    format!("{mark}{}", number::percent_of(share.share))
}

/// The wait that a point has caused, marked.
pub(crate) fn caused(point: &Point, text: impl Fn(u64) -> String) -> String {
    match point.caused_wait_ns {
        0 if point.blocked == 0 => "0".to_owned(),
        // Others have waited, and nobody has looked for how long.
        0 => "-".to_owned(),
        ns if point.caused_variance > 0.0 => format!("~{}", text(ns)),
        ns => text(ns),
    }
}

/// How many threads `ns` in `elapsed_ns` are.
pub(crate) fn threads(ns: u64, elapsed_ns: u64) -> String {
    number::threads(share(ns, elapsed_ns))
}

/// `ns` in each nanosecond of `elapsed_ns`.
pub(crate) fn share(ns: u64, elapsed_ns: u64) -> f64 {
    per_second(ns, elapsed_ns) / 1e9
}

/// Returns the function that a curve plots: threads that waited or, where nothing was timed,
/// contentions.
pub(crate) fn sample(timed: bool) -> fn(TrendSample) -> f32 {
    match timed {
        true => |sample| sample.threads,
        false => |sample| sample.contentions,
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
        assert_eq!(caused(&point, number::duration), "0");
        point.blocked = 3;
        assert_eq!(caused(&point, number::duration), "-");
        point.caused_wait_ns = 30;
        assert_eq!(caused(&point, number::duration), "30ns");
        point.caused_variance = 1.0;
        assert_eq!(caused(&point, number::duration), "~30ns");
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
