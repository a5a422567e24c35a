//! [`Page`]: the lines of a view, and which of them belong to one row.

use crate::top::state::State;
use nexus_lockprof_export::readable::fit;
use std::ops::Range;

/// The lines of a view, none of which is wider than there is room.
#[derive(Default)]
pub(crate) struct Page {
    lines: Vec<String>,
    /// Which of the lines each row has.
    rows: Vec<Range<usize>>,
}

impl Page {
    /// Lines that are no rows.
    pub(crate) fn of_text(lines: Vec<String>) -> Self {
        let mut page = Self::default();
        page.push(lines);
        page
    }

    /// Adds lines that are no row. Sentences may be wrapped.
    pub(crate) fn push(&mut self, lines: impl IntoIterator<Item = String>) {
        self.lines.extend(lines.into_iter().flat_map(|text| {
            let lines = text.split('\n').map(str::to_owned);
            lines.collect::<Vec<_>>()
        }));
    }

    /// Adds a row.
    pub(crate) fn push_row(&mut self, lines: impl IntoIterator<Item = String>) {
        let first = self.lines.len();
        self.push(lines);
        self.rows.push(first..self.lines.len());
    }

    /// Whether there are no lines.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines.
    pub(crate) fn into_lines(self) -> impl Iterator<Item = String> {
        self.lines.into_iter()
    }

    /// This page, or if there are no lines, a text that says so.
    pub(crate) fn or_says(self, text: &str, width: usize) -> Self {
        match self.is_empty() {
            true => Self::of_text(vec![fit::wrapped(text, width)]),
            false => self,
        }
    }

    /// The lines of the selected row.
    pub(crate) fn selected(&self, state: &State) -> Range<usize> {
        let at = state.list().at();
        self.rows.get(at).cloned().unwrap_or_default()
    }

    /// Scrolls so that `room` lines show the selected row, and what is above the first one. A row
    /// that is longer than the room shows some of its lines.
    pub(crate) fn scroll(&self, state: &mut State, room: usize) {
        if let (true, Some(first)) = (state.view().is_list(), self.rows.first()) {
            let selected = self.selected(state);
            let begin = match selected == *first {
                true => 0,
                false => selected.start,
            };
            let end = selected.end.saturating_sub(room);
            state.scroll = state.scroll.clamp(begin.min(end), begin.max(end));
            let lines = self.lines.len() - first.start;
            let high = lines.div_ceil(self.rows.len()).max(1);
            let list = state.list_mut();
            list.page = (room / high).max(1);
        }
        let last = self.lines.len().saturating_sub(room);
        state.scroll = state.scroll.min(last);
        let (selected, scroll) = (self.selected(state), state.scroll);
        let above = scroll.saturating_sub(selected.start).min(selected.len());
        let below = selected.end.saturating_sub(scroll.saturating_add(room));
        state.list_mut().hidden = (above, below.min(selected.len()));
    }
}
