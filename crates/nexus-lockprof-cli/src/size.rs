//! The size of an output that repeats each name at each point.
//!
//! A `.lockprof` file and memory store each name once. A malicious file has a long name at each of
//! many points, so its CSV or JSON would be thousands of times as large.

use anyhow::{Result, ensure};
use nexus_lockprof_snapshot::{Frame, Lock, Point, Sample, Site, Snapshot};

/// An output up to this size is always allowed.
const SMALL: u64 = 256 << 20;
/// Real snapshots, with names repeated at each point, are at most this many times their size in
/// memory.
const TIMES: u64 = 8;

/// Checks that a snapshot can be written with each name at each point.
///
/// # Errors
///
/// If that would be much larger than the snapshot.
pub(crate) fn check(snapshot: &Snapshot) -> Result<()> {
    let (mut written, mut memory) = (0_u64, 0_u64);
    for point in snapshot.points() {
        written = written.saturating_add(texts(point));
        memory = memory.saturating_add(in_memory(point));
    }
    ensure!(
        written <= SMALL.max(memory.saturating_mul(TIMES)),
        "its names would take {} MB in this format, which repeats them at each point: use .lockprof",
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
