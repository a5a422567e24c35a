//! Questions and help, in a box before the rest.

use super::theme::Theme;
use crate::top::state::{Dialog, MODES, State};
use nexus_lockprof_snapshot::printable;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// What the keys do: key, deed.
const KEYS: [(&str, &str); 19] = [
    ("↑ ↓  k j", "select a point; the selection stays with it"),
    ("PgUp PgDn", "a page up, a page down"),
    ("Home End", "first row, whichever that is; last row"),
    ("Enter", "all about the selected point; Esc goes back"),
    ("← →  < >", "sort by the column to the left, to the right"),
    (
        "1 … 9 0",
        "sort by that column; once more: the other way round",
    ),
    ("W A H C", "sort by wait, acquisitions, hold, caused"),
    ("L S T", "sort by lock, site, trend"),
    ("r", "sort the other way round"),
    ("/", "filter by words in the names; Esc clears"),
    ("t", "rates of the last interval, or totals"),
    ("Space", "pause: the picture stays; again: it goes on"),
    ("R", "reset the target's statistics (asks first)"),
    ("m", "choose the target's mode"),
    ("b", "set the budget of mode sampled, such as 2%"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "back to the shell; fg continues"),
    ("?", "this help"),
    ("q  Ctrl-C", "quit"),
];

/// What the figures are.
const FIGURES: [&str; 7] = [
    "wait/s, hold/s, caused/s: in threads. 2.00 are two threads that do nothing else.",
    "caused/s: what others waited while this point held. Look there for the culprit.",
    "p95: since the program itself last took a snapshot; in totals, since the start.",
    "trend: contention by interval, newest at the right; each row has its own scale.",
    "~ estimated from samples; ? standard error above half of it; > of a part only.",
    "- not measured; · nothing happened in the interval.",
    "any key closes this",
];

/// Draws what is being asked, if anything is.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    match state.dialog() {
        Some(Dialog::Help) => boxed(frame, area, " keys ", help(theme)),
        Some(Dialog::Reset) => boxed(frame, area, " reset ", reset(state, theme)),
        Some(Dialog::Mode { at }) => boxed(frame, area, " mode ", modes(*at, theme)),
        Some(Dialog::Budget { text }) => boxed(frame, area, " budget ", budget(text, theme)),
        // Written in the last line, so that the rows that it leaves are seen.
        Some(Dialog::Filter { .. }) | None => {}
    }
}

/// The lines in a box in the middle; as much of it as there is room for.
fn boxed(frame: &mut Frame<'_>, area: Rect, title: &'static str, lines: Vec<Line<'static>>) {
    let wide = lines.iter().map(Line::width).max().unwrap_or(0) + 4;
    let width = u16::try_from(wide).unwrap_or(u16::MAX).min(area.width);
    let high = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let height = high.min(area.height);
    let area = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered()
        .title(title)
        .padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn help(theme: Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = KEYS
        .iter()
        .map(|&(key, deed)| {
            Line::from(vec![
                Span::styled(format!("{key:<11}"), theme.key()),
                Span::raw(deed),
            ])
        })
        .collect();
    lines.push(Line::default());
    lines.extend(FIGURES.map(|line| Line::styled(line, theme.dim())));
    lines
}

fn reset(state: &State, theme: Theme) -> Vec<Line<'static>> {
    vec![
        Line::raw(format!(
            "Reset the statistics of {}?",
            printable(state.target())
        )),
        Line::raw("They begin anew from 0, for everybody who looks at them."),
        Line::default(),
        Line::from(vec![
            Span::styled("y", theme.key()),
            Span::raw(" yes   "),
            Span::styled("n", theme.key()),
            Span::raw(" no"),
        ]),
    ]
}

fn modes(at: usize, theme: Theme) -> Vec<Line<'static>> {
    let lines = MODES.iter().enumerate().map(|(index, (name, key, does))| {
        let line = Line::from(vec![
            Span::styled(format!("{key}  "), theme.key()),
            Span::raw(format!("{name:<9}{does}")),
        ]);
        match index == at {
            true => line.style(theme.selected()),
            false => line,
        }
    });
    let mut lines: Vec<Line<'static>> = lines.collect();
    lines.push(Line::default());
    lines.push(Line::styled(
        "↑ ↓ and Enter, or the letter; Esc leaves it as it is",
        theme.dim(),
    ));
    lines
}

fn budget(text: &str, theme: Theme) -> Vec<Line<'static>> {
    vec![
        Line::raw("Share of each thread's time that mode sampled may take:"),
        Line::from(vec![
            Span::styled("> ", theme.key()),
            Span::raw(printable(text).into_owned()),
            Span::styled("█", theme.dim()),
            Span::raw(if text.ends_with('%') { "" } else { "%" }),
        ]),
        Line::default(),
        Line::styled("Enter sets it; Esc leaves it as it is", theme.dim()),
    ]
}
