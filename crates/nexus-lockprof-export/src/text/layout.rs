//! Which columns there is room for, and how wide each is.

use super::column::Column;

/// The columns that are shown, from left to right, and their widths.
pub(super) type Layout = Vec<(Column, usize)>;

/// Lays the table out in `width` terminal columns. `natural` are the widths that the cells and heads want, in the
/// order of
/// [`Column::ALL`]; `keep` is a column to leave out last.
///
/// The names of lock and site get two fifths of the width at first; then columns join in the order of their worth
/// until one does not fit; what is left goes to the names.
pub(super) fn lay_out(
    natural: [usize; Column::ALL.len()],
    width: usize,
    keep: Option<Column>,
) -> Layout {
    // One number, then split: so that one more terminal column never gives the names two, and costs a column of the
    // table.
    let names = width * 2 / 5;
    let lock = names * 3 / 8;
    let all: Layout = Column::ALL
        .into_iter()
        .zip(natural)
        .map(|(column, natural)| match column {
            Column::Lock => (column, natural.min(lock)),
            Column::Site => (column, natural.min(names - lock)),
            _ => (column, natural),
        })
        .collect();
    let mut kept = vec![Column::Lock, Column::Site];
    let by_worth = keep.into_iter().chain(Column::BY_WORTH);
    for column in by_worth {
        if kept.contains(&column) {
            continue;
        }
        kept.push(column);
        if total(&only(&all, &kept)) > width {
            kept.pop();
            break;
        }
    }
    let mut layout = only(&all, &kept);
    let mut spare = width.saturating_sub(total(&layout));
    for ((_, column_width), natural) in layout.iter_mut().zip(natural).take(2) {
        let more = natural.saturating_sub(*column_width).min(spare);
        *column_width += more;
        spare -= more;
    }
    layout
}

fn only(all: &Layout, kept: &[Column]) -> Layout {
    let shown = all.iter().filter(|(column, _)| kept.contains(column));
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

/// Spaces between a column and the one before it: two where a group begins or ends.
pub(super) fn gap(previous: Option<Column>, column: Column) -> usize {
    match previous {
        None => 0,
        Some(previous) if previous.group() == column.group() => 1,
        Some(_) => 2,
    }
}
