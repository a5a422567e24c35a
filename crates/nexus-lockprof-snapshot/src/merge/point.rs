//! A point during a merge.

use super::grid::Grid;
use super::scratch::Scratch;
use super::texts::Texts;
use crate::binary::{RawFrame, RawLock, RawSite};
use crate::json::variance;
use crate::{AcquireMode, Durations, Edge, Histogram, Point, Sample, Stack, durations, figure};
use std::collections::HashMap;

/// The key by which two records are of one point. Paths are [portable](crate::portable_path), so a
/// machine that keeps its crates elsewhere has the same points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) lock: RawLock,
    pub(super) mode: AcquireMode,
    pub(super) site: RawSite,
}

impl Key {
    /// The key with portable paths.
    pub(super) fn portable(self, texts: &Texts) -> Self {
        let site = |site: RawSite| site.renumber(|file| texts.portable(file));
        let lock = match self.lock {
            RawLock::Created(created) => RawLock::Created(site(created)),
            RawLock::FirstUsed(used) => RawLock::FirstUsed(site(used)),
            lock => lock,
        };
        Self {
            lock,
            site: site(self.site),
            ..self
        }
    }
}

/// The edges of a merge, by the keys of their ends, with portable paths.
pub(super) type Edges = HashMap<(Option<Key>, Key), EdgeFigures>;

/// The figures of an edge.
pub(super) type EdgeFigures = [u64; Edge::FIGURES.len()];

/// The sums of a point.
#[derive(Debug)]
pub(super) struct Merged {
    /// With portable paths.
    pub(super) key: Key,
    /// The records' own key, if all agree on it and it differs from `key`.
    pub(super) place: Option<Box<Key>>,
    pub(super) figures: [u64; Point::FIGURES.len()],
    pub(super) caused_variance: f64,
    // Boxed, because most of a million points have neither.
    pub(super) wait: Option<Box<MergedDurations>>,
    pub(super) hold: Option<Box<MergedDurations>>,
    pub(super) callers: Option<Box<Callers>>,
}

/// Keyed by the numbers of the frames.
type Callers = HashMap<Vec<usize>, Counts>;

/// The figures of a stack.
pub(super) type Counts = [u64; Stack::FIGURES.len()];

#[derive(Debug, Default)]
pub(super) struct MergedDurations {
    figures: [u64; Durations::FIGURES.len()],
    total_variance: f64,
    reservoir: Grid,
    recent: Grid,
    histogram: Histogram,
}

/// The merge's numbers for the texts and frames of a file or of another merge.
pub(super) struct Place {
    pub(super) texts: Vec<usize>,
    pub(super) frames: Vec<usize>,
}

impl Place {
    pub(super) fn text(&self, number: usize) -> usize {
        // The decoder has checked the numbers.
        self.texts.get(number).copied().unwrap_or_default()
    }

    pub(super) fn key(&self, lock: RawLock, mode: AcquireMode, site: RawSite) -> Key {
        Key {
            lock: lock.renumber(|number| self.text(number)),
            mode,
            site: site.renumber(|number| self.text(number)),
        }
    }

    pub(super) fn frames(&self, numbers: &[usize]) -> Vec<usize> {
        let frames = numbers.iter().filter_map(|number| self.frames.get(*number));
        frames.copied().collect()
    }
}

/// Makes the path portable. Drops the address, which differs between processes, if a function or a
/// line identifies the frame. With a file of code alone, the address is relative to that file.
pub(super) fn portable(frame: RawFrame, texts: &Texts) -> RawFrame {
    let is_known = frame.function.is_some() || frame.line.is_some();
    RawFrame {
        file: frame.file.map(|file| texts.portable(file)),
        address: if is_known { 0 } else { frame.address },
        ..frame
    }
}

/// Maximum number of stacks of a merged point. A thread's table has room for 256, for all its
/// points.
pub(super) const MOST_STACKS: usize = 1024;

impl Merged {
    pub(super) fn new(key: Key, place: Option<Box<Key>>) -> Self {
        Self {
            key,
            place,
            figures: [0; Point::FIGURES.len()],
            caused_variance: 0.0,
            wait: None,
            hold: None,
            callers: None,
        }
    }

    pub(super) fn sums(&mut self, figures: &[u64; Point::FIGURES.len()], caused_variance: f64) {
        figure::merge(&Point::FIGURES, &mut self.figures, figures);
        self.caused_variance = variance::sum(self.caused_variance, caused_variance);
    }

