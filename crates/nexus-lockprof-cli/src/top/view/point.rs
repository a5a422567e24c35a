//! The page of one point: all its figures, its distributions, and who called.

use super::number;
use super::theme::Theme;
use crate::top::state::{Bucket, Data, Figures, Key, State, buckets, per_second};
use nexus_lockprof_export::text::pieces;
use nexus_lockprof_snapshot::{Durations, Point, Snapshot, printable};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::bar;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Rows of a histogram at most, before it is made coarser.
const BUCKETS: usize = 16;
/// Call stacks shown at most.
const CALLERS: usize = 50;
/// Terminal columns from which on both histograms stand side by side.
const BESIDE: usize = 100;
/// Terminal columns that figures of the interval and of all time need side by side.
const BOTH: usize = 90;
/// Empty rows of a histogram, in a row, that are shown as such.
const EMPTY: usize = 3;

/// Draws the page, scrolled to where the state says, which is kept within the page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State, theme: Theme) {
    let Some(data) = state.data() else {
        return;
    };
    let index = state.drilled_index(&data);
    let page = index.and_then(|index| Page::new(state, &data, index, area.width, theme));
    let lines = match page {
        Some(page) => page.lines(),
        None => vec![Line::styled(
            "nothing has happened at this point since the statistics began anew: Esc goes back",
            theme.dim(),
        )],
    };
    let last = lines.len().saturating_sub(usize::from(area.height));
    state.scroll = state.scroll.min(last);
    let seen: Vec<Line<'static>> = lines.into_iter().skip(state.scroll).collect();
    frame.render_widget(Paragraph::new(seen), area);
}

/// One of a point's counters.
type Counter = fn(&Point) -> u64;

struct Page<'a> {
    state: &'a State,
    data: &'a Data,
    theme: Theme,
    width: usize,
    key: Key,
    name: (String, String),
    /// In the last interval; `None` if nothing happened.
    rated: Option<&'a Point>,
    whole: &'a Point,
}

impl<'a> Page<'a> {
    fn new(
        state: &'a State,
        data: &'a Data,
        index: usize,
        width: u16,
        theme: Theme,
    ) -> Option<Self> {
        let whole = data.whole().points().get(index)?;
        let lock = whole.lock.name_by(|site| format!("{site:#}"));
        let site = format!("{:#}", whole.site);
        Some(Self {
            state,
            data,
            theme,
            width: usize::from(width),
            key: Key::of(whole),
            name: (printable(&lock).into_owned(), printable(&site).into_owned()),
            rated: data.rated_point(index),
            whole,
        })
    }

