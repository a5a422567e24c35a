//! Buffers that a merge reuses.

use super::grid::Cell;
use crate::binary::Room;
use crate::sample::Sample;

/// Reusable buffers.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) cells: Vec<Cell>,
    pub(super) spare: Vec<Cell>,
    pub(super) room: Room,
}

impl Scratch {
    /// Adds the cells of samples. Samples ascend, so their cells do too.
    pub(super) fn fill(&mut self, samples: &[Sample]) {
        self.cells.clear();
        for sample in samples {
            let cell = Cell::of(sample);
            match self.cells.last_mut() {
                Some(last) if last.number() == cell.number() => last.add(cell),
                _ => self.cells.push(cell),
            }
        }
    }
}
