//! Decides which columns fit, and how wide each is.

use super::column::Column;

/// The columns that are shown, from left to right, and their widths.
pub(super) type Layout = Vec<(Column, usize)>;

/// Lays the table out in `width` terminal columns. `natural` has the columns with values, and the
/// widths that their cells and heads want. `keep` is the last column to leave out.
///
/// The names of lock and site first get two fifths of the width. Then columns join in the order of
/// their worth until one does not fit. The names share what is left. `needed` says how much of a
/// width a column of names can use; it gets no more.
pub(super) fn lay_out(
    natural: &Layout,
    width: usize,
    keep: Option<Column>,
    needed: impl Fn(Column, usize) -> usize,
) -> Layout {
    // One number, split later. Otherwise one more terminal column could give the names two, and
    // cost the table a column.
    let names = width * 2 / 5;
    let lock = names * 3 / 8;
    let all: Layout = natural
        .iter()
        .map(|&(column, natural)| match column {
            Column::Lock => (column, natural.min(lock)),
            Column::Site => (column, natural.min(names - lock)),
            _ => (column, natural),
        })
        .collect();
    let mut kept = vec![Column::Lock, Column::Site];
    let first = Column::BY_WORTH
        .into_iter()
        .filter(|columns| columns.iter().any(|&column| Some(column) == keep));
    for columns in first.chain(Column::BY_WORTH) {
        let before = kept.len();
        kept.extend(columns);
        if total(&only(&all, &kept)) > width {
            kept.truncate(before);
            break;
        }
    }
    let mut layout = only(&all, &kept);
    // Lock comes twice, because it may want what the sites leave over.
    for name in [Column::Lock, Column::Site, Column::Lock] {
        let spare = width.saturating_sub(total(&layout));
        for (column, column_width) in &mut layout {
            if *column == name {
                *column_width = needed(name, *column_width + spare);
            }
        }
    }
    layout
}

fn only(all: &Layout, kept: &[Column]) -> Layout {
    let has = |column| kept.contains(&column) && all.iter().any(|&(c, _)| c == column);
    let shown = all
        .iter()
        .filter(|&&(column, _)| has(column) && !column.replaced_by().is_some_and(has));
    shown.copied().collect()
}

/// The width of a line.
pub(super) fn total(layout: &Layout) -> usize {
    let mut previous = None;
    let mut total = 0;
    for &(column, width) in layout {
        total += gap(previous, column) + width;
        previous = Some(column);
    }
    total
}

/// Spaces between a column and the previous one: two where a group begins or ends, none where a
/// cell continues.
pub(super) fn gap(previous: Option<Column>, column: Column) -> usize {
    match previous {
        None => 0,
        Some(_) if column.continues() => 0,
        Some(previous) if previous.group() == column.group() => 1,
        Some(_) => 2,
    }
}
