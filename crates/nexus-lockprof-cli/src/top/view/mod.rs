//! Draws the state. It changes nothing of it but what only drawing can know: how many rows a page
//! has.

mod deadlocks;
mod dialog;
mod figure;
mod footer;
mod header;
mod page;
mod pages;
mod point;
mod table;
#[cfg(test)]
mod tests;
mod theme;
mod waiters;

pub(crate) use theme::Theme;

use super::state::{State, View};
use nexus_lockprof_snapshot::is_printable;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};

/// Draws everything into whatever size there is: where there is little room, the table stays and
/// the rest goes.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &mut State, theme: Theme) {
    let area = frame.area();
    let finding = u16::from(area.height >= 16 && header::has_finding(state));
    let [header, finding, chart, body, footer] = Layout::vertical([
        Constraint::Length(match area.height {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        }),
        Constraint::Length(finding),
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
    header::finding(frame, finding, state, theme);
    header::chart(frame, chart, state, theme);
    if state.drilled().is_some() {
        point::draw(frame, body, state, theme);
    } else if state.view() != View::Locks {
        pages::draw(frame, body, state, theme);
    } else {
        let waiting = waiters::height(state, body);
        let [waiting, body] =
            Layout::vertical([Constraint::Length(waiting), Constraint::Fill(1)]).areas(body);
        waiters::draw(frame, waiting, state, theme);
        let pane = pane_height(state, body.height);
        let [rows, pane] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(pane)]).areas(body);
        table::draw(frame, rows, state, theme);
        point::draw_pane(frame, pane, state, theme);
    }
    footer::draw(frame, footer, state, theme);
    dialog::draw(frame, area, state, theme);
    // Texts were made printable, each in its place. If one was forgotten, it must not reach the
    // terminal.
    for cell in &mut frame.buffer_mut().content {
        if !cell.symbol().chars().all(is_printable) {
            cell.set_symbol("�");
        }
    }
}

/// How many lines below the rows are for the selected point: all that are left, if they are enough
/// to say something.
fn pane_height(state: &State, height: u16) -> u16 {
    const LEAST: usize = 6;
    let rows = state.table.rows().len();
    // The heads of the columns are a line, too.
    let left = usize::from(height).saturating_sub(rows + 1);
    match rows > 0 && left >= LEAST {
        true => u16::try_from(left).unwrap_or(height),
        false => 0,
    }
}
