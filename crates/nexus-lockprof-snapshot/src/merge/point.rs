//! A point during a merge.

use super::{Cell, Grid, Merge, Scratch};
use crate::binary::{RawFrame, RawLock, RawPoint, RawSite, Room};
use crate::durations::AtMost;
use crate::figure;
use crate::json::variance;
use crate::{AcquireMode, Durations, Frame, Lock, Point, Sample, Site, Stack, Text};
use std::collections::HashMap;

/// The key by which two records are of one point. Paths are [portable](crate::portable_path), so a
/// machine that keeps its crates elsewhere has the same points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    lock: RawLock,
    mode: AcquireMode,
    site: RawSite,
}

impl Key {
    /// The key with portable paths.
    fn portable(self, texts: &super::Texts) -> Self {
        let site = |site: RawSite| RawSite {
            file: texts.portable(site.file),
            ..site
        };
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

/// The sums of a point.
#[derive(Debug)]
pub(super) struct Merged {
    /// With portable paths.
    key: Key,
    /// The records' own key, if all agree on it and it differs from `key`.
    place: Option<Box<Key>>,
    figures: [u64; Point::FIGURES.len()],
    caused_variance: f64,
    // Boxed, because most of a million points have neither.
    wait: Option<Box<MergedDurations>>,
    hold: Option<Box<MergedDurations>>,
    callers: Option<Box<Callers>>,
}

/// Keyed by the numbers of the frames.
type Callers = HashMap<Vec<usize>, Counts>;

/// The figures of a stack.
type Counts = [u64; Stack::FIGURES.len()];

#[derive(Debug, Default)]
struct MergedDurations {
    /// All figures except `at_most_ns`.
    figures: [u64; Durations::FIGURES.len()],
    total_variance: f64,
    at_most: AtMost,
    reservoir: Grid,
    recent: Grid,
}

/// The merge's numbers for a file's texts.
pub(super) struct Place<'a> {
    pub(super) texts: &'a [usize],
}

impl Place<'_> {
    fn text(&self, number: usize) -> usize {
        // The decoder has checked the numbers.
        self.texts.get(number).copied().unwrap_or_default()
    }

    fn site(&self, site: RawSite) -> RawSite {
        RawSite {
            file: self.text(site.file),
            ..site
        }
    }

    fn lock(&self, lock: RawLock) -> RawLock {
        match lock {
            RawLock::Anonymous => RawLock::Anonymous,
            RawLock::Named(name) => RawLock::Named(self.text(name)),
            RawLock::Created(site) => RawLock::Created(self.site(site)),
            RawLock::FirstUsed(site) => RawLock::FirstUsed(self.site(site)),
        }
    }

    pub(super) fn frame(&self, frame: RawFrame) -> RawFrame {
        RawFrame {
            function: frame.function.map(|text| self.text(text)),
            file: frame.file.map(|text| self.text(text)),
            ..frame
        }
    }
}

