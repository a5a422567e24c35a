//! Runs the program, and creates snapshots to run it on.

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Edge, EdgeEnd, Frame, Lock, Point, ProfilerMode, Sample, Samples, Site,
    Snapshot, SnapshotParts, Stack,
};
use std::path::PathBuf;
use std::process::{Command, Output};

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Asserts success without output on stderr; returns standard output.
    #[track_caller]
    pub(crate) fn good(self) -> String {
        assert!(self.code == Some(0) && self.err.is_empty(), "{self:?}");
        self.out
    }

    /// Asserts failure; returns the message.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert!(self.code == Some(3) && self.out.is_empty(), "{self:?}");
        let why = self
            .err
            .strip_prefix("lockprof: ")
            .and_then(|why| why.strip_suffix('\n'));
        why.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Names another build of the program to test.
pub(crate) const PROGRAM: &str = "LOCKPROF_PROGRAM";

/// The program, in an environment without settings for colours or directories.
pub(crate) fn command(args: &[&str]) -> Command {
    let program = std::env::var_os(PROGRAM);
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_lockprof").into());
    let mut command = Command::new(program);
    command.args(args);
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "XDG_RUNTIME_DIR",
        "LOCKPROF",
    ] {
        command.env_remove(name);
    }
    // The cache for later runs.
    command.env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

pub(crate) fn lockprof(args: &[&str]) -> Run {
    command(args).output().unwrap().into()
}

/// A folder, removed when dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Writes a snapshot; returns its path.
    pub(crate) fn with(&self, name: &str, snapshot: &Snapshot) -> String {
        snapshot.write_file(self.path(name)).unwrap();
        self.text(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// `events` durations: half of `each_ns` nanoseconds, the others half as long.
fn durations(events: u64, each_ns: u64) -> Durations {
    let reservoir = (0..events.min(100)).map(|index| Sample::exact(each_ns / (1 + index % 2)));
    Durations {
        samples: events,
        events,
        total_ns: events * each_ns * 3 / 4,
        max_ns: each_ns,
        reservoir: reservoir.collect::<Samples>(),
        ..Durations::default()
    }
}

pub(crate) fn point(
    name: &str,
    mode: AcquireMode,
    line: u32,
    counts: [u64; 2],
    times: [u64; 2],
) -> Point {
    let ([acquisitions, contentions], [wait_ns, hold_ns]) = (counts, times);
    Point {
        acquisitions,
        contentions,
        wait: durations(contentions, wait_ns),
        hold: durations(acquisitions, hold_ns),
        ..Point::new(
            Lock::Named(name.into()),
            mode,
            Site::new("src/cache.rs", line, 9),
        )
    }
}

fn snapshot(points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        engine: 7,
        collection: 3,
        taken_unix_ns: 1_763_878_800_000_000_000,
        elapsed_ns: 20_000_000_000,
        pid: 4_711,
        profiler_mode: ProfilerMode::Exact,
        points,
        ..SnapshotParts::default()
    })
}

/// A run.
pub(crate) fn before() -> Snapshot {
    let mut get = point(
        "sessions",
        AcquireMode::Shared,
        41,
        [200_000, 4_000],
        [90_000, 2_000],
    );
    get.callers.push(Stack {
        frames: vec![
            Frame {
                function: Some("app::Sessions::get".into()),
                ..Frame::default()
            },
            Frame {
                function: Some("app::handle".into()),
                ..Frame::default()
            },
        ],
        waits: 3_000,
        wait_ns: 200_000_000,
        samples: 300,
    });
    snapshot(vec![
        get,
        point(
            "sessions",
            AcquireMode::Exclusive,
            52,
            [20_000, 900],
            [80_000, 9_000],
        ),
        point(
            "queue",
            AcquireMode::Exclusive,
            70,
            [50_000, 5_000],
            [60_000, 3_000],
        ),
        point("config", AcquireMode::Shared, 12, [900, 1], [4_000, 500]),
        point(
            "old",
            AcquireMode::Exclusive,
            99,
            [9_000, 2_000],
            [50_000, 1_000],
        ),
    ])
}

/// The same run, in which readers waited behind the writer.
pub(crate) fn with_edges() -> Snapshot {
    let points = before().points().to_vec();
    let end = |line| points.iter().find(|point| point.site.line == line);
    let edges = end(41).zip(end(52)).map(|(reader, writer)| Edge {
        waiting: Some(EdgeEnd::from(reader)),
        holding: EdgeEnd::from(writer),
        waits: 2,
        waited_ns: 7_000,
    });
    Snapshot::from_parts(SnapshotParts {
        edges: edges.into_iter().collect(),
        points: points.clone(),
        ..SnapshotParts::default()
    })
}

/// The same program after an edit: three lines were added at the top, writers hold longer, the
/// queue is better, and one lock replaces another.
pub(crate) fn after() -> Snapshot {
    snapshot(vec![
        point(
            "sessions",
            AcquireMode::Shared,
            44,
            [200_000, 11_000],
            [150_000, 2_000],
        ),
        point(
            "sessions",
            AcquireMode::Exclusive,
            55,
            [20_000, 930],
            [82_000, 30_000],
        ),
        point(
            "queue",
            AcquireMode::Exclusive,
            73,
            [50_000, 1_000],
            [60_000, 3_000],
        ),
        point("config", AcquireMode::Shared, 15, [900, 3], [4_000, 500]),
        point(
            "fresh",
            AcquireMode::Exclusive,
            120,
            [9_000, 3_000],
            [50_000, 1_000],
        ),
    ])
}

/// A crate's point with `waits` waits of 20 µs each, in a program built with cargo's home in that
/// folder.
pub(crate) fn built_in(home: &str, waits: u64) -> Point {
    let mut point = point(
        "pool",
        AcquireMode::Exclusive,
        7,
        [100_000, waits],
        [20_000, 1_000],
    );
    point.site.file = format!("{home}/.cargo/registry/src/index-0123/pool-1.0.0/src/lib.rs").into();
    point
}

/// A snapshot of these points.
pub(crate) fn of(points: Vec<Point>) -> Snapshot {
    snapshot(points)
}
