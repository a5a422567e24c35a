//! Durations on a grid, to which a merge rounds its samples.
//!
//! A reservoir that each merge cuts to a size would depend on the order of the merges. Cells do
//! not: a cell's weight is the sum of its samples' weights. As in an HDR histogram, there are
//! [`PER_OCTAVE`] cells from each power of two to the next. So a cell's value is within 1/64 of
//! each duration in it, and there are at most about two thousand cells, however much is merged.
//!
//! Weights are whole numbers of 1024ths. Their sums are exact, so the order of adding does not
//! matter.

use crate::{Sample, Samples};

/// Cells from one power of two to the next.
const PER_OCTAVE: u64 = 1 << BITS;
const BITS: u32 = 5;

/// Parts per unit of weight.
const UNIT: f64 = 1024.0;

/// Maximum number of parts, for a weight of 4.4 * 10^12 events.
const MOST: u64 = (1 << PARTS) - 1;
const PARTS: u32 = 52;

/// A cell and its weight in parts, in one word. Ordered by cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell(u64);

impl Cell {
    /// The cell of a sample, with its weight.
    #[inline]
    pub(super) fn of(sample: &Sample) -> Self {
        // Rounded by hand: a call of `round` would take longer than all the rest.
        let parts = ((sample.weight * UNIT + 0.5) as u64).clamp(1, MOST);
        Self(number_of(sample.value_ns) << PARTS | parts)
    }

    #[inline]
    pub(super) fn number(self) -> u64 {
        self.0 >> PARTS
    }

    fn parts(self) -> u64 {
        self.0 & MOST
    }

    /// Adds another weight of the same cell.
    #[inline]
    pub(super) fn add(&mut self, other: Self) {
        let parts = (self.parts() + other.parts()).min(MOST);
        self.0 = self.number() << PARTS | parts;
    }
}

/// The number of a duration's cell. Below 64 ns, each duration has its own.
#[inline]
fn number_of(value_ns: u64) -> u64 {
    let octave = value_ns.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    // The highest 6 bits. From the second octave on, the first of them is 1.
    u64::from(octave) * PER_OCTAVE + (value_ns >> octave)
}

/// The middle of a cell.
fn value_of(number: u64) -> u64 {
    let octave = (number / PER_OCTAVE).saturating_sub(1);
    let within = number - octave * PER_OCTAVE;
    let width = 1_u64 << octave;
    (within << octave) + (width - 1) / 2
}

/// The cells of many samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    /// Number of leading cells that are sorted and unique. Later additions follow.
    settled: usize,
    cells: Vec<Cell>,
}

impl Grid {
    /// Adds cells, in any order.
    ///
    /// It appends them, which touches one place in memory. When there are as many as sorted ones,
    /// it sorts them in.
    #[inline]
    pub(super) fn add(&mut self, others: &[Cell], spare: &mut Vec<Cell>) {
        const FEW: usize = 32;
        self.cells.extend_from_slice(others);
        if self.cells.len() >= 2 * self.settled + FEW {
            self.settle(spare);
        }
    }

    /// Adds the cells of another grid.
    pub(super) fn append(&mut self, other: Self, spare: &mut Vec<Cell>) {
        if self.cells.is_empty() {
            *self = other;
        } else {
            self.add(&other.cells, spare);
        }
    }

    /// Sorts all cells and merges equal ones. `spare` is a reusable buffer.
    fn settle(&mut self, spare: &mut Vec<Cell>) {
        let (settled, new) = self.cells.split_at_mut(self.settled);
        new.sort_unstable_by_key(|cell| cell.number());
        spare.clear();
        let mut push = |cell: Cell| match spare.last_mut() {
            Some(last) if last.number() == cell.number() => last.add(cell),
            _ => spare.push(cell),
        };
        let mut new = new.iter().copied().peekable();
        for &mut cell in settled {
            while let Some(other) = new.next_if(|other| other.number() < cell.number()) {
                push(other);
            }
            push(cell);
        }
        new.for_each(push);
        self.cells.clear();
        self.cells.extend_from_slice(spare);
        self.settled = self.cells.len();
    }

    /// The cells as samples. The middle of the last cell may exceed the longest duration, which
    /// then replaces it.
    pub(super) fn samples(mut self, max_ns: u64) -> Samples {
        self.settle(&mut Vec::new());
        let longest = number_of(max_ns);
        self.cells
            .iter()
            .map(|cell| Sample {
                value_ns: match cell.number() {
                    number if number == longest => value_of(number).min(max_ns),
                    number => value_of(number),
                },
                weight: cell.parts() as f64 / UNIT,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(number: u64, parts: u64) -> Cell {
        Cell(number << PARTS | parts)
    }

    #[test]
    fn cells() {
        let large = (10..64).flat_map(|bit| {
            let value = 1_u64 << bit;
            [value - 1, value, value + 1, value + value / 2]
        });
        for value in (0..70_000).chain(large) {
            let number = number_of(value);
            let middle = value_of(number);
            assert_eq!(number_of(middle), number, "{value}");
            assert!(middle.abs_diff(value) <= value / 64, "{value}: {middle}");
            assert!(value == 0 || number_of(value - 1) <= number, "{value}");
        }
        assert_eq!(number_of(u64::MAX), 58 * 32 + 63);
        assert!(number_of(u64::MAX) < 1 << (64 - PARTS));
    }

    #[test]
    fn weights() {
        for (weight, parts) in [(1.0, 1024), (0.000_1, 1), (64.1, 65_638), (1e30, MOST)] {
            let value_ns = 7;
            assert_eq!(Cell::of(&Sample { value_ns, weight }), cell(7, parts));
        }
    }

    #[test]
    fn sums() {
        let mut grid = Grid::default();
        let spare = &mut Vec::new();
        grid.add(&[cell(5, 1), cell(3, 10)], spare);
        grid.add(&[cell(1, 2), cell(3, 5), cell(9, MOST)], spare);
        grid.settle(spare);
        grid.add(&[cell(9, 1)], spare);
        let sums = [cell(1, 2), cell(3, 15), cell(5, 1), cell(9, MOST)];
        grid.settle(spare);
        assert_eq!(grid.cells, sums);
        let mut other = Grid::default();
        other.append(grid.clone(), spare);
        assert_eq!(other.cells, sums);
        other.append(grid.clone(), spare);
        other.settle(spare);
        assert_eq!(other.cells[1], cell(3, 30));
        let values = |max_ns| -> Vec<u64> {
            let samples = grid.clone().samples(max_ns);
            samples.iter().map(|sample| sample.value_ns).collect()
        };
        assert_eq!(values(9), [1, 3, 5, 9]);
        // A useless bound, but each cell keeps its sample.
        assert_eq!(values(4), [1, 3, 5, 9]);
        let mut grid = Grid::default();
        grid.add(&[Cell::of(&Sample::exact(1_030))], spare);
        assert_eq!(grid.clone().samples(2_000)[0].value_ns, 1_039);
        assert_eq!(grid.samples(1_030)[0].value_ns, 1_030);
    }

    /// However often it is sorted, it holds at most twice as many entries as there are cells.
    #[test]
    fn bounded() {
        let (mut grid, spare) = (Grid::default(), &mut Vec::new());
        for round in 0..10_000 {
            grid.add(&[cell(round % 50, 1), cell(round % 7, 1)], spare);
            assert!(grid.cells.len() <= 2 * 50 + 34, "{}", grid.cells.len());
        }
        grid.settle(spare);
        assert_eq!(
            grid.cells.iter().map(|cell| cell.parts()).sum::<u64>(),
            20_000
        );
    }
}
