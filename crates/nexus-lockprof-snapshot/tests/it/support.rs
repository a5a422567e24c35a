//! Values that several tests use.

use std::error::Error;

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Losses, Overhead, Point, ProfilerMode, Sample, Samples, Site,
    Snapshot, SnapshotParts, TableStats,
};

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

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

pub(crate) fn named(name: &str, line: u32) -> Point {
    let site = Site::new("src/app.rs", line, 5);
    Point::new(Lock::Named(name.into()), AcquireMode::Exclusive, site)
}

/// Durations of which every event was measured.
pub(crate) fn measured(values: &[u64]) -> Durations {
    let mut durations = Durations::default();
    for &value_ns in values {
        durations.samples += 1;
        durations.events += 1;
        durations.total_ns += value_ns;
        durations.max_ns = durations.max_ns.max(value_ns);
    }
    durations.reservoir = values.iter().copied().map(Sample::exact).collect();
    durations
}

pub(crate) fn snapshot(points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        profiler_mode: ProfilerMode::Exact,
        points,
        ..SnapshotParts::default()
    })
}

/// A snapshot in which each field of each type has its own value, none of them the default.
pub(crate) fn everything() -> SnapshotParts {
    let created = Site::new("src/\"odd\" dir/größe.rs", 9, 17);
    SnapshotParts {
        engine: 0xfedc_ba98_7654_3210,
        collection: 42,
        resets: 1,
        taken_unix_ns: 1_763_878_800_123_456_789,
        elapsed_ns: 12_345_678_901,
        pid: 4_242,
        // Like `callers`: a document without it is the same as before the field existed.
        program: None,
        waiters: Vec::new(),
        threads: Vec::new(),
        instances: Vec::new(),
        unlisted_most_ns: 0,
        deadlocks: Vec::new(),
        history: Vec::new(),
        lock_order: Vec::new(),
        potential_deadlocks: Vec::new(),
        profiler_mode: ProfilerMode::Sampled { budget: 0.015 },
        points: vec![
            Point {
                acquisitions: 1_000_000,
                contentions: 1_000,
                try_failures: 7,
                timeouts: 3,
                cancellations: 2,
                abandoned_wait_ns: 5_000_000,
                blocked: 900,
                caused_wait_ns: 8_000_000,
                caused_variance: 250_000.0,
                wait: Durations {
                    samples: 1_000,
                    total_ns: 9_000_000,
                    total_variance: 0.0,
                    events: 1_000,
                    unmeasured: 7,
                    max_ns: 80_000,
                    reservoir: Samples::from(vec![Sample::exact(8_000), Sample::exact(10_000)]),
                    recent: Samples::from(vec![Sample::exact(10_000)]),
                    ..Durations::default()
                },
                hold: Durations {
                    samples: 15_625,
                    total_ns: 600_000_000,
                    total_variance: 1234567.890123,
                    events: 1_000_000,
                    unmeasured: 7,
                    max_ns: 70_000,
                    reservoir: Samples::from(vec![
                        Sample {
                            value_ns: 500,
                            weight: 64.0,
                        },
                        Sample {
                            value_ns: 700,
                            weight: 64.1,
                        },
                    ]),
                    recent: Samples::from(vec![Sample {
                        value_ns: 700,
                        weight: 64.1,
                    }]),
                    ..Durations::default()
                },
                ..named("sessions", 10)
            },
            Point {
                acquisitions: 5,
                // Counted, but not measured.
                hold: Durations {
                    events: 5,
                    ..Durations::default()
                },
                ..Point::new(
                    Lock::Created(created),
                    AcquireMode::Shared,
                    Site::new("src/app.rs", 20, 5),
                )
            },
            Point {
                acquisitions: 2,
                ..Point::new(
                    Lock::Anonymous,
                    AcquireMode::Upgradable,
                    Site::new("src/app.rs", 30, 5),
                )
            },
        ],
        // See `edges`.
        edges: Vec::new(),
        table: TableStats {
            acquisitions: 1_000_007,
            records: 3,
            max_records: 4_096,
            rejected: 10,
            hash_size: 64,
            collisions: 2,
            shards: 8,
        },
        losses: Losses {
            points_full: 10,
            shards_full: 11,
            reentrant: 12,
            thread_exit: 13,
            memory: 14,
            guards: 15,
            // Like `callers`: a document without these is the same as before they existed. See
            // `stacks`.
            stacks: 0,
            edges: 0,
            slow_events: 0,
            tasks: 0,
            interval_samples: 0,
            order: 0,
        },
        overhead: Overhead {
            budgeted_ns: 21,
            counting_ns: 22,
            threads_ns: 23_000,
        },
    }
}
