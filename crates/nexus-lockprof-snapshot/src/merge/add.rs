//! Adds points to a merge.

use super::Merge;
use super::point::{Counts, Key, Merged, Place};
use super::scratch::Scratch;
use super::texts::Texts;
use crate::binary::{RawFrame, RawLock, RawPoint, RawSite, Room};
use crate::{Durations, Frame, Lock, Point, Site, Text, point};

impl Merge {
    /// Adds a point of a snapshot.
    pub(super) fn point(&mut self, point: &Point) {
        let key = self.whole_key(point.key());
        let stacks: Vec<(Vec<usize>, Counts)> = point
            .callers
            .iter()
            .map(|stack| {
                let frames = stack.frames.iter().map(|frame| self.whole_frame(frame));
                (frames.collect(), stack.figures())
            })
            .collect();
        let (merged, scratch, lost) = self.merged(key);
        merged.sums(&point.figures(), point.caused_variance);
        for (merged, durations) in [
            (&mut merged.wait, &point.wait),
            (&mut merged.hold, &point.hold),
        ] {
            if *durations != Durations::default() {
                let merged = merged.get_or_insert_default();
                merged.sums(&durations.figures(), durations.total_variance);
                merged.samples(&durations.reservoir, &durations.recent, scratch);
                merged.buckets(durations.histogram.each());
            }
        }
        for (frames, counts) in stacks {
            merged.add_stack(frames, &counts, lost);
        }
    }

    /// The key of a point, or of an edge's end, in this merge's numbers.
    pub(super) fn whole_key(&mut self, (lock, mode, site): point::Key<'_>) -> Key {
        let of_site = |texts: &mut Texts, site: &Site| RawSite {
            file: texts.number(&site.file),
            line: site.line,
            column: site.column,
        };
        let texts = &mut self.texts;
        Key {
            lock: match lock {
                Lock::Anonymous => RawLock::Anonymous,
                Lock::Named(name) => RawLock::Named(texts.number(name)),
                Lock::Created(created) => RawLock::Created(of_site(texts, created)),
                Lock::FirstUsed(used) => RawLock::FirstUsed(of_site(texts, used)),
            },
            mode,
            site: of_site(texts, site),
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

    /// Adds a point of a file.
    pub(super) fn raw_point(&mut self, raw: &RawPoint, room: &Room, place: &Place) {
        let key = place.key(raw.lock, raw.mode, raw.site);
        let (merged, scratch, lost) = self.merged(key);
        merged.sums(&raw.figures, raw.caused_variance);
        for (merged, raw) in [(&mut merged.wait, &raw.wait), (&mut merged.hold, &raw.hold)] {
            if raw.is_nothing() {
                continue;
            }
            let merged = merged.get_or_insert_default();
            let samples = |range: &std::ops::Range<usize>| {
                room.samples.get(range.clone()).unwrap_or_default()
            };
            merged.sums(&raw.figures, raw.total_variance);
            merged.samples(samples(&raw.reservoir), samples(&raw.recent), scratch);
            let buckets = room.buckets.get(raw.histogram.clone());
            merged.buckets(buckets.unwrap_or_default().iter().copied());
        }
        for stack in room.stacks.get(raw.callers.clone()).unwrap_or_default() {
            let numbers = room.stack_frames.get(stack.frames.clone());
            let frames = place.frames(numbers.unwrap_or_default());
            merged.add_stack(frames, &stack.figures, lost);
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
            let place = (place != key).then(|| Box::new(place));
            self.points.push(Merged::new(key, place));
        }
        let merged = &mut self.points[number];
        if *merged.place() != place {
            merged.place = None;
        }
        (merged, &mut self.scratch, &mut self.lost_stacks)
    }

    /// Adds a point of another merge.
    pub(super) fn append_point(&mut self, other: Merged, place: &Place) {
        let Key { lock, mode, site } = *other.place();
        let (merged, scratch, lost) = self.merged(place.key(lock, mode, site));
        merged.sums(&other.figures, other.caused_variance);
        for (merged, other) in [
            (&mut merged.wait, other.wait),
            (&mut merged.hold, other.hold),
        ] {
            if let Some(other) = other {
                merged.get_or_insert_default().append(*other, scratch);
            }
        }
        for (numbers, counts) in other.callers.into_iter().flat_map(|callers| *callers) {
            merged.add_stack(place.frames(&numbers), &counts, lost);
        }
    }
}
