//! What a file holds, with texts, frames, samples and stacks by number.

use crate::{AcquireMode, Durations, Frame, Lock, Point, Sample, Site, Stack, Text};
use std::ops::Range;

/// Points of a file, and their lists, concatenated.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) points: Vec<RawPoint>,
    pub(crate) samples: Vec<Sample>,
    /// Numbers and weights of the buckets of histograms.
    pub(crate) buckets: Vec<(usize, u64)>,
    pub(crate) stacks: Vec<RawStack>,
    /// Frames of stacks, by number.
    pub(crate) stack_frames: Vec<usize>,
}

impl Room {
    pub(crate) fn clear(&mut self) {
        self.points.clear();
        self.samples.clear();
        self.buckets.clear();
        self.stacks.clear();
        self.stack_frames.clear();
    }
}

/// A frame; its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawFrame {
    pub(crate) function: Option<usize>,
    pub(crate) file: Option<usize>,
    pub(crate) line: Option<u32>,
    pub(crate) address: u64,
}

impl RawFrame {
    /// The same frame with other numbers for its texts.
    pub(crate) fn renumber(self, number: impl Fn(usize) -> usize) -> Self {
        Self {
            function: self.function.map(&number),
            file: self.file.map(&number),
            ..self
        }
    }

    pub(crate) fn whole(&self, text: impl Fn(usize) -> Text) -> Frame {
        Frame {
            function: self.function.map(&text),
            file: self.file.map(&text),
            line: self.line,
            address: self.address,
        }
    }
}

/// A site; its file by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawSite {
    pub(crate) file: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl RawSite {
    /// The same site with another number for its file.
    pub(crate) fn renumber(self, number: impl Fn(usize) -> usize) -> Self {
        Self {
            file: number(self.file),
            ..self
        }
    }

    pub(crate) fn whole(self, text: impl Fn(usize) -> Text) -> Site {
        Site::new(text(self.file), self.line, self.column)
    }
}

/// A lock class; its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RawLock {
    Anonymous,
    Named(usize),
    Created(RawSite),
    FirstUsed(RawSite),
}

impl RawLock {
    /// The same class with other numbers for its texts.
    pub(crate) fn renumber(self, number: impl Fn(usize) -> usize) -> Self {
        match self {
            Self::Anonymous => Self::Anonymous,
            Self::Named(name) => Self::Named(number(name)),
            Self::Created(site) => Self::Created(site.renumber(number)),
            Self::FirstUsed(site) => Self::FirstUsed(site.renumber(number)),
        }
    }

    pub(crate) fn whole(self, text: impl Fn(usize) -> Text) -> Lock {
        match self {
            Self::Anonymous => Lock::Anonymous,
            Self::Named(name) => Lock::Named(text(name)),
            Self::Created(site) => Lock::Created(site.whole(text)),
            Self::FirstUsed(site) => Lock::FirstUsed(site.whole(text)),
        }
    }
}

/// A point; its texts by number.
#[derive(Clone, Debug)]
pub(crate) struct RawPoint {
    pub(crate) lock: RawLock,
    pub(crate) mode: AcquireMode,
    pub(crate) site: RawSite,
    pub(crate) figures: [u64; Point::FIGURES.len()],
    pub(crate) caused_variance: f64,
    pub(crate) wait: RawDurations,
    pub(crate) hold: RawDurations,
    /// Index range in the [`Room`]'s stacks.
    pub(crate) callers: Range<usize>,
}

/// Durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawDurations {
    pub(crate) figures: [u64; Durations::FIGURES.len()],
    pub(crate) total_variance: f64,
    /// Index range in the [`Room`]'s samples, which ascend by value.
    pub(crate) reservoir: Range<usize>,
    pub(crate) recent: Range<usize>,
    /// Index range in the [`Room`]'s buckets.
    pub(crate) histogram: Range<usize>,
}

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct RawStack {
    pub(crate) figures: [u64; Stack::FIGURES.len()],
    /// Index range in the [`Room`]'s frames.
    pub(crate) frames: Range<usize>,
}

impl RawDurations {
    /// Whether everything is zero or empty.
    pub(crate) fn is_nothing(&self) -> bool {
        self.figures == [0; Durations::FIGURES.len()]
            && self.total_variance == 0.0
            && self.reservoir.is_empty()
            && self.recent.is_empty()
            && self.histogram.is_empty()
    }
}
