//! The two profiles of a snapshot.

use nexus_lockprof_snapshot::{Frame, Point, Snapshot, printable};

use super::comment;
use super::proto::{Label, Profile, Sample, ValueType};
use super::tables::{SourceLine, Tables};
use crate::readable::place;
use crate::waiting;

/// Name and unit of each value of a sample, in order.
const SAMPLE_TYPES: [(&str, &str); 3] = [
    ("contentions", "count"),
    ("delay", "nanoseconds"),
    ("hold", "nanoseconds"),
];
/// The event that the period counts, as in Go's profiles.
const PERIOD_TYPE: (&str, &str) = SAMPLE_TYPES[0];
const DEFAULT_SAMPLE_TYPE: &str = SAMPLE_TYPES[1].0;

/// The profile of waiters.
pub(super) fn block(snapshot: &Snapshot) -> Profile {
    let mut builder = Builder::new();
    for point in snapshot.points() {
        for share in waiting::shares(point) {
            // Holds have no recorded stacks.
            let hold_ns = if share.stack.is_none() {
                point.hold.total_ns
            } else {
                0
            };
            let frames = share.stack.map_or(&[][..], |stack| &stack.frames);
            builder.sample(point, frames, [share.contentions, share.wait_ns, hold_ns]);
        }
    }
    builder.finish(snapshot, comment::block(snapshot))
}

/// The profile of holders.
pub(super) fn mutex(snapshot: &Snapshot) -> Profile {
    let mut builder = Builder::new();
    for point in snapshot.points() {
        let values = [point.blocked, point.caused_wait_ns, point.hold.total_ns];
        builder.sample(point, &[], values);
    }
    builder.finish(snapshot, comment::mutex(snapshot))
}

struct Builder {
    tables: Tables,
    samples: Vec<Sample>,
}

impl Builder {
    fn new() -> Self {
        Self {
            tables: Tables::new(),
            samples: Vec::new(),
        }
    }

    /// Adds a sample at a point, called by `frames`, unless all its values are zero.
    fn sample(&mut self, point: &Point, frames: &[Frame], values: [u64; 3]) {
        if values == [0; 3] {
            return;
        }
        let lock = place::lock(&point.lock, place::line);
        let function = format!("{lock} at {}", place::line(&point.site));
        let file = printable(&point.site.file);
        let leaf = self.tables.location([SourceLine {
            function: &function,
            file: &file,
            line: point.site.line,
            column: point.site.column,
        }]);
        // An inlined function has its caller's address. An unknown address (0) does not mean
        // inlined.
        let around = frames.chunk_by(|a, b| a.address == b.address && a.address != 0);
        let around = around.map(|frames| self.location(frames));
        let location_id = std::iter::once(leaf)
            .chain(around.collect::<Vec<_>>())
            .collect();
        let label = [("lock", lock.as_ref()), ("mode", point.mode.as_str())];
        let label = label.map(|(key, value)| Label {
            key: self.tables.string(key),
            str: self.tables.string(value),
        });
        self.samples.push(Sample {
            location_id,
            value: values.map(signed).to_vec(),
            label: label.to_vec(),
        });
    }

    fn location(&mut self, frames: &[Frame]) -> u64 {
        let names: Vec<_> = frames
            .iter()
            .map(|frame| {
                let file = frame.file.as_deref().unwrap_or_default();
                (place::function(frame), printable(file))
            })
            .collect();
        let places = frames
            .iter()
            .zip(&names)
            .map(|(frame, (function, file))| SourceLine {
                function,
                file,
                line: frame.line.unwrap_or(0),
                column: 0,
            });
        self.tables.location(places)
    }

    fn finish(mut self, snapshot: &Snapshot, comments: Vec<String>) -> Profile {
        let mut value_type = |(name, unit)| ValueType {
            r#type: self.tables.string(name),
            unit: self.tables.string(unit),
        };
        let sample_type = SAMPLE_TYPES.map(&mut value_type).to_vec();
        let period_type = Some(value_type(PERIOD_TYPE));
        let default_sample_type = self.tables.string(DEFAULT_SAMPLE_TYPE);
        let comment = comments.iter().map(|comment| self.tables.string(comment));
        let comment = comment.collect();
        self.tables.into_profile(Profile {
            sample_type,
            sample: self.samples,
            // The end time, as in Go's cumulative profiles.
            time_nanos: signed(snapshot.taken_unix_ns()),
            duration_nanos: signed(snapshot.elapsed_ns()),
            period_type,
            period: 1,
            comment,
            default_sample_type,
            ..Profile::default()
        })
    }
}

/// Converts to the format's signed type. A value that does not fit saturates; only times of more
/// than 292 years do not.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