    pub(super) fn place(&self) -> &Key {
        self.place.as_deref().unwrap_or(&self.key)
    }

    /// Drops all but the longest waits if there are too many. Callers that add stacks one by one
    /// leave some room, so that this is rare.
    pub(super) fn bound(&mut self, most: usize, lost: &mut u64) {
        let Some(callers) = self.callers.as_mut().filter(|callers| callers.len() > most) else {
            return;
        };
        let mut stacks: Vec<(Vec<usize>, Counts)> = callers.drain().collect();
        stacks.sort_unstable_by(|(a, [a_waits, a_ns, _]), (b, [b_waits, b_ns, _])| {
            (b_ns, b_waits).cmp(&(a_ns, a_waits)).then_with(|| a.cmp(b))
        });
        for (_, [_, _, samples]) in stacks.drain(MOST_STACKS.min(stacks.len())..) {
            *lost = lost.saturating_add(samples);
        }
        **callers = stacks.into_iter().collect();
    }

    pub(super) fn add_stack(&mut self, frames: Vec<usize>, counts: &Counts, lost: &mut u64) {
        let callers = self.callers.get_or_insert_default();
        let sums = callers.entry(frames).or_default();
        figure::merge(&Stack::FIGURES, sums, counts);
        self.bound(ROOM_FOR_STACKS, lost);
    }

    /// Renumbers the frames of all stacks.
    pub(super) fn renumber(&mut self, mut to: impl FnMut(usize) -> Option<usize>) {
        if let Some(callers) = &mut self.callers {
            **callers = callers
                .drain()
                .map(|(frames, counts)| (frames.into_iter().filter_map(&mut to).collect(), counts))
                .collect();
        }
    }
}

/// Maximum number of a point's stacks while more are added.
const ROOM_FOR_STACKS: usize = 2 * MOST_STACKS;

/// What points refer to by number, once all texts are known.
pub(super) struct Names {
    pub(super) texts: Texts,
    pub(super) frames: Vec<RawFrame>,
}

impl Names {
    /// Turns the merged point into a snapshot's.
    pub(super) fn whole(&self, merged: Merged) -> Point {
        let text = |number| self.texts.get(number);
        let frame = |number: &usize| self.frames.get(*number).map(|raw| raw.whole(text));
        let place = *merged.place();
        let callers = merged.callers.iter().flat_map(|callers| callers.iter());
        let callers = callers.map(|(frames, counts)| {
            Stack {
                frames: frames.iter().filter_map(frame).collect(),
                ..Stack::default()
            }
            .with_figures(*counts)
        });
        Point {
            caused_variance: merged.caused_variance,
            callers: callers.collect(),
            wait: whole(merged.wait),
            hold: whole(merged.hold),
            ..Point::new(place.lock.whole(text), place.mode, place.site.whole(text))
        }
        .with_figures(merged.figures)
    }
}

fn whole(merged: Option<Box<MergedDurations>>) -> Durations {
    merged.map(|merged| merged.whole()).unwrap_or_default()
}

impl MergedDurations {
    pub(super) fn samples(
        &mut self,
        reservoir: &[Sample],
        recent: &[Sample],
        scratch: &mut Scratch,
    ) {
        for (grid, samples) in [(&mut self.reservoir, reservoir), (&mut self.recent, recent)] {
            if !samples.is_empty() {
                scratch.fill(samples);
                grid.add(&scratch.cells, &mut scratch.spare);
            }
        }
    }

    pub(super) fn append(&mut self, other: Self, scratch: &mut Scratch) {
        self.sums(&other.figures, other.total_variance);
        self.reservoir.append(other.reservoir, &mut scratch.spare);
        self.recent.append(other.recent, &mut scratch.spare);
        self.histogram.merge(&other.histogram);
    }

    pub(super) fn buckets(&mut self, buckets: impl IntoIterator<Item = (usize, u64)>) {
        for (index, weight) in buckets {
            self.histogram.add(index, weight);
        }
    }

    pub(super) fn sums(&mut self, figures: &[u64; Durations::FIGURES.len()], total_variance: f64) {
        durations::merge(&mut self.figures, figures);
        self.total_variance = variance::sum(self.total_variance, total_variance);
    }

    fn whole(self) -> Durations {
        let sums = Durations::default().with_figures(self.figures);
        Durations {
            total_variance: self.total_variance,
            reservoir: self.reservoir.samples(sums.max_ns),
            recent: self.recent.samples(sums.max_ns),
            histogram: self.histogram,
            ..sums
        }
    }
}
