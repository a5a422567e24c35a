//! The distributions of a point's waits and holds.

use super::Page;
use crate::top::state::{Bucket, buckets};
use nexus_lockprof_export::readable::fit;
use nexus_lockprof_snapshot::Durations;
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};

/// Rows of a histogram at most, before it is made coarser.
const BUCKETS: usize = 16;
/// Terminal columns from which on both histograms stand side by side.
const BESIDE: usize = 100;
/// Empty rows of a histogram, in a row, that are shown as such.
const EMPTY: usize = 3;

impl Page<'_> {
    /// Both distributions, side by side where there is room for it.
    pub(super) fn distributions(&self) -> Vec<Line<'static>> {
        let (point, _) = self.sampled();
        let beside = self.width >= BESIDE;
        let width = match beside {
            true => self.width / 2 - 1,
            false => self.width,
        };
        let of = |name, durations: Option<&Durations>| self.histogram(name, durations, width);
        let wait = of("wait", point.map(|p| &p.wait));
        let hold = of("hold", point.map(|p| &p.hold));
        if !beside {
            return [wait, vec![Line::default()], hold].concat();
        }
        let rows = wait.len().max(hold.len());
        let (mut wait, mut hold) = (wait.into_iter(), hold.into_iter());
        (0..rows)
            .map(|_| {
                let mut line = wait.next().unwrap_or_default();
                let blank = (width + 2).saturating_sub(line.width());
                line.push_span(" ".repeat(blank));
                line.extend(hold.next().unwrap_or_default());
                line
            })
            .collect()
    }

    fn histogram(
        &self,
        name: &str,
        durations: Option<&Durations>,
        width: usize,
    ) -> Vec<Line<'static>> {
        const LABEL: usize = 16;
        const SHARE: usize = 7;
        const MARKS: usize = 12;
        let mut lines = vec![Line::styled(format!("{name} times"), self.theme.head())];
        let nothing = |text: &str| Line::styled(text.to_owned(), self.theme.dim());
        let Some(durations) = durations.filter(|d| !d.is_empty()) else {
            lines.push(nothing("none"));
            return lines;
        };
        let all = buckets(&durations.reservoir, BUCKETS);
        if all.is_empty() {
            lines.push(nothing("none was measured"));
            return lines;
        }
        let quantiles = durations.quantiles([0.5, 0.95, 0.99]);
        let room = width.saturating_sub(LABEL + SHARE + MARKS + 3);
        let highest = all.iter().map(|b| b.share).fold(0.0, f64::max);
        let mut empty = 0;
        for (at, bucket) in all.iter().enumerate() {
            let next = all.get(at + 1..).unwrap_or_default();
            empty = if bucket.share == 0.0 { empty + 1 } else { 0 };
            let more = next.iter().take_while(|next| next.share == 0.0).count();
            match empty {
                0 => {}
                // Of a long gap a hint is enough.
                1 if more + 1 > EMPTY => {
                    lines.push(nothing(&format!("{:>8}", "⋮")));
                    continue;
                }
                _ if empty + more > EMPTY => continue,
                _ => {}
            }
            let marks = ["p50", "p95", "p99"].iter().zip(quantiles);
            let marks = marks.filter(|(_, value)| value.is_some_and(|v| is_in(v, bucket)));
            let marks: Vec<&str> = marks.map(|(&mark, _)| mark).collect();
            let label = format!(
                "{:>7} –{:>7}",
                bound(bucket.from_ns),
                bound(bucket.below_ns)
            );
            let share = match bucket.share {
                0.0 => String::new(),
                share if share < 0.001 => "<0.1%".to_owned(),
                share => format!("{:.1}%", share * 100.0),
            };
            let bars = bars(bucket.share / highest, room);
            let bars = fit::padded(&bars, room, false);
            lines.push(Line::from(vec![
                Span::raw(format!("{label:<LABEL$} ")),
                Span::styled(bars, self.theme.chart()),
                Span::raw(format!("{share:>SHARE$} ")),
                Span::styled(marks.join(" "), self.theme.strong()),
            ]));
        }
        lines
    }
}

fn is_in(ns: u64, bucket: &Bucket) -> bool {
    ns >= bucket.from_ns && (ns < bucket.below_ns || bucket.below_ns == u64::MAX)
}

/// A bound of a bucket: a round number in a unit, without decimals.
fn bound(ns: u64) -> String {
    if ns == u64::MAX {
        return "∞".to_owned();
    }
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")] {
        if ns >= unit {
            return format!("{}{name}", ns / unit);
        }
    }
    format!("{ns}ns")
}

/// A bar of `share` of `room` columns, to an eighth of a column; what is not nothing has a trace at
/// least.
fn bars(share: f64, room: usize) -> String {
    if share <= 0.0 || room == 0 {
        return String::new();
    }
    let eighths = ((share * room as f64 * 8.0).round() as usize).clamp(1, room * 8);
    let rest = match eighths % 8 {
        0 => "",
        1 => "▏",
        2 => "▎",
        3 => "▍",
        4 => "▌",
        5 => "▋",
        6 => "▊",
        _ => "▉",
    };
    format!("{}{rest}", bar::FULL.repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bars(1.0, 3), "███");
        assert_eq!(bars(0.5, 3), "█▌");
        assert_eq!(bars(0.0, 3), "");
        assert_eq!(bars(1e-9, 3), "▏");
        assert_eq!(bars(1.0, 0), "");
    }

    #[test]
    fn bounds_are_round() {
        for (ns, text) in [
            (0, "0ns"),
            (500, "500ns"),
            (20_000, "20µs"),
            (5_000_000, "5ms"),
            (2_000_000_000, "2s"),
            (u64::MAX, "∞"),
        ] {
            assert_eq!(bound(ns), text);
        }
    }
}