    fn lines(&self) -> Vec<Line<'static>> {
        let mut lines = vec![self.title(), Line::default()];
        lines.extend(self.counters());
        lines.push(Line::default());
        lines.extend(self.quantiles());
        lines.push(Line::default());
        lines.extend(self.distributions());
        lines.push(Line::default());
        lines.extend(self.trend());
        lines.push(Line::default());
        lines.extend(self.callers());
        lines
    }

    fn title(&self) -> Line<'static> {
        let (lock, site) = &self.name;
        Line::from(vec![
            Span::styled(lock.clone(), self.theme.strong()),
            Span::raw(format!("  {}  at ", self.whole.mode)),
            Span::styled(site.clone(), self.theme.strong()),
        ])
    }

    /// The point whose quantiles and distributions are shown, and of what time they are.
    fn shown(&self) -> (Option<&Point>, String) {
        let whole = self.data.whole();
        let since = if whole.resets() > 0 { "reset" } else { "start" };
        match self.state.table.figures() {
            Figures::Totals => (Some(self.whole), format!("of all since the {since}")),
            Figures::Rates if !self.data.is_interval() => {
                (Some(self.whole), format!("of all since the {since}"))
            }
            Figures::Rates => (self.rated, self.sampled()),
        }
    }

    /// What the sample of an interval is of. The program ends its own intervals when it takes a snapshot itself, and to look from
    /// outside ends none: then the sample goes back further than the last look.
    fn sampled(&self) -> String {
        let rated = self.data.rated();
        match rated.base_collection() == Some(rated.collection()) {
            true => "mean and measured of the interval, the rest of all since the program itself last took a snapshot",
            false => "of the interval",
        }
        .to_owned()
    }

    fn counters(&self) -> Vec<Line<'static>> {
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
        let mut rows = vec![heads];
        let mut row = |name: &str, cells: &dyn Fn(&Point, u64) -> [String; 2]| {
            let mut row = vec![name.to_owned()];
            if interval {
                row.extend(match self.rated {
                    Some(point) => cells(point, rated.elapsed_ns()),
                    None => ["·".to_owned(), "·".to_owned()],
                });
            }
            if all {
                row.extend(cells(self.whole, whole.elapsed_ns()));
            }
            rows.push(row);
        };
        row("acquisitions", &|p, ns| count(p.acquisitions, ns));
        row("  contended", &|p, ns| {
            let [sum, rate] = count(p.contentions, ns);
            [format!("{sum} = {}", number::contended(p)), rate]
        });
        row("waited", &|p, ns| durations(&p.wait, ns));
        row("held", &|p, ns| durations(&p.hold, ns));
        row("blocked others", &|p, ns| count(p.blocked, ns));
        row("  for (caused)", &|p, ns| {
            let total = number::caused(p, pieces::duration);
            let error = error(p.caused_standard_error_ns());
            let threads = number::caused(p, |caused| {
                format!("{} threads", number::threads(number::share(caused, ns)))
            });
            [format!("{total}{error}"), threads]
        });
        let rare: [(&str, Counter); 3] = [
            ("try failed", |p| p.try_failures),
            ("timed out", |p| p.timeouts),
            ("cancelled", |p| p.cancellations),
        ];
        for (name, of) in rare {
            if of(self.whole) > 0 {
                row(name, &|p, ns| count(of(p), ns));
            }
        }
        if self.whole.vain_wait_ns > 0 {
            row("waited in vain", &|p, ns| {
                let share = number::share(p.vain_wait_ns, ns);
                [
                    pieces::duration(p.vain_wait_ns),
                    format!("{} threads", number::threads(share)),
                ]
            });
        }
        self.grid(&rows)
    }

    fn quantiles(&self) -> Vec<Line<'static>> {
        let (point, of) = self.shown();
        let mut heads = vec!["quantiles".to_owned()];
        heads.extend(["p50", "p90", "p95", "p99", "max", "mean", "measured"].map(str::to_owned));
        let mut rows = vec![heads];
        for (name, durations) in [
            ("wait", point.map(|p| &p.wait)),
            ("hold", point.map(|p| &p.hold)),
        ] {
            let mut row = vec![name.to_owned()];
            match durations {
                None => row.extend(["·"; 7].map(str::to_owned)),
                Some(durations) => row.extend(summary(durations)),
            }
            rows.push(row);
        }
        let mut lines = self.grid(&rows);
        lines.push(Line::styled(of, self.theme.dim()));
        lines
    }

    /// Cells in columns, the first from the left, all others to the right.
    fn grid(&self, rows: &[Vec<String>]) -> Vec<Line<'static>> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| pieces::width(cell)).max().unwrap_or(0)
            })
            .collect();
        let gap = if self.width < BOTH { "  " } else { "   " };
        let lines = rows.iter().enumerate().map(|(at, row)| {
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, &width))| {
                let blank = " ".repeat(width - pieces::width(cell).min(width));
                match column {
                    0 => format!("{cell}{blank}"),
                    _ => format!("{gap}{blank}{cell}"),
                }
            });
            let text: String = cells.collect();
            match at {
                0 => Line::styled(text, self.theme.dim()),
                _ => Line::raw(text),
            }
        });
        lines.collect()
    }

    fn distributions(&self) -> Vec<Line<'static>> {
        let (point, _) = self.shown();
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
            let blank = " ".repeat(room.saturating_sub(pieces::width(&bars)));
            lines.push(Line::from(vec![
                Span::raw(format!("{label:<LABEL$} ")),
                Span::styled(bars, self.theme.chart()),
                Span::raw(format!("{blank}{share:>SHARE$} ")),
                Span::styled(marks.join(" "), self.theme.strong()),
            ]));
        }
        lines
    }

    fn trend(&self) -> Vec<Line<'static>> {
        let history = self.state.history();
        let timed = history.of(&self.key).any(|beat| beat.threads > 0.0);
        let of: fn(crate::top::state::Beat) -> f32 = match timed {
            true => |beat| beat.threads,
            false => |beat| beat.contentions,
        };
        let highest = history.of(&self.key).map(of).fold(0.0, f32::max);
        let title = match timed {
            _ if highest == 0.0 => "contention over the last intervals: none".to_owned(),
            true => format!(
                "threads waiting here over the last intervals: highest {}",
                number::threads(f64::from(highest))
            ),
            false => format!(
                "contended a second over the last intervals: highest {}",
                number::rate(f64::from(highest))
            ),
        };
        let mut lines = vec![Line::styled(title, self.theme.head())];
        if highest > 0.0 {
            let beats = history.of(&self.key).rev();
            let bars = number::trend(beats, of, self.width, highest);
            lines.push(Line::styled(bars, self.theme.chart()));
        }
        lines
    }

    fn callers(&self) -> Vec<Line<'static>> {
        let mut lines = vec![Line::styled("callers of long waits", self.theme.head())];
        let callers = pieces::callers(self.whole, CALLERS, self.width);
        if callers.is_empty() {
            let text = "none were looked at (LOCKPROF_STACKS=on, feature `stacks`)";
            lines.push(Line::styled(text, self.theme.dim()));
        }
        lines.extend(callers.into_iter().map(Line::raw));
        lines
    }
}

