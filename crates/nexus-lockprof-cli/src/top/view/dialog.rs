//! Questions and help, in a box before the rest.

use super::theme::Theme;
use crate::top::state::{Dialog, MODES, State};
use nexus_lockprof_snapshot::printable;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// Explains the keys, in two columns.
const KEYS: [[(&str, &str); 2]; 9] = [
    [("↑ ↓ k j", "select a point"), ("t", "rates, or totals")],
    [
        ("PgUp PgDn", "a page up or down"),
        ("/", "filter by words; Esc clears"),
    ],
    [
        ("Home End", "first row, last row"),
        ("Space", "pause, go on"),
    ],
    [
        ("Enter", "all about the point"),
        ("m", "change the target's mode"),
    ],
    [("Esc", "back to the table"), ("b", "change its budget")],
    [
        ("← → < >", "sort by the next column"),
        ("R", "reset it (asks first)"),
    ],
    [
        ("1 … 5 Tab", "another view"),
        ("Ctrl-L", "draw the screen again"),
    ],
    [
        ("LSAWHCT", "sort by Lock, Site ..."),
        ("Ctrl-Z", "to the shell; fg returns"),
    ],
    [("r", "reverse the order"), ("q Ctrl-C", "quit")],
];
/// Terminal columns of a key, and of a key with what it does.
const KEY: usize = 10;
const KEY_AND_DEED: usize = 36;

/// Explains the figures.
const FIGURES: [(&str, &str); 7] = [
    (
        "acq/s",
        "acquisitions a second; ratio: the share of them that had to wait",
    ),
    (
        "wait/s",
        "threads that waited here, on average; 2.00: two did nothing else",
    ),
    ("hold/s", "threads that held the lock from here, on average"),
    (
        "caused/s",
        "threads that waited for this point: sort by it to find culprits",
    ),
    (
        "p95",
        "95 of 100 were shorter; the first line says of what time",
    ),
    (
        "trend",
        "contention by interval, newest at the right; a scale for each row",
    ),
    (
        "~  -  <",
        "estimated, or of a part only; not measured; less than",
    ),
];
const CLOSE: &str = "Esc closes this";

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

pub(super) fn help(theme: Theme) -> Vec<Line<'static>> {
    let key = |key: &str| Span::styled(format!("{key:<KEY$}"), theme.key());
    let keys = KEYS.iter().map(|[(left, does), (right, also)]| {
        let room = KEY_AND_DEED - KEY;
        Line::from(vec![
            key(left),
            Span::raw(format!("{does:<room$}")),
            key(right),
            Span::raw(*also),
        ])
    });
    let figures = FIGURES.iter().map(|&(figure, is)| {
        let figure = Span::styled(format!("{figure:<KEY$}"), theme.strong());
        Line::from(vec![figure, Span::raw(is)])
    });
    let close = [Line::default(), Line::styled(CLOSE, theme.dim())];
    let mut lines: Vec<Line<'static>> = keys.collect();
    lines.push(Line::default());
    lines.extend(figures);
    lines.extend(close);
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
