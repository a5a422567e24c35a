//! Draws the state. It changes nothing of it but what only drawing can know: how many rows a page has.

mod dialog;
mod footer;
mod header;
mod number;
mod point;
mod table;
#[cfg(test)]
mod tests;
mod theme;

pub(crate) use theme::Theme;

use super::state::State;
use nexus_lockprof_snapshot::is_printable;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};

/// Draws everything into whatever size there is: where there is little room, the table stays and the rest goes.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &mut State, theme: Theme) {
    let area = frame.area();
    let [header, chart, body, footer] = Layout::vertical([
        Constraint::Length(match area.height {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        }),
        Constraint::Length(match area.height {
            0..16 => 0,
            16..30 => 2,
            _ => 3,
        }),
        Constraint::Fill(1),
        Constraint::Length(u16::from(area.height >= 3)),
    ])
    .areas(area);
    header::draw(frame, header, state, theme);
    header::chart(frame, chart, state, theme);
    if state.drilled().is_some() {
        point::draw(frame, body, state, theme);
    } else {
        table::draw(frame, body, state, theme);
    }
    footer::draw(frame, footer, state, theme);
    dialog::draw(frame, area, state, theme);
    // Texts were made printable, each in its place. If one was forgotten, it must not reach the terminal.
    for cell in &mut frame.buffer_mut().content {
        if !cell.symbol().chars().all(is_printable) {
            cell.set_symbol("�");
        }
    }
}
