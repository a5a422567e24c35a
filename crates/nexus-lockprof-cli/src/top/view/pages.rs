//! The views other than the table: their lines, the selected row, and how far they are scrolled.
//! Their lines are those of the report.

mod lists;

use super::page::Page;
use super::theme::Theme;
use crate::top::state::{Data, Figures, State, View};
use nexus_lockprof_export::readable::fit;
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Point, Snapshot};
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
    let page = match state.view().is_list() {
        true => lists::page(state, &data, width),
        false => Page::of_text(history(state, &data, width)),
    };
    let page = page.or_says(nothing(state.view()), width);
    let room = usize::from(area.height.saturating_sub(1));
    page.scroll(state, room);
    let mut shown = vec![Line::styled(title(state, &data, width), theme.head())];
    let selected = page.selected(state);
    let lines = page.into_lines().enumerate().skip(state.scroll);
    shown.extend(lines.map(|(at, line)| match selected.contains(&at) {
        true => Line::styled(fit::padded(&line, width, false), theme.selected()),
        false => Line::raw(line),
    }));
    frame.render_widget(Paragraph::new(shown), area);
}

/// The text of a view that has no lines.
fn nothing(view: View) -> &'static str {
    match view {
        View::Locks => "",
        View::Threads => "no thread is known",
        View::Instances => "no long wait for this lock was measured",
        View::Order => "no locks were seen in orders that can deadlock",
        View::History => "nobody has waited in the last intervals",
    }
}

/// Names the view, its order, and the time that its figures cover: in fewer words where there is no
/// room.
fn title(state: &State, data: &Data, width: usize) -> String {
    let view = state.view();
    let [long, short] = match (view, state.table.figures()) {
        (View::Threads | View::Instances, Figures::Rates) if data.is_interval() => {
            ["in the last interval", "last interval"]
        }
        (View::History, _) => ["in the last intervals of the program", "last intervals"],
        (View::Order, _) => ["since the program's start", "since start"],
        _ => ["since the start or the last reset", "since reset"],
    };
    let name = match state.list().sort(view) {
        ("", _) => view.name().to_owned(),
        (by, false) => format!("{} by {by}", view.name()),
        (by, true) => format!("{} by {by}, reversed", view.name()),
    };
    let titles = [long, short].map(|time| format!("{name}, {time}"));
    let fits = titles.into_iter().find(|title| fit::width(title) <= width);
    fits.unwrap_or_else(|| fit::middle(&name, width))
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
    let peak = fit::wrapped(&peak, width.saturating_sub(2));
    let peak = peak.lines().map(|line| format!("  {line}"));
    let bars = bars(&snapshot.past_waits(point), width);
    peak.chain([bars]).collect()
}

fn bars(waits: &[Option<u64>], width: usize) -> String {
    let room = width.saturating_sub(2).max(1);
    fit::middle(&format!("  {}", text::bars(waits, room)), width)
}
