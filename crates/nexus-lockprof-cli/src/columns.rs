//! Tables of aligned columns, as `diff` and `ps` print them.

use nexus_lockprof_export::text::pieces;

/// Rows of cells, the head first.
pub(crate) struct Columns<const N: usize> {
    rows: Vec<[String; N]>,
    /// The columns of numbers, which are aligned at their right.
    numbers: &'static [usize],
}

impl<const N: usize> Columns<N> {
    pub(crate) fn new(head: [&str; N], numbers: &'static [usize]) -> Self {
        Self {
            rows: vec![head.map(str::to_owned)],
            numbers,
        }
    }

    pub(crate) fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// Whether there is nothing but the head.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// One line for each row, as it looks on a terminal.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(move |row| pieces::width(&row[column]));
            cells.max().unwrap_or(0)
        };
        let widths: [usize; N] = std::array::from_fn(width);
        self.rows.iter().map(move |row| {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let blank = " ".repeat(width - pieces::width(cell));
                let (before, after) = match self.numbers.contains(&column) {
                    true => (blank.as_str(), ""),
                    false => ("", blank.as_str()),
                };
                line.extend([before, cell, after, "  "]);
            }
            line.truncate(line.trim_end().len());
            line
        })
    }

    /// The same as a table in Markdown. The cells are Markdown already.
    pub(crate) fn markdown(&self) -> impl Iterator<Item = String> {
        let rule = std::array::from_fn(|column| match self.numbers.contains(&column) {
            true => "---:",
            false => "---",
        });
        let line = |cells: [&str; N]| format!("| {} |", cells.join(" | "));
        let (head, rows) = self.rows.split_at(1);
        let line_of = move |row: &[String; N]| line(row.each_ref().map(String::as_str));
        head.iter()
            .map(line_of)
            .chain([line(rule)])
            .chain(rows.iter().map(line_of))
    }
}

/// Text as code in a cell of a Markdown table: nothing in it is markup, or names a user.
pub(crate) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // One space at each end is not shown, and keeps the text's own back-ticks apart.
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a``b@c"), "``` a``b@c ```");
    }

    #[test]
    fn columns_are_aligned() {
        let mut columns = Columns::new(["lock", "n"], &[1]);
        assert!(columns.is_empty());
        columns.push(["日本".to_owned(), "10".to_owned()]);
        columns.push(["a".to_owned(), String::new()]);
        let lines: Vec<String> = columns.lines().collect();
        assert_eq!(lines, ["lock   n", "日本  10", "a"]);
        let lines: Vec<String> = columns.markdown().collect();
        assert_eq!(lines[..2], ["| lock | n |", "| --- | ---: |"]);
    }
}
