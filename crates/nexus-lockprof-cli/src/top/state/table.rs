//! The rows of the table, their order, and the selected row.

use super::column::{self, Column, Sort};
use super::figures::Figures;
use super::{Data, History, Key};

/// The state of the table.
#[derive(Clone, Debug)]
pub(crate) struct TableState {
    sort: Sort,
    filter: String,
    figures: Figures,
    /// Indices of the shown points, in order.
    rows: Vec<usize>,
    /// The selected row.
    at: usize,
    /// The selected point, once the user has chosen one. Until then the first row is selected.
    chosen: Option<Key>,
    /// Rows per page. The view sets it when it draws.
    pub(crate) page: usize,
    /// The first visible row.
    pub(crate) offset: usize,
}

impl TableState {
    /// An empty table.
    pub(crate) fn new(sort: Column, filter: String) -> Self {
        Self {
            sort: Sort::by(sort),
            filter,
            figures: Figures::Rates,
            rows: Vec::new(),
            at: 0,
            chosen: None,
            page: 1,
            offset: 0,
        }
    }

    /// The sort order.
    pub(crate) fn sort(&self) -> Sort {
        self.sort
    }

    /// The filter: words that the names of all rows contain.
    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }

    /// The words of the filter, in lower case.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = self.filter.split_whitespace();
        words.map(str::to_lowercase).collect()
    }

    /// Whether cells show totals or rates.
    pub(crate) fn figures(&self) -> Figures {
        self.figures
    }

    /// Indices of the points that have a row, in order.
    pub(crate) fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The selected row.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The index of the selected point; `None` without rows.
    pub(crate) fn selected(&self) -> Option<usize> {
        self.rows.get(self.at).copied()
    }

    /// The point that the user has chosen, even if it has no row at the moment.
    pub(crate) fn chosen(&self) -> Option<&Key> {
        self.chosen.as_ref()
    }

    /// Sorts by a column. If it is the same again, reverses the order.
    pub(crate) fn sort_by(&mut self, column: Column) {
        if self.sort.column == column {
            self.reverse();
        } else {
            self.sort = Sort::by(column);
        }
    }

    /// Sorts by the next column to the right or left.
    pub(crate) fn move_sort(&mut self, by: isize) {
        self.sort = Sort::by(self.sort.column.moved(by));
    }

    /// Reverses the order.
    pub(crate) fn reverse(&mut self) {
        self.sort.reversed = !self.sort.reversed;
    }

    /// Shows only rows whose names contain all words of `filter`.
    pub(crate) fn set_filter(&mut self, filter: String) {
        self.filter = filter;
    }

    /// Switches between totals and rates.
    pub(crate) fn toggle_figures(&mut self) {
        self.figures = match self.figures {
            Figures::Rates => Figures::Totals,
            Figures::Totals => Figures::Rates,
        };
    }

    /// Makes the rows again after a change.
    pub(crate) fn refresh(&mut self, data: &Data, history: &History) {
        let words = self.words();
        let all = 0..data.whole().points().len();
        self.rows = all
            .filter(|&index| data.label(index).is_some_and(|label| label.has(&words)))
            .collect();
        column::sort(&mut self.rows, self.sort, self.figures, data, history);
        let chosen = self.chosen.as_ref();
        let point = chosen.and_then(|key| data.position(key));
        let row = point.and_then(|point| self.rows.iter().position(|&row| row == point));
        self.at = match (chosen, row) {
            (None, _) => 0,
            (Some(_), Some(row)) => row,
            // The chosen point has no row: selects the row in its place. Selects the point again
            // when it is back.
            (Some(_), None) => self.at.min(self.rows.len().saturating_sub(1)),
        };
    }

    /// Chooses the row `by` rows down, or up if negative.
    pub(crate) fn move_by(&mut self, by: isize, data: &Data) {
        self.at = self.at.saturating_add_signed(by);
        self.choose(data);
    }

    /// Chooses the last row.
    pub(crate) fn go_to_end(&mut self, data: &Data) {
        self.at = usize::MAX;
        self.choose(data);
    }

    /// Selects the first row from now on, whichever point it shows.
    pub(crate) fn go_to_start(&mut self) {
        (self.at, self.chosen) = (0, None);
    }

    /// Chooses the point of the selected row.
    pub(crate) fn choose(&mut self, data: &Data) {
        self.at = self.at.min(self.rows.len().saturating_sub(1));
        let point = self.selected().and_then(|i| data.whole().points().get(i));
        if let Some(point) = point {
            self.chosen = Some(Key::of(point));
        }
    }

    /// Scrolls so that a page of `page` rows shows the selected one.
    pub(crate) fn fit(&mut self, page: usize) {
        self.page = page.max(1);
        let last = self.rows.len().saturating_sub(self.page);
        let first = (self.at + 1).saturating_sub(self.page);
        self.offset = self.offset.clamp(first, self.at.max(first)).min(last);
    }
}
