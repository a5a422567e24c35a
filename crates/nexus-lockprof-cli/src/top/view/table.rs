//! The table: which columns there is room for, and their cells.

use super::figure;
use super::theme::Theme;
use crate::top::state::{Column, Data, Figures, Key, Link, State};
use clap::ValueEnum;
use nexus_lockprof_export::readable::{fit, names, number};
use nexus_lockprof_snapshot::{Durations, Point, printable};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table, Wrap};

/// Columns but the names, from the one to leave out first.
const BY_WORTH: [Column; 9] = [
    Column::Mode,
    Column::HoldP95,
    Column::Trend,
    Column::Hold,
    Column::WaitP95,
    Column::Caused,
    Column::ContentionRatio,
    Column::Acquisitions,
    Column::Wait,
];

/// Terminal columns that names get at least, unless they need less, before a column of numbers is
/// left out.
const LOCK: usize = 14;
const SITE: usize = 22;
/// There is no site where both names have less than this.
const NAMES: usize = 20;

/// Draws the table, and tells it how many rows are seen.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State, theme: Theme) {
    state.table.fit(usize::from(area.height.saturating_sub(1)));
    let Some(data) = state.data() else {
        let (text, style) = match state.link() {
            Link::Gone { why, .. } => (format!("{} (trying again)", printable(why)), theme.bad()),
            _ => ("waiting for the first snapshot".to_owned(), theme.dim()),
        };
        let text = Paragraph::new(text).style(style);
        frame.render_widget(text.wrap(Wrap { trim: true }), area);
        return;
    };
    if state.table.rows().is_empty() {
        let text = match (data.whole().points(), state.table.filter()) {
            ([], _) if !data.whole().waiters().is_empty() => {
                "no acquisition was recorded yet".to_owned()
            }
            ([], _) => "no lock was used yet".to_owned(),
            (_, filter) => format!("no point has “{filter}” in its name: Esc clears the filter"),
        };
        frame.render_widget(Paragraph::new(text).style(theme.dim()), area);
        return;
    }
    let seen = Seen::new(state, &data, theme);
    let columns = seen.columns(usize::from(area.width));
    let widths = columns.iter().map(|&(_, width)| length(width));
    let table = Table::new(seen.rows(&columns), widths)
        .header(seen.header(&columns))
        .column_spacing(1);
    frame.render_widget(table, area);
}

fn length(width: usize) -> Constraint {
    Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX))
}

/// The rows that are seen.
struct Seen<'a> {
    state: &'a State,
    data: &'a Data,
    theme: Theme,
    /// Indices of their points.
    rows: &'a [usize],
    /// Whether curves are of waiting, and not of contentions because nothing was timed.
    timed: bool,
    /// The value of a bar of full height.
    highest: f32,
}

impl<'a> Seen<'a> {
    fn new(state: &'a State, data: &'a Data, theme: Theme) -> Self {
        let rows = state.table.rows();
        let end = rows.len().min(state.table.offset + state.table.page);
        let timed = state.history().overall().any(|sample| sample.threads > 0.0);
        let highest = state.history().overall().map(figure::sample(timed));
        Self {
            state,
            data,
            theme,
            rows: rows.get(state.table.offset..end).unwrap_or_default(),
            timed,
            // A curve has its own scale, but what is nothing beside the others must not look like
            // something.
            highest: highest.fold(0.0, f32::max) / 50.0,
        }
    }

