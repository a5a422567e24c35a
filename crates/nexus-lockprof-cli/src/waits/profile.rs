//! Builds a snapshot of the waits that the processes of a run recorded.

use super::kind::{self, WaitKind};
use super::record::{self, Record, Waits};
use super::symbols::{Call, Files};
use anyhow::{Context, Result};
use nexus_lockprof_command::symbols::demangled;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Frame, Histogram, Lock, Losses, Point, ProfilerMode, Sample, Site,
    Snapshot, SnapshotParts, Stack, TableStats,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The result of a run.
pub(crate) struct Profile {
    pub(crate) snapshot: Snapshot,
    /// Processes seen: the first, and those that waited.
    pub(crate) processes: usize,
    /// Waits for anything but locks, by kind.
    pub(crate) others: BTreeMap<&'static str, Sums>,
    /// Stacks of unknown kind.
    pub(crate) unknown: Vec<(Site, Sums)>,
    /// Waits for locks that had not ended when their process did.
    pub(crate) unfinished: u64,
    /// Programs without symbols.
    pub(crate) without_symbols: BTreeSet<String>,
}

/// How often, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) waits: u64,
    pub(crate) wait_ns: u64,
}

impl Sums {
    fn add(&mut self, waits: &Waits) {
        for (sum, more) in [
            (&mut self.waits, [waits.waits, waits.timeouts]),
            (&mut self.wait_ns, [waits.wait_ns, waits.timeout_ns]),
        ] {
            *sum = more.into_iter().fold(*sum, u64::saturating_add);
        }
    }
}

/// A stack that waits for a lock.
struct LockWait<'a> {
    waits: &'a Waits,
    mode: AcquireMode,
    what: &'static str,
    site: Site,
    stack: Vec<Call>,
    /// The lock's variable.
    variable: Option<String>,
}

/// Reads the files that the processes of a run left in `folder`. `None` if there are none.
pub(crate) fn read(folder: &Path, elapsed: Duration) -> Result<Option<Profile>> {
    let mut records = Vec::new();
    let unread = || format!("{} cannot be listed", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let record = record::read(&path);
        let record = record.with_context(|| format!("{} cannot be read", path.display()))?;
        records.extend(record);
    }
    records.sort_by_key(|record| (record.started_ns, record.pid));
    let Some(first) = records.first() else {
        return Ok(None);
    };
    let pid = first.pid;

    let mut files = Files::default();
    let here = std::env::current_dir().ok();
    let mut locks = Vec::new();
    let mut others: BTreeMap<&'static str, Sums> = BTreeMap::new();
    let mut unknown: HashMap<Site, Sums> = HashMap::new();
    let mut without_symbols = BTreeSet::new();
    for record in &records {
        for waits in &record.stacks {
            let mut calls = files.calls(record, &waits.frames);
            let kind = WaitKind::of(waits, &calls);
            let mut calls = calls.split_off(kind::implementation(&calls));
            shorten(&mut calls, here.as_deref());
            let site = calls.first().map_or_else(Site::rest, site_of);
            match kind {
                WaitKind::Lock(mode, what) => locks.push(LockWait {
                    waits,
                    mode,
                    what,
                    site,
                    variable: variable(&mut files, record, waits),
                    stack: cut(calls),
                }),
                WaitKind::Other(what) => others.entry(what).or_default().add(waits),
                WaitKind::Unknown => unknown.entry(site).or_default().add(waits),
            }
        }
        if !record.stacks.is_empty() && !files.has_symbols(&record.program) {
            without_symbols.insert(name_of(&record.program));
        }
    }
    let lost = records
        .iter()
        .fold(0_u64, |sum, record| sum.saturating_add(record.lost));
    let unfinished = locks
        .iter()
        .fold(0_u64, |sum, lock| sum.saturating_add(lock.waits.unfinished));
    let mut unknown: Vec<(Site, Sums)> = unknown.into_iter().collect();
    unknown.sort_by_key(|(site, sums)| (std::cmp::Reverse(sums.wait_ns), site.clone()));
    Ok(Some(Profile {
        snapshot: snapshot(points(&locks), pid, name_of(&first.program), elapsed, lost),
        processes: records.len(),
        others,
        unknown,
        unfinished,
        without_symbols,
    }))
}

