//! A snapshot of what was decoded.

use super::decode::{Decoder, RawDurations, RawFrame, RawLock, RawPoint, RawSamples, RawSite};
use super::input::Malformed;
use crate::{
    Durations, Frame, Lock, Point, ReadError, Sample, Samples, Site, Snapshot, SnapshotParts, Stack,
};

/// The snapshot in a file.
pub(crate) fn snapshot(decoder: &Decoder<'_>) -> Result<Snapshot, ReadError> {
    let points = decoder.points()?;
    let points = points.into_iter().map(|raw| decoder.whole(raw));
    let points = points.collect::<Result<_, _>>()?;
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
        merged: head.merged,
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

    fn whole(&self, mut raw: RawPoint<'_>) -> Result<Point, Malformed> {
        let mut callers = Vec::new();
        while let Some(stack) = raw.callers.next()? {
            let frames = stack
                .frames
                .iter()
                .filter_map(|number| self.frames.get(*number));
            callers.push(Stack {
                frames: frames.map(|raw| self.frame(*raw)).collect(),
                waits: stack.waits,
                wait_ns: stack.wait_ns,
                samples: stack.samples,
            });
        }
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
        Ok(Point {
            acquisitions,
            contentions,
            try_failures,
            timeouts,
            cancellations,
            vain_wait_ns,
            blocked,
            caused_wait_ns,
            caused_variance: raw.caused_variance,
            wait: whole_durations(&raw.wait)?,
            hold: whole_durations(&raw.hold)?,
            callers,
            ..Point::new(lock, raw.mode, self.site(raw.site))
        })
    }
}

fn whole_durations(raw: &RawDurations<'_>) -> Result<Durations, Malformed> {
    let [samples, total_ns, events, unmeasured, max_ns] = raw.counters;
    Ok(Durations {
        samples,
        total_ns,
        total_variance: raw.total_variance,
        events,
        unmeasured,
        max_ns,
        reservoir: whole_samples(raw.reservoir)?,
        recent: whole_samples(raw.recent)?,
    })
}

fn whole_samples(mut raw: RawSamples<'_>) -> Result<Samples, Malformed> {
    if raw.len() == 0 {
        return Ok(Samples::default());
    }
    let mut samples: Vec<Sample> = Vec::with_capacity(raw.len());
    while let Some(sample) = raw.next()? {
        samples.push(sample);
    }
    Ok(samples.into())
}
