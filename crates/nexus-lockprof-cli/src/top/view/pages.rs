//! The views of text: threads, instances, order and history. Their lines are those of the report.

use super::theme::Theme;
use crate::top::state::{Data, Figures, State, View, has_words};
use nexus_lockprof_export::readable::{fit, waiters};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Point, Snapshot, printable};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

/// Draws the view's title, and its lines from where the state says, which is kept within them.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State, theme: Theme) {
    let Some(data) = state.data() else {
        let text = "waiting for the first snapshot";
        frame.render_widget(Line::styled(text, theme.dim()), area);
        return;
    };
    let width = usize::from(area.width);
    let lines = lines(state, &data, width);
    let room = usize::from(area.height.saturating_sub(1));
    state.scroll = state.scroll.min(lines.len().saturating_sub(room));
    let mut shown = vec![Line::styled(title(state, &data), theme.head())];
    shown.extend(lines.into_iter().skip(state.scroll).map(Line::raw));
    frame.render_widget(Paragraph::new(shown), area);
}

/// Names the view and the time that its figures cover.
fn title(state: &State, data: &Data) -> String {
    let time = match (state.view(), state.table.figures()) {
        (View::Threads | View::Instances, Figures::Rates) if data.is_interval() => {
            "in the last interval"
        }
        (View::History, _) => "in the last intervals of the program",
        (View::Order, _) => "since the program's start",
        _ => "since the start or the last reset",
    };
    format!("{}, {time}", state.view().name())
}

fn lines(state: &State, data: &Data, width: usize) -> Vec<String> {
    let snapshot = match state.table.figures() {
        Figures::Rates => data.rated(),
        Figures::Totals => data.whole(),
    };
    let (lines, nothing) = match state.view() {
        View::Locks => (Vec::new(), ""),
        View::Threads => (
            text::threads(snapshot, Some(usize::MAX), width),
            "no thread is known",
        ),
        View::Instances => (
            instances(state, data, snapshot, width),
            "no long wait for this lock was measured",
        ),
        View::Order => (
            text::lock_order(data.whole(), width),
            "no locks were seen in orders that can deadlock",
        ),
        View::History => (
            history(state, data, width),
            "nobody has waited in the last intervals",
        ),
    };
    let lines = match lines.is_empty() {
        true => vec![fit::middle(nothing, width)],
        false if state.view() == View::Threads => filtered(lines, &state.table.words()),
        false => lines,
    };
    let above = match state.view() {
        View::Threads => above_threads(data.whole(), snapshot, width),
        _ => Vec::new(),
    };
    let all = above.iter().chain(&lines);
    // Sentences are wrapped.
    let all = all.flat_map(|text| match text.is_empty() {
        true => vec![String::new()],
        false => text.lines().map(str::to_owned).collect(),
    });
    all.collect()
}

/// Who waits now and who holds what they wait for, and the thread that waited far more than the
/// others, if there is one. An empty line follows.
fn above_threads(whole: &Snapshot, snapshot: &Snapshot, width: usize) -> Vec<String> {
    let waiting = waiters::lines(whole, width, usize::MAX);
    let mut lines: Vec<String> = waiting.into_iter().map(|line| line.text).collect();
    // Without a number of rows, there is a sentence only if one thread stands out.
    lines.extend(text::threads(snapshot, None, width).into_iter().take(1));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// The heads, and the lines that contain all words of the filter.
fn filtered(lines: Vec<String>, words: &[String]) -> Vec<String> {
    const HEADS: usize = 2;
    let lines = lines.into_iter().enumerate();
    let kept = lines.filter(|(at, line)| *at < HEADS || has_words(line, words));
    kept.map(|(_, line)| line).collect()
}

/// The locks of the selected point's class.
fn instances(state: &State, data: &Data, snapshot: &Snapshot, width: usize) -> Vec<String> {
    let selected = state.table.selected();
    let Some(point) = selected.and_then(|index| data.whole().points().get(index)) else {
        return Vec::new();
    };
    let rows = text::instances_of(snapshot, &point.lock, width);
    if rows.is_empty() {
        return rows;
    }
    let name = point.lock.name_by(|site| format!("{site:#}"));
    let mut lines = vec![fit::middle(&printable(&name), width)];
    lines.extend(rows);
    lines
}

/// Bars of all waiting, then for each point of the table that waited its name, its peak and its
/// bars.
fn history(state: &State, data: &Data, width: usize) -> Vec<String> {
    let whole = data.whole();
    let all = whole.history().iter().map(|past| {
        let waits = past.points.iter().map(|point| point.wait_ns);
        Some(waits.fold(0, u64::saturating_add))
    });
    let all: Vec<Option<u64>> = all.collect();
    if all.iter().flatten().all(|&wait| wait == 0) {
        return Vec::new();
    }
    let mut lines = vec!["all locks".to_owned(), bars(&all, width)];
    for &row in state.table.rows() {
        let (Some(point), Some(label)) = (whole.points().get(row), data.label(row)) else {
            continue;
        };
        let name = format!("{}  {}  {}", label.lock, label.site, point.mode);
        let of = of_point(whole, point, width);
        if !of.is_empty() {
            lines.push(fit::middle(&name, width));
            lines.extend(of);
        }
    }
    lines
}

/// When threads waited at a point. Empty if they did not in the last intervals.
pub(super) fn of_point(snapshot: &Snapshot, point: &Point, width: usize) -> Vec<String> {
    let Some(peak) = text::peak(snapshot, point) else {
        return Vec::new();
    };
    let peak = fit::middle(&format!("  {peak}"), width);
    vec![peak, bars(&snapshot.past_waits(point), width)]
}

fn bars(waits: &[Option<u64>], width: usize) -> String {
    let room = width.saturating_sub(2).max(1);
    fit::middle(&format!("  {}", text::bars(waits, room)), width)
}
