//! A snapshot with one of everything that a format must handle.

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Frame, Histogram, Lock, Losses, Overhead, Point, ProfilerMode, Sample,
    Samples, Site, Snapshot, SnapshotParts, Stack, TableStats,
};

pub(crate) type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A small generator (xorshift64*) that makes the same cases in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, which is small.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

pub(crate) fn named(name: &str) -> Lock {
    Lock::Named(name.into())
}

pub(crate) fn empty() -> Snapshot {
    Snapshot::from_parts(SnapshotParts::default())
}

/// Each of these durations, with a weight.
fn histogram(values: &[u64], weight: u64) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.add(Histogram::bucket_of(*value), weight);
    }
    histogram
}

fn exact(values: &[u64]) -> Durations {
    let count = values.len() as u64;
    Durations {
        samples: count,
        events: count,
        total_ns: values.iter().sum(),
        max_ns: values.iter().copied().max().unwrap_or(0),
        reservoir: values.iter().copied().map(Sample::exact).collect(),
        histogram: histogram(values, 1),
        ..Durations::default()
    }
}

fn sampled(values: &[u64], weight: f64, standard_error_ns: f64) -> Durations {
    let exact = exact(values);
    Durations {
        events: (exact.events as f64 * weight) as u64,
        total_ns: (exact.total_ns as f64 * weight) as u64,
        total_variance: standard_error_ns * standard_error_ns,
        reservoir: Samples::from_iter(values.iter().map(|&value_ns| Sample { value_ns, weight })),
        histogram: histogram(values, weight as u64),
        ..exact
    }
}

fn frame(function: &str, file: &str, line: u32, address: u64) -> Frame {
    Frame {
        function: Some(function.into()),
        file: Some(file.into()),
        line: Some(line),
        address,
    }
}

const HTTP: &str = "/srv/app/src/http.rs";

fn stacks() -> Vec<Stack> {
    let main = frame("app::main", "/srv/app/src/main.rs", 3, 0x900);
    // `take` was inlined into `login`.
    let login = vec![
        frame("app::http::take", HTTP, 88, 0x100),
        frame("app::http::login<T>", HTTP, 120, 0x100),
        main.clone(),
    ];
    let logout = vec![
        frame("app::http::take", HTTP, 88, 0x200),
        frame("app::http::logout", HTTP, 140, 0x210),
        main,
    ];
    let stripped = vec![Frame {
        address: 0x1f00,
        ..Frame::default()
    }];
    vec![
        Stack {
            frames: login,
            waits: 20,
            wait_ns: 700_000,
            samples: 5,
        },
        Stack {
            frames: logout,
            waits: 3,
            wait_ns: 100_000,
            samples: 3,
        },
        Stack {
            frames: stripped,
            waits: 1,
            wait_ns: 33,
            samples: 1,
        },
    ]
}

