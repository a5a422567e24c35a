//! The lines above the table: the target, and what all its locks do together.

use super::deadlocks::headline;
use super::figure::{sample, share};
use super::theme::Theme;
use crate::top::state::{Data, Figures, Link, State, Uptime, per_second, sum};
use nexus_lockprof_export::readable::number::{age, rate, threads};
use nexus_lockprof_export::readable::{fit, number};
use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, printable};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, RenderDirection, Sparkline};

/// Something to say, and how much worth: where there is no room for all, those of least worth are
/// left out.
struct Piece {
    worth: u8,
    spans: Vec<Span<'static>>,
}

fn piece(worth: u8, text: impl Into<String>, style: Style) -> Piece {
    Piece {
        worth,
        spans: vec![Span::styled(text.into(), style)],
    }
}

/// A number and what it is of.
fn figure(worth: u8, number: String, style: Style, of: &'static str) -> Piece {
    Piece {
        worth,
        spans: vec![Span::styled(number, style), Span::raw(of)],
    }
}

/// The pieces in at most `width` columns, two apart.
fn line(mut pieces: Vec<Piece>, width: usize) -> Line<'static> {
    const GAP: &str = "  ";
    let wide = |pieces: &[Piece]| {
        let spans = pieces.iter().flat_map(|piece| &piece.spans);
        let text: usize = spans.map(Span::width).sum();
        text + GAP.len() * pieces.len().saturating_sub(1)
    };
    while pieces.len() > 1 && wide(&pieces) > width {
        let least = pieces.iter().enumerate().min_by_key(|(_, p)| p.worth);
        match least.map(|(at, _)| at) {
            Some(at) => drop(pieces.remove(at)),
            None => break,
        }
    }
    let mut line = Line::default();
    for (i, piece) in pieces.into_iter().enumerate() {
        if i > 0 {
            line.push_span(GAP);
        }
        line.extend(piece.spans);
    }
    line
}

/// Draws as many of the two lines as there are in `area`.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width);
    let data = state.data();
    let first = line(about(state, data.as_deref(), width, theme), width);
    let second = match (state.link(), data.as_deref()) {
        // The figures of the last snapshot are below, and no news.
        (Link::Gone { since, why }, data) => gone(state, *since, why, data.is_some(), theme),
        (_, Some(data)) => line(together(data, theme), width),
        (_, None) => Line::default(),
    };
    frame.render_widget(Paragraph::new(vec![first, second]), area);
}

/// Returns whether [`finding`] draws anything.
pub(super) fn has_finding(state: &State) -> bool {
    let figures = state.table.figures();
    let data = state.data();
    data.is_some_and(|data| !data.findings(figures).is_empty() || headline(data.whole()).is_some())
}

/// Draws the deadlock, if there is one, or the costliest finding in one line. The page of a point
/// has all words of those about its lock.
pub(super) fn finding(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let Some(data) = state.data() else {
        return;
    };
    let (first, more, style) = match headline(data.whole()) {
        Some((line, more)) => (line, more, theme.bad()),
        None => {
            let [first, more @ ..] = data.findings(state.table.figures()) else {
                return;
            };
            (
                printable(&first.headline()).into_owned(),
                more.len(),
                theme.warm(),
            )
        }
    };
    let more = match more {
        0 => String::new(),
        more => format!("  and {more} more"),
    };
    let room = usize::from(area.width).saturating_sub(more.len());
    let spans = vec![
        Span::styled(fit::middle(&first, room), style),
        Span::styled(more, theme.dim()),
    ];
    frame.render_widget(Line::from(spans), area);
}

/// Since when the target is gone, and why.
fn gone(state: &State, since: Uptime, why: &str, was_there: bool, theme: Theme) -> Line<'static> {
    let away = state.now().saturating_sub(since).as_secs();
    if !was_there {
        // Why is where the table would be.
        return Line::styled(format!("not there, for {away} s so far"), theme.warm());
    }
    Line::from(vec![
        Span::styled(
            format!("GONE for {away} s; these are the last figures"),
            theme.bad(),
        ),
        Span::styled(format!("  {} (trying again)", printable(why)), theme.dim()),
    ])
}

