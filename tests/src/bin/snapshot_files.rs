//! Many large snapshots in files. `snapshot-files make FOLDER FILES POINTS` writes them.
//! `snapshot-files merge FOLDER` merges all of them on two threads, and prints the time and memory
//! it took.
//!
//! Most points, four in five, were measured a few times. Most others were measured some dozens of
//! times, and one in fifty has as many samples as a snapshot keeps. The durations of each point
//! have their own scale, and spread over eight doublings.

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Merge, Overhead, Point, ProfilerMode, ReadError, Sample, Site,
    Snapshot, SnapshotParts, TableStats,
};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The maximum number of a point's durations in a snapshot: `Config::archive`'s default.
const MOST: u64 = 768;

/// xorshift64*: the same files in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    /// A multiple of 20 ns, up to 128 times as long.
    fn duration(&mut self, scale: u64) -> u64 {
        let octave = scale + self.below(4) + self.below(4);
        (20 << octave) + self.below(20 << octave)
    }
}

fn durations(random: &mut Random, scale: u64, kept: u64, events: u64) -> Durations {
    let mut samples: Vec<u64> = (0..kept).map(|_| random.duration(scale)).collect();
    samples.sort_unstable();
    let weight = if kept == 0 {
        1.0
    } else {
        events as f64 / kept as f64
    };
    Durations {
        samples: kept,
        events,
        total_ns: samples
            .iter()
            .map(|value| value * (events / kept.max(1)))
            .sum(),
        total_variance: if kept < events {
            1e6 * kept as f64
        } else {
            0.0
        },
        max_ns: samples.last().copied().unwrap_or(0),
        reservoir: samples
            .iter()
            .map(|&value_ns| Sample { value_ns, weight })
            .collect(),
        ..Durations::default()
    }
}

fn snapshot(file: u64, points: u64) -> Snapshot {
    let random = &mut Random(file * 7_919 + 1);
    let points: Vec<Point> = (0..points)
        .map(|number| {
            let kept = match random.below(50) {
                0 => MOST,
                1..=9 => 20 + random.below(40),
                _ => random.below(8),
            };
            let acquisitions = kept * (1 + random.below(500));
            let contended = kept / 3;
            let site = Site::new(
                format!(
                    "/home/me/.cargo/registry/src/index/crate-{}.0.1/src/module_{}.rs",
                    number / 50,
                    number / 7
                ),
                10 + (number % 7) as u32 * 12,
                9,
            );
            let lock = match number % 3 {
                0 => Lock::Anonymous,
                1 => Lock::Named(format!("service.{}", number / 4).into()),
                _ => Lock::Created(Site::new(format!("src/module_{}.rs", number / 9), 7, 20)),
            };
            Point {
                acquisitions,
                contentions: contended,
                blocked: contended,
                caused_wait_ns: contended * 700,
                wait: durations(random, number % 11, contended, contended),
                hold: durations(random, number % 5, kept, acquisitions),
                ..Point::new(lock, AcquireMode::ALL[(number % 2) as usize], site)
            }
        })
        .collect();
    Snapshot::from_parts(SnapshotParts {
        engine: file + 1,
        collection: 3,
        taken_unix_ns: 1_800_000_000_000_000_000 + file,
        elapsed_ns: 60_000_000_000,
        pid: 100 + file as u32,
        profiler_mode: ProfilerMode::Sampled { budget: 0.01 },
        table: TableStats {
            acquisitions: points.iter().map(|point| point.acquisitions).sum(),
            ..TableStats::default()
        },
        overhead: Overhead::default(),
        points,
        ..SnapshotParts::default()
    })
}

fn make(folder: &Path, files: u64, points: u64) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    for file in 0..files {
        snapshot(file, points).write_file(folder.join(format!("{file:03}.lockprof")))?;
    }
    Ok(())
}

fn merge(files: &[PathBuf]) -> Result<Merge, Error> {
    let mut merge = Merge::new();
    // Reused: new memory for each file would have to be cleared each time.
    let mut bytes = Vec::new();
    for file in files {
        bytes.clear();
        std::fs::File::open(file)?.read_to_end(&mut bytes)?;
        merge
            .add_bytes(&bytes)
            .map_err(|error: ReadError| format!("{}: {error}", file.display()))?;
    }
    Ok(merge)
}

#[allow(clippy::print_stdout, reason = "what it is for")]
fn merge_all(folder: &Path) -> Result<(), Error> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.sort();
    let bytes: u64 = files
        .iter()
        .map(|file| Ok(std::fs::metadata(file)?.len()))
        .sum::<Result<u64, std::io::Error>>()?;
    let begin = Instant::now();
    let (left, right) = files.split_at(files.len() / 2);
    let merged = std::thread::scope(|scope| {
        let other = scope.spawn(|| merge(right));
        let mut merged = merge(left)?;
        merged.append(other.join().map_err(|_| "a thread panicked")??);
        Ok::<_, Error>(merged.finish())
    })?;
    let took = begin.elapsed();
    let expected: u64 = merged.points().iter().map(|point| point.acquisitions).sum();
    if merged.table().acquisitions != expected {
        return Err(format!(
            "{} acquisitions, and {expected} at the points",
            merged.table().acquisitions
        )
        .into());
    }
    println!(
        "{} files, {:.1} MB, {} points in the merged one, {:.2} s, {} MB at most",
        merged.merged(),
        bytes as f64 / 1e6,
        merged.points().len(),
        took.as_secs_f64(),
        peak_kib()? / 1024,
    );
    Ok(())
}

/// The peak memory of this process, in KiB.
fn peak_kib() -> Result<u64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
    Ok(number.parse()?)
}

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", folder, files, points] => make(Path::new(folder), files.parse()?, points.parse()?),
        ["merge", folder] => merge_all(Path::new(folder)),
        _ => Err("snapshot-files make FOLDER FILES POINTS | snapshot-files merge FOLDER".into()),
    }
}