pub(crate) fn parts() -> SnapshotParts {
    use AcquireMode::{Exclusive, Shared, Upgradable};
    let at =
        |lock, mode, line, column| Point::new(lock, mode, Site::new("src/http.rs", line, column));
    let pool = Site::new(
        "/home/me/.cargo/registry/src/index-0a1b/pool-1.2.3/src/lib.rs",
        41,
        20,
    );
    let points = vec![
        Point {
            acquisitions: 1_000_000,
            contentions: 40,
            try_failures: 12,
            timeouts: 2,
            cancellations: 1,
            abandoned_wait_ns: 5_000_000,
            blocked: 30,
            caused_wait_ns: 640_000,
            long_waits: 31,
            most_readers: 4,
            caused_variance: 2_500.0 * 2_500.0,
            wait: sampled(&[10_000, 20_000, 30_000, 40_000], 10.0, 1_234.5),
            hold: sampled(&[100, 200, 300, 400], 250_000.0, 1e6),
            callers: stacks(),
            ..at(named("sessions"), Exclusive, 88, 31)
        },
        Point {
            acquisitions: 7,
            hold: exact(&[50, 60, 70, 80, 90, 100, 2_000_000_000]),
            ..at(named("sessions"), Exclusive, 88, 60)
        },
        Point {
            acquisitions: 9,
            contentions: 1,
            blocked: 11,
            caused_wait_ns: 360_001,
            wait: exact(&[1]),
            hold: exact(&[5; 9]),
            ..at(named("sessions"), Shared, 140, 5)
        },
        Point {
            acquisitions: 4,
            contentions: 2,
            wait: Durations {
                unmeasured: 1,
                ..exact(&[77])
            },
            // Counted, but not measured.
            hold: Durations {
                unmeasured: 4,
                ..Durations::default()
            },
            ..at(Lock::Created(pool), Upgradable, 200, 9)
        },
        Point {
            acquisitions: 3,
            ..at(named("other"), Exclusive, 210, 9)
        },
        Point {
            acquisitions: 2,
            ..at(named("größe \"x\"\\\n;"), Exclusive, 220, 9)
        },
        // These two look alike.
        Point {
            acquisitions: 10,
            hold: exact(&[8]),
            ..at(named("?"), Exclusive, 230, 9)
        },
        Point {
            acquisitions: 20,
            hold: exact(&[9]),
            ..at(Lock::Anonymous, Exclusive, 230, 9)
        },
    ];
    SnapshotParts {
        engine: 0xfedc_ba98_7654_3210,
        collection: 42,
        resets: 1,
        taken_unix_ns: 1_763_878_800_123_456_789,
        elapsed_ns: 61_234_567_890,
        pid: 4_242,
        program: Some("api-server".into()),
        waiters: Vec::new(),
        deadlocks: Vec::new(),
        history: Vec::new(),
        threads: Vec::new(),
        instances: Vec::new(),
        unlisted_most_ns: 0,
        lock_order: Vec::new(),
        potential_deadlocks: Vec::new(),
        profiler_mode: ProfilerMode::Sampled { budget: 0.015 },
        points,
        edges: Vec::new(),
        table: TableStats {
            acquisitions: 1_000_055,
            shards: 16,
            ..TableStats::default()
        },
        losses: Losses {
            points_full: 10,
            reentrant: 2,
            ..Losses::default()
        },
        overhead: Overhead {
            budgeted_ns: 21_000_000,
            counting_ns: 22,
            threads_ns: 230_000_000_000,
        },
    }
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot::from_parts(parts())
}

/// A snapshot of up to 40 points, with numbers of up to `bits` bits. Some points look alike and
/// some have callers.
pub(crate) fn any(random: &mut Random, bits: u64) -> Snapshot {
    let names = [
        "a",
        "b",
        "?",
        "other",
        "r#other",
        "src/x.rs:1:1",
        "\u{1b}\"\\\n",
    ];
    let points = (0..random.below(40)).map(|_| {
        let lock = match random.below(10) {
            0 => Lock::Anonymous,
            1 => Lock::Created(Site::new("src/x.rs", 1, 1)),
            2 => Lock::FirstUsed(Site::new("src/x.rs", 1, 1)),
            n => named(names[n as usize - 3]),
        };
        let mode = AcquireMode::ALL[random.below(3) as usize];
        let line = 1 + random.below(4) as u32;
        let column = 1 + random.below(2) as u32;
        // Mostly small ones; sums of the others exceed 2^64.
        let mut number = || {
            let shift = 64 - bits + random.below(bits);
            random.next() >> shift
        };
        // Neither empty nor so large that they saturate.
        let mut histogram = Histogram::default();
        histogram.add((number() % 66) as usize, 1 + (number() >> 20));
        histogram.add((number() % 66) as usize, number() >> 20);
        let mut durations = || Durations {
            histogram: histogram.clone(),
            samples: number(),
            events: number(),
            total_ns: number(),
            max_ns: number(),
            unmeasured: number(),
            total_variance: number() as f64,
            ..Durations::default()
        };
        let (wait, hold) = (durations(), durations());
        // Sometimes more than their point has, since they are estimates.
        let callers = (0..number() % 4).map(|address| Stack {
            frames: vec![Frame {
                address,
                ..Frame::default()
            }],
            waits: number(),
            wait_ns: number(),
            samples: number(),
        });
        let callers = callers.collect();
        Point {
            acquisitions: number(),
            contentions: number(),
            try_failures: number(),
            timeouts: number(),
            cancellations: number(),
            abandoned_wait_ns: number(),
            blocked: number(),
            caused_wait_ns: number(),
            long_waits: number(),
            upgrade_waits: number(),
            most_readers: number(),
            caused_variance: number() as f64,
            wait,
            hold,
            callers,
            ..Point::new(lock, mode, Site::new("src/x.rs", line, column))
        }
    });
    Snapshot::from_parts(SnapshotParts {
        points: points.collect(),
        ..SnapshotParts::default()
    })
}

/// Writes the snapshot to a file for `ci/pprof.sh`, which reads it with its own tools.
#[test]
fn as_a_file() -> TestResult {
    crate::golden::check_whole("rich.json", &(snapshot().to_json()? + "\n"));
    Ok(())
}
