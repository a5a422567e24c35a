//! The first pane: who waits at this moment, and who holds what they wait for.

use super::theme::Theme;
use crate::top::state::{Link, State};
use nexus_lockprof_export::readable::waiters::{self, LineKind};
use nexus_lockprof_snapshot::Snapshot;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

/// The narrowest screen on which its lines can be read.
const NARROWEST: u16 = 60;

/// How many lines of `area` the pane gets: up to half of them, and none if nobody waits or there is
/// too little room.
pub(super) fn height(state: &mut State, area: Rect) -> u16 {
    const LEAST: u16 = 5;
    let most = area.height / 2;
    let Some(data) = state.data() else {
        return 0;
    };
    if most < LEAST || area.width < NARROWEST {
        return 0;
    }
    // The title, and a line below.
    let most_lines = usize::from(most).saturating_sub(2);
    let lines = match data.whole().waiters().is_empty() {
        true => 0,
        false => waiters::lines(data.whole(), usize::from(area.width), most_lines).len() + 2,
    };
    state
        .waiters
        .fit(u16::try_from(lines).unwrap_or(most), most)
}

/// Draws it.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let Some(data) = state.data().filter(|_| area.height > 0) else {
        return;
    };
    let most = usize::from(area.height).saturating_sub(2);
    let mut lines = vec![title(data.whole(), state, theme)];
    let shown = waiters::lines(data.whole(), usize::from(area.width), most);
    lines.extend(shown.into_iter().map(|line| {
        let style = match line.kind {
            LineKind::Lock => theme.strong(),
            LineKind::Waiter => Style::new(),
            LineKind::Rest => theme.dim(),
        };
        Line::styled(line.text, style)
    }));
    frame.render_widget(Paragraph::new(lines), area);
}

fn title(snapshot: &Snapshot, state: &State, theme: Theme) -> Line<'static> {
    if snapshot.waiters().is_empty() {
        return Line::styled("Nobody waits now.", theme.dim());
    }
    let when = match state.link() {
        Link::Live if !state.is_paused() => "now",
        _ => "when this was taken",
    };
    let count = waiters::count(snapshot.waiters());
    Line::styled(format!("Waiting {when}: {count}"), theme.warm())
}
