//! How wide what is printed may be.

use terminal_size::{Height, Width, terminal_size_of};

/// The width of standard output in columns: COLUMNS if set, otherwise its terminal's. Without
/// either, enough for all columns of a report.
#[must_use]
pub fn stdout_width() -> usize {
    width(terminal_size_of(std::io::stdout()))
}

/// The same of standard error.
#[must_use]
pub fn stderr_width() -> usize {
    width(terminal_size_of(std::io::stderr()))
}

fn width(terminal: Option<(Width, Height)>) -> usize {
    const NO_TERMINAL: usize = 160;
    let columns = std::env::var("COLUMNS").ok();
    let columns = columns.and_then(|columns| columns.trim().parse().ok());
    let terminal = terminal.map(|(Width(width), _)| width.into());
    (columns.filter(|&columns| columns > 0))
        .or(terminal)
        .unwrap_or(NO_TERMINAL)
}
