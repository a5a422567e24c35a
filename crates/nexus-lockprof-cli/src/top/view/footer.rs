//! The last line: the filter, what has happened, or which keys there are.

use super::theme::Theme;
use crate::top::state::{Dialog, Link, State, View};
use nexus_lockprof_snapshot::printable;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Draws it.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let line = match (state.dialog(), state.notice()) {
        (Some(Dialog::Filter { text }), _) => Line::from(vec![
            Span::styled("filter: ", theme.key()),
            Span::raw(printable(text).into_owned()),
            Span::styled("█", theme.dim()),
            Span::styled("   Enter keeps it, Esc clears it", theme.dim()),
        ]),
        (_, Some(notice)) => {
            let style = if notice.is_error {
                theme.bad()
            } else {
                theme.warm()
            };
            Line::styled(printable(&notice.text).into_owned(), style)
        }
        _ => keys(state, usize::from(area.width), theme),
    };
    frame.render_widget(line, area);
}

fn keys(state: &State, width: usize, theme: Theme) -> Line<'static> {
    let told = *state.link() != Link::Static;
    let drilled = state.drilled().is_some();
    let pause = if state.is_paused() { "go on" } else { "pause" };
    let table = !drilled && state.view() == View::Locks;
    let list = !drilled && state.view().is_list();
    let keys: [(&str, &str, bool); 15] = [
        ("?", "help", true),
        ("q", "quit", true),
        ("1…5", "views", !drilled),
        ("Esc", "locks", !drilled && !table),
        ("Enter", "point", table),
        ("Esc", "back", drilled),
        ("←→", "next point", drilled),
        ("←→", "sort", table || list),
        ("r", "reverse", table || list),
        ("/", "filter", !drilled),
        ("t", "totals", true),
        ("Space", pause, told),
        ("m", "mode", told),
        ("b", "budget", told),
        ("R", "reset", told),
    ];
    let mut line = Line::default();
    if !state.table.filter().is_empty() && !drilled {
        let filter = printable(state.table.filter()).into_owned();
        line.push_span(Span::styled(format!("filter: {filter}"), theme.warm()));
        line.push_span("  ");
    }
    for (key, does, _) in keys.into_iter().filter(|key| key.2) {
        let piece = [
            Span::styled(key, theme.key()),
            Span::styled(format!(" {does}  "), Style::new()),
        ];
        let wide: usize = piece.iter().map(Span::width).sum();
        // The gap after the last one may be cut off.
        if line.width() + wide > width + 2 {
            break;
        }
        line.extend(piece);
    }
    line
}