fn count(n: u64, ns: u64) -> [String; 2] {
    [pieces::count(n), number::rate(per_second(n, ns))]
}

fn durations(durations: &Durations, ns: u64) -> [String; 2] {
    let total = number::marked(durations, pieces::duration);
    let error = match durations.samples {
        // Of nothing there is no error, whatever was left over when two variances were subtracted.
        0 => String::new(),
        _ => error(durations.standard_error_ns()),
    };
    let total = format!("{total}{error}");
    let threads = number::marked(durations, |total| {
        format!("{} threads", number::threads(number::share(total, ns)))
    });
    [total, threads]
}

/// A standard error behind its total; nothing, if there is none.
fn error(ns: f64) -> String {
    match ns {
        ns if ns > 0.0 => format!(" ±{}", pieces::duration(ns.round() as u64)),
        _ => String::new(),
    }
}

fn summary(durations: &Durations) -> [String; 7] {
    let estimate = if durations.is_estimate() { "~" } else { "" };
    let [p50, p90, p95, p99] = [0.5, 0.9, 0.95, 0.99].map(|q| number::quantile(durations, q));
    let max = match durations.samples {
        0 => "-".to_owned(),
        _ => pieces::duration(durations.max_ns),
    };
    let mean = match durations.mean_ns() {
        None => "-".to_owned(),
        Some(ns) => format!("{estimate}{}", pieces::duration(ns)),
    };
    let events = durations.events.saturating_add(durations.unmeasured);
    let measured = match (durations.samples, events) {
        (samples, events) if samples == events => pieces::count(samples),
        (samples, events) => {
            format!("{} of {}", pieces::count(samples), pieces::count(events))
        }
    };
    [p50, p90, p95, p99, max, mean, measured]
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

/// A bar of `share` of `room` columns, to an eighth of a column; what is not nothing has a trace at least.
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