/// The target and its settings.
fn about(state: &State, data: Option<&Data>, width: usize, theme: Theme) -> Vec<Piece> {
    let mut pieces = Vec::new();
    match state.link() {
        Link::Gone { .. } => pieces.push(piece(9, "GONE", theme.bad())),
        Link::Static => pieces.push(piece(8, "FILE (it does not change)", theme.warm())),
        Link::Connecting | Link::Live => {}
    }
    if state.is_paused() {
        pieces.push(piece(9, "PAUSED", theme.warm()));
    }
    if let Some(late) = state.late() {
        let late = format!("no answer for {} s", late.as_secs());
        pieces.push(piece(8, late, theme.warm()));
    }
    let program = data.and_then(|data| data.whole().program());
    let shown = |name: &str| fit::middle(&printable(name), (width / 2).max(20));
    let target = shown(state.target());
    match program {
        // Then it matters little how it is reached.
        Some(program) => {
            pieces.insert(0, piece(7, shown(program), theme.strong()));
            pieces.push(piece(2, target, theme.dim()));
        }
        None => pieces.insert(0, piece(7, target, theme.strong())),
    }
    let Some(data) = data else {
        return pieces;
    };
    let whole = data.whole();
    pieces.push(piece(4, format!("pid {}", whole.pid()), Style::new()));
    let mode = whole.profiler_mode();
    let style = match mode {
        ProfilerMode::Off => theme.warm(),
        _ => Style::new(),
    };
    pieces.push(piece(5, format!("mode {mode}"), style));
    let times = times(state, data);
    let since = since(whole);
    let is_said = times.ends_with(&since);
    pieces.push(piece(6, times, Style::new()));
    if !is_said {
        pieces.push(piece(3, since, Style::new()));
    }
    pieces
}

/// For how long the target has counted.
fn since(whole: &Snapshot) -> String {
    let since = if whole.resets() > 0 { "reset" } else { "start" };
    format!("{} since {since}", age(whole.elapsed_ns()))
}

/// Names the time that the figures cover.
fn times(state: &State, data: &Data) -> String {
    let all = since(data.whole());
    let last = || format!("last {}", age(data.rated().elapsed_ns()));
    match state.table.figures() {
        Figures::Totals => format!("totals: {all}"),
        Figures::Rates if !data.is_interval() => format!("averages: {all}"),
        Figures::Rates if data.has_interval_percentiles() => format!("rates, p95: {}", last()),
        Figures::Rates => format!("rates: {}; p95: {all}", last()),
    }
}

/// Sums over all points.
fn together(data: &Data, theme: Theme) -> Vec<Piece> {
    let (whole, rated) = (data.whole(), data.rated());
    let ns = rated.elapsed_ns();
    let mut pieces = Vec::new();
    let now = whole.waiters().len();
    if now > 0 {
        let number = number::count(now as u64);
        pieces.push(figure(10, number, theme.hot(), " waiting now"));
    }
    if !matches!(
        rated.profiler_mode(),
        ProfilerMode::Off | ProfilerMode::Counts
    ) {
        let waiting = share(sum(rated, |p| p.wait.total_ns), ns);
        let style = theme.by_threads(waiting).patch(theme.strong());
        let of = match now {
            0 => " threads waiting",
            // Waits that are over. One that goes on is in no average.
            _ => " on average",
        };
        pieces.push(figure(9, threads(waiting), style, of));
    }
    let acquisitions = sum(rated, |p| p.acquisitions);
    let number = rate(per_second(acquisitions, ns));
    pieces.push(figure(7, number, theme.strong(), " acq/s"));
    let contentions = sum(rated, |p| p.contentions);
    if acquisitions > 0 {
        let share = number::percent(contentions, acquisitions);
        pieces.push(figure(6, share, theme.strong(), " contended"));
    }
    let points = whole.points().len();
    let noun = if points == 1 { " point" } else { " points" };
    pieces.push(figure(
        4,
        number::count(points as u64),
        theme.strong(),
        noun,
    ));
    let overhead = rated.overhead();
    if overhead.threads_ns > 0 {
        let own = number::percent(overhead.budgeted_ns, overhead.threads_ns);
        let counting = match overhead.counting_ns {
            0 => String::new(),
            ns => format!(" + {}", number::percent(ns, overhead.threads_ns)),
        };
        let own = format!("{own}{counting}");
        pieces.push(figure(5, own, theme.strong(), " profiler's own"));
    }
    if !whole.losses().is_empty() {
        let lost = format!("LOST {}", whole.losses());
        pieces.push(piece(8, lost, theme.bad()));
    }
    pieces
}

/// Draws the contention of all points over time, newest at the right.
pub(super) fn chart(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let history = state.history();
    let timed = history.overall().any(|sample| sample.threads > 0.0);
    let values = history.overall().rev().take(usize::from(area.width));
    let values: Vec<f32> = values.map(sample(timed)).collect();
    let highest = values.iter().copied().fold(0.0, f32::max);
    let (what, highest_text) = match timed {
        true => ("threads waiting", threads(f64::from(highest))),
        false => ("contentions/s", rate(f64::from(highest))),
    };
    let label = vec![
        Line::styled(what, theme.dim()),
        Line::styled(format!("highest {highest_text}"), theme.dim()),
    ];
    let [left, right] =
        Layout::horizontal([Constraint::Length(16), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Paragraph::new(label), left);
    // The bars are of whole numbers.
    let bars = values.iter().map(|&value| (value * 1e3).round() as u64);
    let bars: Vec<u64> = bars.collect();
    let chart = Sparkline::default()
        .data(&bars)
        .direction(RenderDirection::RightToLeft)
        .style(theme.chart());
    frame.render_widget(chart, right);
}
