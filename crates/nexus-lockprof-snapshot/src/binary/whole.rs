//! Makes a snapshot from a decoded file.

use super::decode::{Decoder, RawDurations, RawLock, RawPoint, RawSite, Room};
use super::edges::RawEdges;
use crate::text::Pool;
use crate::{
    Durations, Edge, EdgeEnd, Frame, Lock, Point, ReadError, Samples, Site, Snapshot, Stack, Text,
};
use std::ops::Range;
use std::sync::Arc;

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
    let edges = names.edges(&decoder.edges()?);
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
        let texts: Vec<Text> = decoder.texts.iter().map(|text| pool.get(text)).collect();
        let text = |number: Option<usize>| number.and_then(|number| texts.get(number)).cloned();
        let frames = decoder.frames.iter().map(|raw| Frame {
            function: text(raw.function),
            file: text(raw.file),
            line: raw.line,
            address: raw.address,
        });
        Self {
            frames: frames.collect(),
            texts,
        }
    }

    /// A text. The decoder has checked its number.
    fn text(&self, number: usize) -> Text {
        self.texts.get(number).cloned().unwrap_or_default()
    }

    fn site(&self, raw: RawSite) -> Site {
        Site::new(self.text(raw.file), raw.line, raw.column)
    }

    fn lock(&self, raw: RawLock) -> Lock {
        match raw {
            RawLock::Anonymous => Lock::Anonymous,
            RawLock::Named(name) => Lock::Named(self.text(name)),
            RawLock::Created(site) => Lock::Created(self.site(site)),
            RawLock::FirstUsed(site) => Lock::FirstUsed(self.site(site)),
        }
    }

    fn edges(&self, raw: &RawEdges) -> Vec<Edge> {
        let ends: Vec<EdgeEnd> = raw
            .ends
            .iter()
            .map(|end| EdgeEnd {
                lock: self.lock(end.lock),
                mode: end.mode,
                site: self.site(end.site),
            })
            .collect();
        let edges = raw.edges.iter().filter_map(|edge| {
            // The decoder has checked the numbers.
            let waiting = match edge.waiting {
                Some(end) => Some(ends.get(end)?.clone()),
                None => None,
            };
            let edge_of = Edge {
                waiting,
                holding: ends.get(edge.holding)?.clone(),
                waits: 0,
                waited_ns: 0,
            };
            Some(edge_of.with_figures(edge.figures))
        });
        edges.collect()
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
        Point {
            caused_variance: raw.caused_variance,
            wait: whole_durations(&raw.wait, room),
            hold: whole_durations(&raw.hold, room),
            callers,
            ..Point::new(self.lock(raw.lock), raw.mode, self.site(raw.site))
        }
        .with_figures(raw.figures)
    }
}

fn whole_durations(raw: &RawDurations, room: &Room) -> Durations {
    let whole = |range: &Range<usize>| match room.samples.get(range.clone()) {
        None | Some([]) => Samples::default(),
        Some(samples) => Samples::from(Arc::from(samples)),
    };
    Durations {
        total_variance: raw.total_variance,
        reservoir: whole(&raw.reservoir),
        recent: whole(&raw.recent),
        ..Durations::default()
    }
    .with_figures(raw.figures)
}
