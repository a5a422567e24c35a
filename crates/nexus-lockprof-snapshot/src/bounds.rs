//! Limits on a snapshot's size. No real profile comes near them; they stop files crafted to be
//! costly to read.
//!
//! The limit is on what a file unfolds to, since one byte of it may refer to a text of any length.

use crate::binary::Malformed;
use crate::{
    Edge, Frame, Histogram, Instance, LockPair, PastPoint, Point, Sample, Stack, ThreadRow, Waiter,
};

/// Maximum size of a file or stream, in bytes.
pub(crate) const BYTES: u64 = 1 << 30;

/// Maximum number of points. One process has at most 65,536.
pub(crate) const POINTS: u64 = 1 << 22;

/// Maximum number of edges. One process has at most 65,536, and one more for each point.
pub(crate) const EDGES: u64 = 1 << 22;

/// Maximum memory of a snapshot, in bytes.
const MEMORY: u64 = 4 << 30;

/// Maximum ratio of the unfolded size, with the texts of each point and frame written out, to the
/// file's size. A real file of mostly call stacks has about 100.
const UNFOLDED: u64 = 1024;
/// Smaller files count as this large.
const SMALL: u64 = 1 << 20;

/// The unfolded size of a file so far.
#[derive(Clone, Debug)]
pub(crate) struct Unfolded {
    points: u64,
    edges: u64,
    memory: u64,
    written: u64,
    most_written: u64,
}

impl Unfolded {
    /// For a file of `size` bytes.
    pub(crate) fn of(size: usize) -> Self {
        Self {
            points: 0,
            edges: 0,
            memory: 0,
            written: 0,
            most_written: UNFOLDED * SMALL.max(size as u64),
        }
    }

    /// Adds a point with `texts` bytes of its own texts.
    pub(crate) fn point(&mut self, samples: usize, texts: usize) {
        self.points += 1;
        self.add::<Point>(1, texts);
        self.add::<Sample>(samples, 0);
    }

    /// Adds a histogram in which this many buckets are not empty.
    pub(crate) fn histogram(&mut self, buckets: usize) {
        if buckets != 0 {
            self.add::<u64>(Histogram::BUCKETS, 0);
        }
    }

    /// Adds an edge whose ends have `texts` bytes of texts.
    pub(crate) fn edge(&mut self, texts: usize) {
        self.edges += 1;
        self.add::<Edge>(1, texts);
    }

    /// Adds a waiter with `texts` bytes of texts.
    pub(crate) fn waiter(&mut self, texts: usize) {
        self.add::<Waiter>(1, texts);
    }

    /// Adds a point of a past interval, with `texts` bytes of texts.
    pub(crate) fn past_point(&mut self, texts: usize) {
        self.add::<PastPoint>(1, texts);
    }

    /// Adds a thread's row with `texts` bytes of texts.
    pub(crate) fn thread(&mut self, texts: usize) {
        self.add::<ThreadRow>(1, texts);
    }

    /// Adds a lock that was waited for, with `texts` bytes of texts.
    pub(crate) fn instance(&mut self, texts: usize) {
        self.add::<Instance>(1, texts);
    }

    /// Adds a pair of locks with `texts` bytes of texts.
    pub(crate) fn pair(&mut self, texts: usize) {
        self.add::<LockPair>(1, texts);
    }

    /// Adds a stack whose frames have `texts` bytes of texts.
    pub(crate) fn stack(&mut self, frames: usize, texts: u64) {
        self.add::<Stack>(1, 0);
        self.add::<Frame>(frames, 0);
        self.written = self.written.saturating_add(texts);
    }

    fn add<T>(&mut self, count: usize, texts: usize) {
        let memory = (count as u64).saturating_mul(size_of::<T>() as u64);
        self.memory = self.memory.saturating_add(memory);
        self.written = self.written.saturating_add(memory + texts as u64);
    }

    /// Fails if a limit is exceeded.
    pub(crate) fn check(&self) -> Result<(), Malformed> {
        let too_large = |what, limit| Err(Malformed::TooLarge { what, limit });
        if self.points > POINTS {
            return too_large("points", POINTS);
        }
        if self.edges > EDGES {
            return too_large("edges", EDGES);
        }
        if self.memory > MEMORY {
            return too_large("bytes, unfolded", MEMORY);
        }
        if self.written > self.most_written {
            return too_large("bytes, unfolded", self.most_written);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(unfolded: &Unfolded) -> Option<(&'static str, u64)> {
        match unfolded.check() {
            Err(Malformed::TooLarge { what, limit }) => Some((what, limit)),
            _ => None,
        }
    }

    #[test]
    fn points_are_bounded() {
        let mut unfolded = Unfolded::of(1 << 30);
        for _ in 0..POINTS {
            unfolded.point(0, 0);
        }
        assert_eq!(limit(&unfolded), None);
        unfolded.point(0, 0);
        assert_eq!(limit(&unfolded), Some(("points", POINTS)));
    }

    #[test]
    fn memory_is_bounded_whatever_the_size() {
        let mut unfolded = Unfolded::of(1 << 30);
        let most = (MEMORY / size_of::<Sample>() as u64) as usize - size_of::<Point>();
        unfolded.point(most, 0);
        assert_eq!(limit(&unfolded), None);
        unfolded.stack(most, 0);
        assert_eq!(limit(&unfolded), Some(("bytes, unfolded", MEMORY)));
    }

    #[test]
    fn texts_are_bounded_by_the_size() {
        for (size, most) in [(7, 1 << 30), (3 << 20, 3 << 30)] {
            let mut unfolded = Unfolded::of(size);
            let others = size_of::<Stack>() + size_of::<PastPoint>() + 9;
            unfolded.stack(0, most - others as u64);
            unfolded.past_point(9);
            assert_eq!(limit(&unfolded), None);
            unfolded.point(0, 0);
            assert_eq!(limit(&unfolded), Some(("bytes, unfolded", most)));
        }
    }
}