/// Makes the path portable. Drops the address, which differs between processes, if anything else
/// identifies the frame.
pub(super) fn portable(frame: RawFrame, texts: &super::Texts) -> RawFrame {
    let is_known = frame.function.is_some() || frame.file.is_some();
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
    fn place(&self) -> &Key {
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

    fn add_stack(&mut self, frames: Vec<usize>, counts: &Counts, lost: &mut u64) {
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

impl Merge {
    /// Adds a point of a snapshot.
    pub(super) fn point(&mut self, point: &Point) {
        let site = |texts: &mut super::Texts, site: &Site| RawSite {
            file: texts.number(&site.file),
            line: site.line,
            column: site.column,
        };
        let lock = match &point.lock {
            Lock::Anonymous => RawLock::Anonymous,
            Lock::Named(name) => RawLock::Named(self.texts.number(name)),
            Lock::Created(created) => RawLock::Created(site(&mut self.texts, created)),
            Lock::FirstUsed(used) => RawLock::FirstUsed(site(&mut self.texts, used)),
        };
        let key = Key {
            lock,
            mode: point.mode,
            site: site(&mut self.texts, &point.site),
        };
        let stacks: Vec<(Vec<usize>, Counts)> = point
            .callers
            .iter()
            .map(|stack| {
                let frames = stack.frames.iter().map(|frame| self.whole_frame(frame));
                (frames.collect(), stack.figures())
            })
            .collect();
        let (merged, scratch, lost) = self.merged(key);
        figure::merge(&Point::FIGURES, &mut merged.figures, &point.figures());
        merged.caused_variance = variance::sum(merged.caused_variance, point.caused_variance);
        for (merged, durations) in [
            (&mut merged.wait, &point.wait),
            (&mut merged.hold, &point.hold),
        ] {
            if *durations != Durations::default() {
                merged.get_or_insert_default().add(durations, scratch);
            }
        }
        for (frames, counts) in stacks {
            merged.add_stack(frames, &counts, lost);
        }
    }

    fn whole_frame(&mut self, frame: &Frame) -> usize {
        let mut text = |text: &Option<Text>| text.as_ref().map(|text| self.texts.number(text));
        let frame = RawFrame {
            function: text(&frame.function),
            file: text(&frame.file),
            line: frame.line,
            address: frame.address,
        };
        self.frame(frame)
    }

    /// Adds a point of a file. `frames` has the merge's numbers for the file's frames.
    pub(super) fn raw_point(
        &mut self,
        raw: &RawPoint,
        room: &Room,
        place: &Place<'_>,
        frames: &[usize],
    ) {
        let key = Key {
            lock: place.lock(raw.lock),
            mode: raw.mode,
            site: place.site(raw.site),
        };
        let (merged, scratch, lost) = self.merged(key);
        figure::merge(&Point::FIGURES, &mut merged.figures, &raw.figures);
        merged.caused_variance = variance::sum(merged.caused_variance, raw.caused_variance);
        for (merged, raw) in [(&mut merged.wait, &raw.wait), (&mut merged.hold, &raw.hold)] {
            if raw.is_nothing() {
                continue;
            }
            let merged = merged.get_or_insert_default();
            let samples = |range: &std::ops::Range<usize>| {
                room.samples.get(range.clone()).unwrap_or_default()
            };
            merged.sums(&raw.figures, raw.total_variance, AtMost::of(raw.figures));
            merged.samples(samples(&raw.reservoir), samples(&raw.recent), scratch);
        }
        for stack in room.stacks.get(raw.callers.clone()).unwrap_or_default() {
            let numbers = room.stack_frames.get(stack.frames.clone());
            let numbers = numbers.unwrap_or_default().iter();
            let numbers = numbers.filter_map(|number| frames.get(*number)).copied();
            merged.add_stack(numbers.collect(), &stack.figures, lost);
        }
    }

    fn merged(&mut self, place: Key) -> (&mut Merged, &mut Scratch, &mut u64) {
        let key = place.portable(&self.texts);
        // Most snapshots have the same points as the previous ones, and files have them in order.
        let is_expected = |point: &Merged| point.key == key;
        let next = self.points.len();
        let number = match self.points.get(self.expected) {
            Some(point) if is_expected(point) => self.expected,
            _ => *self.numbers.entry(key).or_insert(next),
        };
        self.expected = number + 1;
        if number == next {
            self.points.push(Merged {
                key,
                place: (place != key).then(|| Box::new(place)),
                figures: [0; Point::FIGURES.len()],
                caused_variance: 0.0,
                wait: None,
                hold: None,
                callers: None,
            });
        }
        let merged = &mut self.points[number];
        if *merged.place() != place {
            merged.place = None;
        }
        (merged, &mut self.scratch, &mut self.lost_stacks)
    }

    /// Adds a point of another merge. The arguments have this merge's numbers for its texts and
    /// frames.
    pub(super) fn append_point(&mut self, other: Merged, place: &Place<'_>, frames: &[usize]) {
        let called = other.place();
        let key = Key {
            lock: place.lock(called.lock),
            site: place.site(called.site),
            ..*called
        };
        let (merged, scratch, lost) = self.merged(key);
        figure::merge(&Point::FIGURES, &mut merged.figures, &other.figures);
        merged.caused_variance = variance::sum(merged.caused_variance, other.caused_variance);
        for (merged, other) in [
            (&mut merged.wait, other.wait),
            (&mut merged.hold, other.hold),
        ] {
            if let Some(other) = other {
                merged.get_or_insert_default().append(*other, scratch);
            }
        }
        for (numbers, counts) in other.callers.into_iter().flat_map(|callers| *callers) {
            let numbers = numbers.iter().filter_map(|number| frames.get(*number));
            merged.add_stack(numbers.copied().collect(), &counts, lost);
        }
    }
}

/// What points refer to by number, once all texts are known.
pub(super) struct Names {
    pub(super) texts: super::Texts,
    pub(super) frames: Vec<RawFrame>,
}

impl Names {
    /// Turns the merged point into a snapshot's.
    pub(super) fn whole(&self, merged: Merged) -> Point {
        let site = |raw: RawSite| Site::new(self.texts.get(raw.file), raw.line, raw.column);
        let place = *merged.place();
        let lock = match place.lock {
            RawLock::Anonymous => Lock::Anonymous,
            RawLock::Named(name) => Lock::Named(self.texts.get(name)),
            RawLock::Created(created) => Lock::Created(site(created)),
            RawLock::FirstUsed(used) => Lock::FirstUsed(site(used)),
        };
        let text = |number: Option<usize>| number.map(|number| self.texts.get(number));
        let frame = |number: &usize| {
            self.frames.get(*number).map(|raw| Frame {
                function: text(raw.function),
                file: text(raw.file),
                line: raw.line,
                address: raw.address,
            })
        };
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
            ..Point::new(lock, place.mode, site(place.site))
        }
        .with_figures(merged.figures)
    }
}

fn whole(merged: Option<Box<MergedDurations>>) -> Durations {
    merged.map(|merged| merged.whole()).unwrap_or_default()
}

impl MergedDurations {
    fn add(&mut self, other: &Durations, scratch: &mut Scratch) {
        let figures = other.figures();
        self.sums(&figures, other.total_variance, AtMost::of(figures));
        self.samples(&other.reservoir, &other.recent, scratch);
    }

    fn samples(&mut self, reservoir: &[Sample], recent: &[Sample], scratch: &mut Scratch) {
        for (grid, samples) in [(&mut self.reservoir, reservoir), (&mut self.recent, recent)] {
            if !samples.is_empty() {
                scratch.fill(samples);
                grid.add(&scratch.cells, &mut scratch.spare);
            }
        }
    }

    fn append(&mut self, other: Self, scratch: &mut Scratch) {
        self.sums(&other.figures, other.total_variance, other.at_most);
        self.reservoir.append(other.reservoir, &mut scratch.spare);
        self.recent.append(other.recent, &mut scratch.spare);
    }

    fn sums(
        &mut self,
        figures: &[u64; Durations::FIGURES.len()],
        total_variance: f64,
        at_most: AtMost,
    ) {
        figure::merge(&Durations::FIGURES, &mut self.figures, figures);
        self.total_variance = variance::sum(self.total_variance, total_variance);
        self.at_most = self.at_most.and(at_most);
    }

    fn whole(self) -> Durations {
        let sums = Durations::default().with_figures(self.figures);
        Durations {
            at_most_ns: self.at_most.ns(),
            total_variance: self.total_variance,
            reservoir: self.reservoir.samples(sums.max_ns),
            recent: self.recent.samples(sums.max_ns),
            ..sums
        }
    }
}

impl Scratch {
    /// Adds the cells of samples. Samples ascend, so their cells do too.
    fn fill(&mut self, samples: &[Sample]) {
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
