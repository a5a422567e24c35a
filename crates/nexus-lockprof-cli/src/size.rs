//! How long an output would be that has each name at each point.
//!
//! In a `.lockprof` file, and in memory, a name is there once. A file that was made to do harm has a long one at each of many points, so that its
//! CSV or JSON is thousands of times as large.

use anyhow::{Result, ensure};
use nexus_lockprof_snapshot::{Frame, Lock, Point, Sample, Site, Snapshot};

/// Any output may be as large as this.
const SMALL: u64 = 256 << 20;
/// How many times its size in memory the names of a real snapshot are, if they are written at each point.
const TIMES: u64 = 8;

/// Whether a snapshot can be written with each name at each point.
///
/// # Errors
///
/// If that would be very much more than the snapshot is.
pub(crate) fn check(snapshot: &Snapshot) -> Result<()> {
    let (mut written, mut memory) = (0_u64, 0_u64);
    for point in snapshot.points() {
        written = written.saturating_add(texts(point));
        memory = memory.saturating_add(in_memory(point));
    }
    ensure!(
        written <= SMALL.max(memory.saturating_mul(TIMES)),
        "the names in it would be {} MB in this format, which has them at each point: only .lockprof has each once",
        written >> 20
    );
    Ok(())
}

fn texts(point: &Point) -> u64 {
    let site = |site: &Site| site.file.len() as u64;
    let lock = match &point.lock {
        Lock::Named(name) => name.len() as u64,
        Lock::Created(place) | Lock::FirstUsed(place) => site(place),
        Lock::Anonymous => 0,
    };
    let text =
        |text: &Option<nexus_lockprof_snapshot::Text>| text.as_ref().map_or(0, |text| text.len());
    let frames = point.callers.iter().flat_map(|stack| &stack.frames);
    let frames = frames.map(|frame| (text(&frame.function) + text(&frame.file)) as u64);
    frames.fold(site(&point.site) + lock, u64::saturating_add)
}

fn in_memory(point: &Point) -> u64 {
    let samples = |of: &nexus_lockprof_snapshot::Durations| of.reservoir.len() + of.recent.len();
    let samples = samples(&point.wait) + samples(&point.hold);
    let frames: usize = point.callers.iter().map(|stack| stack.frames.len()).sum();
    (size_of::<Point>() + samples * size_of::<Sample>() + frames * size_of::<Frame>()) as u64
}