    /// The columns that fit, from left to right, and their widths.
    fn columns(&self, width: usize) -> Vec<(Column, usize)> {
        let needed = |of: fn(&crate::top::state::Label) -> &str| {
            let rows = self.state.table.rows().iter();
            let labels = rows.filter_map(|&row| self.data.label(row));
            labels.map(|label| fit::width(of(label))).max()
        };
        let lock = needed(|label| &label.lock).unwrap_or(0).max(5);
        let site = needed(|label| &label.site).unwrap_or(0).max(5);
        let mut numbers: Vec<(Column, usize)> = Column::value_variants()
            .iter()
            .copied()
            .filter(|column| !matches!(column, Column::Lock | Column::Site))
            .map(|column| (column, self.width(column, width)))
            .collect();
        let taken = |numbers: &[(Column, usize)]| numbers.iter().map(|(_, w)| w + 1).sum::<usize>();
        let sorted = self.state.table.sort().column;
        let names = lock.min(LOCK) + 1 + site.min(SITE);
        let least = |column| match column == sorted {
            // What it is sorted by goes last, and after the site.
            true => lock.min(LOCK),
            false => names,
        };
        let first = BY_WORTH.into_iter().filter(|&column| column != sorted);
        for column in first.chain([sorted]) {
            if taken(&numbers) + least(column) > width {
                numbers.retain(|&(other, _)| other != column);
            }
        }
        let room = width.saturating_sub(taken(&numbers));
        let mut columns = if room < NAMES.min(lock + 1 + site) {
            let name = match sorted {
                Column::Site => (Column::Site, room.min(site)),
                _ => (Column::Lock, room.min(lock)),
            };
            vec![name]
        } else {
            let both = room.saturating_sub(1);
            // What one does not need, the other gets.
            let mine = lock.min(LOCK.min(both / 2).max(both.saturating_sub(site)));
            vec![
                (Column::Lock, mine),
                (Column::Site, site.min(both.saturating_sub(mine))),
            ]
        };
        columns.extend(numbers);
        columns
    }

    /// The width of a column of numbers: of the longest that is usual, so that it stays as the
    /// numbers change.
    fn width(&self, column: Column, screen: usize) -> usize {
        let usual = match column {
            Column::Lock | Column::Site => 0,
            Column::Mode => 2,
            Column::Acquisitions => 6,
            Column::ContentionRatio => 6,
            Column::Wait | Column::Hold | Column::Caused => 7,
            Column::WaitP95 | Column::HoldP95 => 8,
            Column::Trend if screen >= 150 => 32,
            Column::Trend if screen >= 120 => 16,
            Column::Trend => 8,
        };
        // Its mark stands behind the head.
        let head = fit::width(self.head(column)) + 1;
        let cells = self.rows.iter().filter(|_| column != Column::Trend);
        let cells = cells.map(|&row| fit::width(&self.cell(column, row, 0)));
        cells.fold(usual.max(head), usize::max)
    }

