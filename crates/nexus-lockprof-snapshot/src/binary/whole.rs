//! Makes a snapshot from a decoded file.

use super::decode::Decoder;
use super::raw::{RawDurations, RawPoint, Room};
use crate::text::Pool;
use crate::{Durations, Frame, Histogram, Point, ReadError, Samples, Snapshot, Stack, Text};
use std::ops::Range;

/// The snapshot in a file.
pub(crate) fn snapshot(decoder: &Decoder<'_>) -> Result<Snapshot, ReadError> {
    let names = Names::of(decoder);
    // One point at a time, so that no two copies of all points exist at once.
    let mut room = Room::default();
    let mut left = decoder.points()?;
    // The count may be larger than memory allows.
    let mut points: Vec<Point> = Vec::with_capacity(left.len().min(1 << 16));
    while left.len() > 0 {
        left.read(decoder, 1, &mut room)?;
        for raw in &room.points {
            let mut point = names.whole(raw, &room);
            match points.last_mut() {
                Some(last) if point.is_small() && last.key() == point.key() => {
                    last.merge(std::slice::from_mut(&mut point));
                }
                _ => points.push(point),
            }
        }
    }
    let edges = decoder.edges()?.whole(|number| names.text(number));
    Ok(Snapshot::new(decoder.head.clone(), points, edges))
}

/// What points refer to by number.
struct Names {
    texts: Vec<Text>,
    frames: Vec<Frame>,
}

impl Names {
    fn of(decoder: &Decoder<'_>) -> Self {
        let mut pool = Pool::default();
        let mut names = Self {
            texts: decoder.texts.iter().map(|text| pool.get(text)).collect(),
            frames: Vec::new(),
        };
        let frames = decoder.frames.iter();
        names.frames = frames
            .map(|raw| raw.whole(|number| names.text(number)))
            .collect();
        names
    }

    /// A text. The decoder has checked its number.
    fn text(&self, number: usize) -> Text {
        self.texts.get(number).cloned().unwrap_or_default()
    }

    fn whole(&self, raw: &RawPoint, room: &Room) -> Point {
        let stacks = room.stacks.get(raw.callers.clone()).unwrap_or_default();
        let callers = stacks.iter().map(|stack| {
            let numbers = room.stack_frames.get(stack.frames.clone());
            let numbers = numbers.unwrap_or_default().iter();
            let frames = numbers.filter_map(|number| self.frames.get(*number));
            Stack {
                frames: frames.cloned().collect(),
                ..Stack::default()
            }
            .with_figures(stack.figures)
        });
        let callers = callers.collect();
        let text = |number| self.text(number);
        Point {
            caused_variance: raw.caused_variance,
            wait: whole_durations(&raw.wait, room),
            hold: whole_durations(&raw.hold, room),
            callers,
            ..Point::new(raw.lock.whole(text), raw.mode, raw.site.whole(text))
        }
        .with_figures(raw.figures)
    }
}

fn whole_durations(raw: &RawDurations, room: &Room) -> Durations {
    let whole = |range: &Range<usize>| {
        let samples = room.samples.get(range.clone()).unwrap_or_default();
        Samples::from(samples.to_vec())
    };
    let mut histogram = Histogram::default();
    for (index, weight) in room.buckets.get(raw.histogram.clone()).unwrap_or_default() {
        histogram.add(*index, *weight);
    }
    Durations {
        total_variance: raw.total_variance,
        reservoir: whole(&raw.reservoir),
        recent: whole(&raw.recent),
        histogram,
        ..Durations::default()
    }
    .with_figures(raw.figures)
}