fn name_of(program: &Path) -> String {
    program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Makes paths below the folder that the program started in relative, as compilers get them.
fn shorten(calls: &mut [Call], here: Option<&Path>) {
    let Some(here) = here.and_then(Path::to_str).filter(|here| here.len() > 1) else {
        return;
    };
    for call in calls {
        let file = call
            .frame
            .file
            .as_deref()
            .and_then(|file| file.strip_prefix(here));
        if let Some(rest) = file.and_then(|rest| rest.strip_prefix('/')) {
            call.frame.file = Some(rest.into());
        }
    }
}

/// `file:line`. Without debug information: the function and the code file, with the offset.
fn site_of(call: &Call) -> Site {
    let frame = &call.frame;
    if let (Some(file), Some(line)) = (&frame.file, frame.line) {
        return Site::new(file.clone(), line, 1);
    }
    let place = match &frame.function {
        Some(function) => format!("{function}+{:#x} ({})", call.offset, call.module),
        None => unnamed(call).unwrap_or_else(|| format!("{:#x}", frame.address)),
    };
    Site::new(place, 0, 0)
}

/// A name for a function without one: the code file and the offset. It is the same in each run.
fn unnamed(call: &Call) -> Option<String> {
    let has_module = !call.module.is_empty();
    has_module.then(|| format!("{}+{:#x}", call.module, call.offset))
}

fn frame(call: &Call) -> Frame {
    let mut frame = call.frame.clone();
    frame.function = frame.function.or_else(|| unnamed(call).map(Into::into));
    frame
}

/// Removes the functions that start each thread.
fn cut(mut calls: Vec<Call>) -> Vec<Call> {
    if let Some(end) = calls.iter().position(kind::begins_thread) {
        // Keeps the place itself.
        calls.truncate(end.max(1));
    }
    calls
}

/// The lock's variable, if all of these waits were for one. parking_lot's threads wait at an
/// address of their own.
fn variable(files: &mut Files, record: &Record, waits: &Waits) -> Option<String> {
    let name = (!waits.is_mixed).then(|| files.variable(record, waits.address))??;
    let name = demangled(&name);
    (!name.is_empty()).then(|| name.as_str().to_owned())
}

fn points(locks: &[LockWait<'_>]) -> Vec<Point> {
    let point = |lock: &LockWait<'_>| {
        // A lock without a variable is named by the place that waited for it, because its address
        // may later belong to another lock.
        let name = match &lock.variable {
            Some(variable) => variable.clone(),
            None => format!("{} at {}", lock.what, lock.site),
        };
        let waits = lock.waits;
        Point {
            acquisitions: waits.waits,
            contentions: waits.waits,
            timeouts: waits.timeouts,
            abandoned_wait_ns: waits.timeout_ns,
            wait: durations(waits),
            // Each of them held the lock, for an unknown time.
            hold: Durations {
                unmeasured: waits.waits,
                ..Durations::default()
            },
            callers: vec![Stack {
                frames: lock.stack.iter().map(frame).collect(),
                waits: waits.waits,
                wait_ns: waits.wait_ns,
                samples: waits.waits,
            }],
            ..Point::new(Lock::Named(name.into()), lock.mode, lock.site.clone())
        }
    };
    locks.iter().map(point).collect()
}

/// The library counts waits by length, 16 counts for each factor of two. So a wait is in the bucket
/// of its count's middle, which is within a 32nd of it.
fn durations(waits: &Waits) -> Durations {
    let mut histogram = Histogram::default();
    for &(value_ns, count) in &waits.durations {
        histogram.add(Histogram::bucket_of(value_ns), u64::from(count));
    }
    let samples = waits.durations.iter().map(|&(value_ns, count)| Sample {
        value_ns,
        weight: f64::from(count),
    });
    Durations {
        samples: waits.waits,
        events: waits.waits,
        total_ns: waits.wait_ns,
        max_ns: waits.max_ns,
        reservoir: samples.collect(),
        histogram,
        ..Durations::default()
    }
}

fn snapshot(
    points: Vec<Point>,
    pid: u32,
    program: String,
    elapsed: Duration,
    lost: u64,
) -> Snapshot {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    let acquisitions = points
        .iter()
        .fold(0_u64, |sum, point| sum.saturating_add(point.acquisitions));
    Snapshot::from_parts(SnapshotParts {
        // Different in each run.
        engine: now ^ u64::from(std::process::id()).rotate_right(16),
        collection: 1,
        taken_unix_ns: now,
        elapsed_ns: u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
        pid,
        program: Some(program.into()),
        profiler_mode: ProfilerMode::Waits,
        table: TableStats {
            acquisitions,
            records: points.len() as u64,
            ..TableStats::default()
        },
        points,
        losses: Losses {
            points_full: lost,
            ..Losses::default()
        },
        ..SnapshotParts::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waits::layout::{self, head, slot};
    use crate::waits::library;

    /// Nothing but the counts says how long the waits took, so the histogram has those.
    #[test]
    fn each_wait_is_in_a_bucket() {
        let waits = Waits {
            call: 0,
            address: 0,
            is_mixed: false,
            unfinished: 0,
            waits: 7,
            wait_ns: 3_000_400,
            max_ns: 1_000_000,
            timeouts: 0,
            timeout_ns: 0,
            released: 0,
            value: 0,
            frames: Vec::new(),
            durations: vec![(100, 4), (1_000_000, 3)],
        };
        let durations = durations(&waits);
        let histogram = &durations.histogram;
        let buckets = histogram
            .buckets()
            .map(|bucket| (bucket.index, bucket.weight));
        let expected = [100, 1_000_000].map(Histogram::bucket_of);
        assert!(buckets.eq([(expected[0], 4), (expected[1], 3)]));
        assert_eq!(histogram.total(), durations.samples);
    }

    /// The program may write anything to its file.
    #[test]
    fn whatever_is_in_a_file_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.1");
        // A small file with code: the library itself, under another name.
        let other = tempfile::tempdir().unwrap();
        let code = other.path().join("code.so");
        std::fs::write(&code, library::LIBRARY).unwrap();
        // Xorshift: the same in each test run.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for round in 0..50 {
            let mut bytes = vec![0; layout::SLOTS_AT + 3 * layout::SLOT];
            let mut put =
                |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
            for word in 0..head::PATH {
                put(word * 8, random());
            }
            put(head::MAGIC * 8, layout::MAGIC);
            put(head::SLOTS * 8, 3 + round % 2 * random());
            let lines = format!(
                "0-ffffffffffffffff r-xp {:x} 0:0 0 {}\n{:x}-{:x} r-xp 0 0:0 0 /dev/zero\n\u{fffd}/\n",
                random() >> (round % 64),
                code.display(),
                random(),
                random(),
            );
            put(head::MODULES * 8, lines.len() as u64);
            for index in 0..3 {
                let at = layout::SLOTS_AT + index * layout::SLOT;
                for word in 0..layout::SLOT / 8 {
                    put(at + word * 8, random());
                }
                put(at + slot::LEN * 8, random() % 60);
                put(at + slot::CALL * 8, random() % 7);
            }
            bytes[layout::MODULES_AT..][..lines.len()].copy_from_slice(lines.as_bytes());
            bytes.truncate(bytes.len() - (round % 3) as usize * 1000);
            std::fs::write(&path, &bytes).unwrap();
            let profile = read(folder.path(), Duration::from_secs(1))
                .unwrap()
                .unwrap();
            let bytes = profile.snapshot.to_bytes().unwrap();
            assert!(Snapshot::from_bytes(&bytes).is_ok());
        }
        // An incomplete file is skipped.
        std::fs::write(&path, [0; 100]).unwrap();
        assert!(read(folder.path(), Duration::ZERO).unwrap().is_none());
    }
}