    fn head(&self, column: Column) -> &'static str {
        let rates = self.state.table.figures() == Figures::Rates;
        match column {
            Column::Lock => "lock",
            Column::Site => "site",
            Column::Mode => "m",
            Column::Acquisitions if rates => "acq/s",
            Column::Acquisitions => "acq",
            Column::ContentionRatio => "ratio",
            Column::Wait if rates => "wait/s",
            Column::Wait => "wait",
            Column::WaitP95 => "wait p95",
            Column::Hold if rates => "hold/s",
            Column::Hold => "hold",
            Column::HoldP95 => "hold p95",
            Column::Caused if rates => "caused/s",
            Column::Caused => "caused",
            Column::Trend => "trend",
        }
    }

    fn header(&self, columns: &[(Column, usize)]) -> Row<'static> {
        let sort = self.state.table.sort();
        let cells = columns.iter().map(|&(column, width)| {
            let (mark, style) = match column == sort.column {
                true if sort.ascends() => ("▲", self.theme.sorted()),
                true => ("▼", self.theme.sorted()),
                false => ("", self.theme.head()),
            };
            let head = fit::middle(&format!("{}{mark}", self.head(column)), width);
            let text = fit::padded(&head, width, alignment(column) == Alignment::Right);
            Cell::from(Line::styled(text, style))
        });
        Row::new(cells)
    }

    fn rows(&self, columns: &[(Column, usize)]) -> Vec<Row<'static>> {
        let names: Vec<Vec<String>> = columns
            .iter()
            .map(|&(column, width)| self.names(column, width))
            .collect();
        let selected = self.state.table.at().checked_sub(self.state.table.offset);
        let rows = self.rows.iter().enumerate().map(|(at, &row)| {
            let cells = columns.iter().zip(&names).map(|(&(column, width), names)| {
                let text = match names.get(at) {
                    Some(name) => name.clone(),
                    None => self.cell(column, row, width),
                };
                let text = Text::from(text).alignment(alignment(column));
                Cell::from(text).style(self.style(column, row))
            });
            let cells: Vec<Cell<'static>> = cells.collect();
            let row = Row::new(cells).style(self.row_style(row));
            match selected == Some(at) {
                true => row.style(self.theme.selected()),
                false => row,
            }
        });
        rows.collect()
    }

    /// The names of a column, all shortened alike; none of one that has numbers.
    fn names(&self, column: Column, width: usize) -> Vec<String> {
        let labels = self.rows.iter().filter_map(|&row| {
            let point = self.data.whole().points().get(row)?;
            let label = self.data.label(row)?;
            match column {
                Column::Lock => Some((label.lock.as_str(), point.lock.site().is_some())),
                Column::Site => Some((label.site.as_str(), true)),
                _ => None,
            }
        });
        let labels: Vec<(&str, bool)> = labels.collect();
        fit::column(&labels, width)
    }

    fn point(&self, row: usize) -> Option<&Point> {
        match self.state.table.figures() {
            Figures::Rates => self.data.rated_point(row),
            Figures::Totals => self.data.whole().points().get(row),
        }
    }

    fn cell(&self, column: Column, row: usize, width: usize) -> String {
        let Some(whole) = self.data.whole().points().get(row) else {
            return String::new();
        };
        match column {
            Column::Mode => return names::mode(whole.mode).to_owned(),
            Column::Trend => return self.trend(whole, width),
            _ => {}
        }
        let figures = self.state.table.figures();
        let percentile = |of: fn(&Point) -> &Durations| match self.data.sampled_point(row, figures)
        {
            (Some(point), _) => number::quantile(of(point), 0.95),
            (None, _) => "-".to_owned(),
        };
        match column {
            Column::WaitP95 => return percentile(|p| &p.wait),
            Column::HoldP95 => return percentile(|p| &p.hold),
            _ => {}
        }
        let Some(point) = self.point(row) else {
            // Nothing happened there in the interval: of nothing there is no ratio.
            let is_ratio = column == Column::ContentionRatio;
            return if is_ratio { "-" } else { "0" }.to_owned();
        };
        let ns = self.data.rated().elapsed_ns();
        let rates = figures == Figures::Rates;
        let total = |durations| match rates {
            true => figure::marked_threads(durations, ns),
            false => figure::marked(durations, number::duration),
        };
        match column {
            Column::Acquisitions if rates => {
                number::rate(crate::top::state::per_second(point.acquisitions, ns))
            }
            Column::Acquisitions => number::count(point.acquisitions),
            Column::ContentionRatio => number::percent(point.contentions, point.acquisitions),
            Column::Wait => total(&point.wait),
            Column::Hold => total(&point.hold),
            Column::Caused => figure::caused(point, |caused| match rates {
                true => figure::threads(caused, ns),
                false => number::duration(caused),
            }),
            _ => String::new(),
        }
    }

    fn trend(&self, point: &Point, width: usize) -> String {
        let samples = self.state.history().of(&Key::of(point)).rev();
        figure::trend(samples, figure::sample(self.timed), width, self.highest)
    }

    fn row_style(&self, row: usize) -> Style {
        match self.point(row) {
            None => self.theme.dim(),
            Some(_) => Style::new(),
        }
    }

    fn style(&self, column: Column, row: usize) -> Style {
        let threads = |of: fn(&Point) -> u64| {
            let (point, snapshot) = match self.state.table.figures() {
                Figures::Rates => (self.data.rated_point(row), self.data.rated()),
                Figures::Totals => (self.data.whole().points().get(row), self.data.whole()),
            };
            point.map_or(0.0, |p| figure::share(of(p), snapshot.elapsed_ns()))
        };
        match column {
            Column::Wait => self.theme.by_threads(threads(|p| p.wait.total_ns)),
            Column::Caused => self.theme.by_threads(threads(|p| p.caused_wait_ns)),
            Column::Trend => self.theme.chart(),
            _ => Style::new(),
        }
    }
}

fn alignment(column: Column) -> Alignment {
    match column {
        Column::Lock | Column::Site | Column::Mode | Column::Trend => Alignment::Left,
        _ => Alignment::Right,
    }
}
