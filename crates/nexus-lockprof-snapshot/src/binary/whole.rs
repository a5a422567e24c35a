//! A snapshot of what was decoded.

use super::decode::{Decoder, RawDurations, RawFrame, RawLock, RawPoint, RawSite, Room};
use crate::{
    Durations, Frame, Lock, Point, ReadError, Samples, Site, Snapshot, SnapshotParts, Stack,
};
use std::ops::Range;
use std::sync::Arc;

/// The snapshot in a file.
pub(crate) fn snapshot(decoder: &Decoder<'_>) -> Result<Snapshot, ReadError> {
    let mut room = Room::default();
    decoder.points(&mut room)?;
    let points = room.points.iter().map(|raw| decoder.whole(raw, &room));
    let points = points.collect();
    let head = &decoder.head;
    let snapshot = Snapshot::from_parts(SnapshotParts {
        engine: head.engine,
        collection: head.collection,
        resets: head.resets,
        taken_unix_ns: head.taken_unix_ns,
        elapsed_ns: head.elapsed_ns,
        pid: head.pid,
        mode: head.mode,
        points,
        table: head.table,
        losses: head.losses,
        overhead: head.overhead,
    });
    Ok(Snapshot {
        base: head.base,
        glance: head.glance,
        merged: head.merged,
        incomplete: head.incomplete,
        ..snapshot
    })
}

impl Decoder<'_> {
    /// A text. Numbers were checked when they were read.
    pub(crate) fn text(&self, number: usize) -> &str {
        self.texts.get(number).copied().unwrap_or_default()
    }

    fn site(&self, raw: RawSite) -> Site {
        Site::new(self.text(raw.file), raw.line, raw.column)
    }

    /// A frame.
    pub(crate) fn frame(&self, raw: RawFrame) -> Frame {
        let text = |number: Option<usize>| number.map(|number| self.text(number).to_owned());
        Frame {
            function: text(raw.function),
            file: text(raw.file),
            line: raw.line,
            address: raw.address,
        }
    }

    fn whole(&self, raw: &RawPoint, room: &Room) -> Point {
        let stacks = room.stacks.get(raw.callers.clone()).unwrap_or_default();
        let callers = stacks.iter().map(|stack| {
            let numbers = room.stack_frames.get(stack.frames.clone());
            let numbers = numbers.unwrap_or_default().iter();
            let frames = numbers.filter_map(|number| self.frames.get(*number));
            Stack {
                frames: frames.map(|raw| self.frame(*raw)).collect(),
                waits: stack.waits,
                wait_ns: stack.wait_ns,
                samples: stack.samples,
            }
        });
        let callers = callers.collect();
        let lock = match raw.lock {
            RawLock::Anonymous => Lock::Anonymous,
            RawLock::Named(name) => Lock::Named(self.text(name).to_owned()),
            RawLock::Created(site) => Lock::Created(self.site(site)),
        };
        let [
            acquisitions,
            contentions,
            try_failures,
            timeouts,
            cancellations,
            vain_wait_ns,
            blocked,
            caused_wait_ns,
        ] = raw.counters;
        Point {
            acquisitions,
            contentions,
            try_failures,
            timeouts,
            cancellations,
            vain_wait_ns,
            blocked,
            caused_wait_ns,
            caused_variance: raw.caused_variance,
            wait: whole_durations(&raw.wait, room),
            hold: whole_durations(&raw.hold, room),
            callers,
            ..Point::new(lock, raw.mode, self.site(raw.site))
        }
    }
}

fn whole_durations(raw: &RawDurations, room: &Room) -> Durations {
    let [samples, total_ns, events, unmeasured, max_ns] = raw.counters;
    let whole = |range: &Range<usize>| match room.samples.get(range.clone()) {
        None | Some([]) => Samples::default(),
        Some(samples) => Samples::from(Arc::from(samples)),
    };
    Durations {
        samples,
        total_ns,
        total_variance: raw.total_variance,
        events,
        unmeasured,
        max_ns,
        reservoir: whole(&raw.reservoir),
        recent: whole(&raw.recent),
        longest_sampled_ns: raw.longest_sampled_ns,
        at_most_ns: raw.at_most_ns,
    }
}
