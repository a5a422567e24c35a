//! The table itself: heads and rows.

use nexus_lockprof_snapshot::{Durations, Point};

use super::column::{Column, DOUBTFUL, Time, WORTH_SAYING};
use super::layout::{Layout, gap, lay_out};
use crate::readable::columns::{self, Cell};
use crate::readable::names::Names;
use crate::readable::{fit, number};

use Column::{Hold, Wait};
use Time::{Doubt, Off, Total};

/// Heads and rows, laid out.
pub(super) struct Grid<'a> {
    points: &'a [&'a Point],
    layout: Layout,
    /// For each column of the layout, one cell per point.
    cells: Vec<Vec<String>>,
}

impl<'a> Grid<'a> {
    /// Lays out one row for each of `points` in `width` terminal columns. `keep` is the last column
    /// to leave out. With `only_waits`, only the columns of waits have values.
    pub(super) fn new(
        points: &'a [&'a Point],
        width: usize,
        keep: Option<Column>,
        only_waits: bool,
    ) -> Self {
        let names = Names::new(points.iter().copied());
        let is_known = |column: &Column| !only_waits || column.is_of_waits();
        let make = |column: Column| -> Vec<String> {
            let cells = points.iter().map(|point| match (column, only_waits) {
                // There is no share: the number of acquisitions is unknown.
                (Column::Contentions, true) => number::count(point.contentions),
                _ => column.cell(point, &names),
            });
            cells.collect()
        };
        let natural = Column::all()
            .filter(is_known)
            .filter(|column| points.iter().any(|point| column.tells(point)))
            .map(|column| (column, needed(column, &make(column))))
            .collect();
        let shorten = |column: Column, width| column.shorten(points, &make(column), width);
        let layout = lay_out(&natural, width, keep, |column, width| {
            needed(column, &shorten(column, width))
        });
        let cells = layout.iter().map(|&(column, width)| shorten(column, width));
        Self {
            points,
            cells: cells.collect(),
            layout,
        }
    }

    /// The lines without line ends; none if there are no rows. The lines that `below` makes of a
    /// point follow its row.
    pub(super) fn lines(&self, below: impl Fn(&Point) -> Vec<String>) -> Vec<String> {
        if self.points.is_empty() {
            return Vec::new();
        }
        let heads = self.layout.iter().map(|(column, _)| column.head());
        let groups = self.groups();
        let mut lines = Vec::from_iter((!groups.is_empty()).then_some(groups));
        lines.push(self.line(heads));
        for (row, point) in self.points.iter().enumerate() {
            let cells = self.cells.iter().map(|cells| cells.get(row));
            lines.push(self.line(cells.map(|cell| cell.map_or("", String::as_str))));
            lines.extend(below(point));
        }
        lines
    }

    /// The line above the heads, with a heading across each group: `---- wait ----`. Empty without
    /// groups.
    fn groups(&self) -> String {
        let mut line = String::new();
        let mut previous = None;
        let mut columns = self.layout.iter().copied().peekable();
        while let Some((column, mut span)) = columns.next() {
            let before = gap(previous, column);
            previous = Some(column);
            while let Some((next, width)) =
                columns.next_if(|(next, _)| next.group() == column.group())
            {
                span += gap(previous, next) + width;
                previous = Some(next);
            }
            line.push_str(&" ".repeat(before));
            line.push_str(&match column.group() {
                None => " ".repeat(span),
                Some(name) if span < name.len() + 4 => {
                    format!("{:>span$}", fit::middle(name, span))
                }
                Some(name) => format!("{:-^span$}", format!(" {name} ")),
            });
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// A line with one text per column.
    fn line<'t>(&self, texts: impl Iterator<Item = &'t str>) -> String {
        let mut previous = None;
        let cells = self.layout.iter().zip(texts);
        columns::line(cells.map(|(&(column, width), text)| Cell {
            gap: gap(previous.replace(column), column),
            width,
            is_number: !column.is_text(),
            text,
        }))
    }

    /// Explains the marks of estimates, if any, and how far off the totals may be.
    pub(super) fn note(&self) -> Option<String> {
        let partial = self
            .layout
            .iter()
            .any(|&(column, _)| self.points.iter().any(|point| column.is_partial(point)));
        let partial = partial.then(|| "> of a part: others were not measured".to_owned());
        let notes: Vec<String> = partial.into_iter().chain(self.estimates_note()).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn estimates_note(&self) -> Option<String> {
        let shows = |wanted| self.layout.iter().any(|&(column, _)| column == wanted);
        let estimates = |&(column, _): &(Column, usize)| {
            self.points.iter().any(|point| column.is_estimate(point))
        };
        if !self.layout.iter().any(estimates) {
            return None;
        }
        let mut note = "~ estimated from samples".to_owned();
        let (off, doubt) = (
            shows(Wait(Off)) || shows(Hold(Off)),
            shows(Wait(Doubt)) || shows(Hold(Doubt)),
        );
        if off {
            let limit = number::whole_percent(WORTH_SAYING);
            note.push_str(&format!("; ±: standard error, if above {limit}"));
        }
        if doubt {
            let limit = number::whole_percent(DOUBTFUL);
            note.push_str(&format!("; ?: standard error above {limit}"));
        }
        let errors = self.points.iter().flat_map(|point| {
            let wait = shows(Wait(Total)).then_some(&point.wait);
            let hold = shows(Hold(Total)).then_some(&point.hold);
            [wait, hold].into_iter().flatten()
        });
        let worst = errors
            .filter_map(Durations::relative_standard_error)
            .max_by(f64::total_cmp);
        if let (false, false, Some(worst)) = (off, doubt, worst) {
            note.push_str(&format!(
                "; standard error of totals up to {:.1}%",
                100.0 * worst
            ));
        }
        Some(note)
    }
}

/// The width that a column with these cells can use.
fn needed(column: Column, cells: &[String]) -> usize {
    let widths = cells.iter().map(|cell| fit::width(cell));
    widths.max().unwrap_or(0).max(fit::width(column.head()))
}
