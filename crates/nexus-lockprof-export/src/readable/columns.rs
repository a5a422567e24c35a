//! Tables of aligned columns.

use super::fit;

/// Rows of cells, the head first.
#[derive(Clone, Debug)]
pub struct Columns {
    rows: Vec<Vec<String>>,
    is_number: fn(usize) -> bool,
    gap: usize,
}

impl Columns {
    /// A table with this head. Columns of numbers are aligned at their right.
    #[must_use]
    pub fn new<const N: usize>(head: [&str; N], is_number: fn(usize) -> bool) -> Self {
        let head = Vec::from(head.map(str::to_owned));
        Self::of_rows(vec![head], is_number, 2)
    }

    /// A table of `rows`, whose columns are `gap` apart.
    #[must_use]
    pub fn of_rows(rows: Vec<Vec<String>>, is_number: fn(usize) -> bool, gap: usize) -> Self {
        Self {
            rows,
            is_number,
            gap,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl Into<Vec<String>>) {
        self.rows.push(row.into());
    }

    /// Returns whether there is nothing but the head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// One line for each row, as it looks on a terminal.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell: &String| fit::width(cell))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.rows.iter().map(move |row| {
            let cells = row.iter().zip(&widths).enumerate();
            line(cells.map(|(column, (text, &width))| Cell {
                gap: if column == 0 { 0 } else { self.gap },
                width,
                is_number: (self.is_number)(column),
                text,
            }))
        })
    }

    /// The same as a table in Markdown. The cells are Markdown already.
    pub fn markdown(&self) -> impl Iterator<Item = String> {
        let (head, rows) = self.rows.split_at(self.rows.len().min(1));
        let columns = 0..head.first().map_or(0, Vec::len);
        let rule = columns.map(|column| match (self.is_number)(column) {
            true => "---:",
            false => "---",
        });
        let rule = format!("| {} |", Vec::from_iter(rule).join(" | "));
        let line = |row: &Vec<String>| format!("| {} |", row.join(" | "));
        head.iter()
            .map(line)
            .chain([rule])
            .chain(rows.iter().map(line))
    }
}

/// A text in a column of a line.
pub(crate) struct Cell<'t> {
    /// Blanks before the column.
    pub(crate) gap: usize,
    pub(crate) width: usize,
    pub(crate) is_number: bool,
    pub(crate) text: &'t str,
}

/// A line of a table, without blanks at its end.
pub(crate) fn line<'t>(cells: impl IntoIterator<Item = Cell<'t>>) -> String {
    let mut line = String::new();
    for cell in cells {
        line.push_str(&" ".repeat(cell.gap));
        line.push_str(&fit::padded(cell.text, cell.width, cell.is_number));
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut columns = Columns::new(["lock", "n"], |column| column == 1);
        assert!(columns.is_empty());
        columns.push(["日本".to_owned(), "10".to_owned()]);
        columns.push(["a".to_owned(), String::new()]);
        let lines: Vec<String> = columns.lines().collect();
        assert_eq!(lines, ["lock   n", "日本  10", "a"]);
        let lines: Vec<String> = columns.markdown().collect();
        assert_eq!(lines[..2], ["| lock | n |", "| --- | ---: |"]);
    }
}
