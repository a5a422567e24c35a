//! The report.

mod behind;
mod callers;
mod deadlocks;
mod estimates;
mod findings;
mod instances;
mod order;
mod peak;
mod threads;
mod waiters;

use nexus_lockprof_export::text::{self, SortKey, Table};
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Losses, Point, ProfilerMode, Sample, Site, Snapshot,
    SnapshotParts, TableStats,
};
use unicode_width::UnicodeWidthStr;

use crate::golden;

fn times(samples: u64, weight: f64, range: std::ops::Range<u64>, variance: f64) -> Durations {
    let step = (range.end - range.start) / 100;
    let values = (1..=100).map(|i| range.start + i * step);
    let events = (samples as f64 * weight) as u64;
    Durations {
        samples,
        events,
        total_ns: (range.start + range.end) / 2 * events,
        total_variance: variance,
        unmeasured: 0,
        max_ns: range.end,
        reservoir: values.map(|value_ns| Sample { value_ns, weight }).collect(),
        ..Durations::default()
    }
}

fn point(lock: Lock, mode: AcquireMode, file: &str, line: u32) -> Point {
    Point::new(lock, mode, Site::new(file, line, 9))
}

fn named(name: &str) -> Lock {
    Lock::Named(name.into())
}

/// A program like a user's.
fn parts() -> SnapshotParts {
    use AcquireMode::{Exclusive, Shared, Upgradable};
    let pool = Site::new("crates/server/src/net/connection_pool.rs", 41, 20);
    let points = vec![
        Point {
            acquisitions: 12_345_678,
            contentions: 308_642,
            try_failures: 12,
            blocked: 310_000,
            caused_wait_ns: 9_600_000_000,
            wait: times(308_642, 1.0, 4_000..64_000, 0.0),
            hold: times(192_901, 64.0, 150..1_350, 9e15),
            ..point(
                named("sessions"),
                Exclusive,
                "crates/server/src/http.rs",
                88,
            )
        },
        Point {
            acquisitions: 998,
            contentions: 997,
            blocked: 3,
            caused_wait_ns: 12_000,
            wait: times(997, 1.0, 100_000..99_000_000, 0.0),
            hold: times(998, 1.0, 1_000_000..2_000_000, 0.0),
            ..point(
                Lock::Created(pool),
                Exclusive,
                "crates/server/src/net/connection_pool.rs",
                1204,
            )
        },
        Point {
            acquisitions: 1_000_000,
            contentions: 1,
            wait: times(1, 1.0, 900..1_000, 0.0),
            hold: times(15_625, 64.0, 80..200, 1e16),
            ..point(
                named("routing table"),
                Shared,
                "crates/server/src/routes/resolve/by_host.rs",
                7,
            )
        },
        Point {
            acquisitions: 40,
            timeouts: 2,
            hold: times(40, 1.0, 300..5_000, 0.0),
            ..point(named("routing table"), Upgradable, "src/main.rs", 12)
        },
        Point {
            try_failures: 3,
            ..point(
                Lock::Anonymous,
                Exclusive,
                "/home/user/.cargo/registry/src/registry-mirror/dep-1.2.3/src/lib.rs",
                300,
            )
        },
        Point {
            acquisitions: 5,
            hold: times(5, 1.0, 10_000_000_000..20_000_000_000, 0.0),
            ..point(
                named("日本語のロック\u{1b}[2J"),
                Exclusive,
                "src/größe.rs",
                2,
            )
        },
    ];
    SnapshotParts {
        elapsed_ns: 61_234_567_890,
        profiler_mode: ProfilerMode::Sampled { budget: 0.01 },
        points,
        table: TableStats {
            shards: 16,
            ..TableStats::default()
        },
        ..SnapshotParts::default()
    }
}

fn snapshot() -> Snapshot {
    Snapshot::from_parts(parts())
}

#[test]
fn at_each_width() {
    let snapshot = snapshot();
    for width in [60, 80, 100, 132, 200] {
        let report = text::table(&snapshot).width(width).to_string();
        golden::check(&format!("report-{width}.txt"), &report);
    }
    let default = text::table(&snapshot).to_string();
    assert_eq!(
        default,
        text::table(&snapshot).width(100).top(20).to_string()
    );
}

/// The rows of a report, from below the heads to above the summary.
fn rows(report: &str, points: usize) -> Vec<&str> {
    let below = report.lines().skip_while(|line| !line.starts_with("lock "));
    below.skip(1).take(points).collect()
}

#[test]
fn no_line_is_too_wide_and_no_line_number_is_lost() {
    let mut parts = parts();
    parts.losses = Losses {
        points_full: 1,
        shards_full: 2,
        reentrant: 3,
        thread_exit: 4,
        memory: 5,
        guards: 6,
        stacks: 7,
        edges: 8,
        slow_events: 9,
        tasks: 10,
        interval_samples: 11,
        order: 12,
    };
    for point in &mut parts.points {
        point.acquisitions = point.acquisitions.saturating_mul(1 << 40);
        point.wait.total_ns = u64::MAX;
    }
    let snapshot = Snapshot::from_parts(parts);
    for width in 0..=260 {
        let report = text::table(&snapshot).width(width).to_string();
        let limit = width.max(Table::MIN_WIDTH);
        for line in report.lines() {
            assert!(line.width() <= limit, "{} > {limit}: {line}", line.width());
            assert_eq!(line, line.trim_end());
        }
        let rows = rows(&report, 6);
        for line in [":88 ", ":1204 ", ":7 ", ":12 ", ":300 ", ":2 "] {
            let with = rows.iter().filter(|row| row.contains(line)).count();
            assert_eq!(with, 1, "{line} in\n{report}");
        }
    }
}

#[test]
fn a_wider_terminal_only_adds_columns() {
    let snapshot = snapshot();
    let mut before: Vec<String> = Vec::new();
    for width in 60..=260 {
        let report = text::table(&snapshot).findings(0).width(width).to_string();
        let heads = report.lines().nth(1).unwrap_or_default();
        let heads: Vec<String> = heads.split_whitespace().map(str::to_owned).collect();
        assert!(
            heads.len() >= before.len(),
            "{width}: {before:?}, then {heads:?}"
        );
        before = heads;
    }
    assert_eq!(before.len(), 19);
}

#[test]
fn sorted_by_each_key() {
    use SortKey::{
        Acquisitions, Caused, Contentions, MaxHold, MaxWait, Name, TotalHold, TotalWait,
    };
    let snapshot = snapshot();
    let cases: [(SortKey, &str, [u32; 6]); 8] = [
        (TotalWait, "wait", [1204, 88, 7, 12, 2, 300]),
        (TotalHold, "hold", [2, 88, 1204, 7, 12, 300]),
        (Caused, "caused", [88, 1204, 7, 12, 2, 300]),
        (Contentions, "contention", [88, 1204, 7, 12, 2, 300]),
        (Acquisitions, "acq", [88, 7, 1204, 12, 2, 300]),
        (MaxWait, "wait", [1204, 88, 7, 12, 2, 300]),
        (MaxHold, "hold", [2, 1204, 12, 88, 7, 300]),
        (Name, "lock", [300, 1204, 7, 12, 88, 2]),
    ];
    for (key, head, expected) in cases {
        let report = text::table(&snapshot)
            .findings(0)
            .sort(key)
            .width(60)
            .to_string();
        assert!(
            report.lines().take(2).any(|line| line.contains(head)),
            "{key:?}: {report}"
        );
        let found: Vec<_> = rows(&report, 6)
            .into_iter()
            .filter_map(|row| {
                expected
                    .into_iter()
                    .find(|n| row.contains(&format!(":{n} ")))
            })
            .collect();
        assert_eq!(found, expected, "{key:?}");
    }
}

#[test]
fn cut_by_top() {
    let snapshot = snapshot();
    let report = text::table(&snapshot).findings(0).top(2).to_string();
    assert!(
        report.contains("\n... and 4 more points\n6 points, "),
        "{report}"
    );
    assert!(
        text::table(&snapshot)
            .findings(0)
            .top(5)
            .to_string()
            .contains("\n... and 1 more point\n")
    );
    assert!(
        !text::table(&snapshot)
            .findings(0)
            .top(6)
            .to_string()
            .contains("...")
    );
    assert!(
        text::table(&snapshot)
            .findings(0)
            .top(0)
            .to_string()
            .starts_with("... and 6 more points\n6 points, "),
        "no heads without rows"
    );
}

#[test]
fn losses_are_shown_only_when_there_are_any() {
    let clean = text::table(&snapshot()).to_string();
    assert!(!clean.contains("LOST"), "{clean}");
    let losses = Losses {
        points_full: 10,
        reentrant: 2,
        ..Losses::default()
    };
    let lossy = Snapshot::from_parts(SnapshotParts { losses, ..parts() });
    let report = text::table(&lossy).to_string();
    assert_eq!(
        report,
        clean + "\nLOST 12 events: points_full 10, reentrant 2"
    );
}

#[test]
fn estimates_are_marked_only_when_there_are_any() {
    let report = text::table(&snapshot()).findings(0).width(260).to_string();
    assert!(report.contains("~9.26s"), "a total: {report}");

    let mut exact = parts();
    exact.profiler_mode = ProfilerMode::Exact;
    exact.points.retain(|p| !p.hold.is_estimate());
    assert_eq!(exact.points.len(), 4);
    let report = text::table(&Snapshot::from_parts(exact))
        .findings(0)
        .to_string();
    assert!(!report.contains('~'), "{report}");

    // The only estimates are of holds, which are hidden.
    let narrow = text::table(&snapshot()).findings(0).width(60).to_string();
    assert!(
        !narrow.contains("hold") && !narrow.contains('~'),
        "{narrow}"
    );
}

#[test]
fn columns_without_anything_are_left_out() {
    let mut counted = parts();
    counted.profiler_mode = ProfilerMode::Counts;
    for point in &mut counted.points {
        point.caused_wait_ns = 0;
        for (durations, events) in [
            (&mut point.wait, point.contentions),
            (&mut point.hold, point.acquisitions),
        ] {
            *durations = Durations {
                events,
                ..Durations::default()
            };
        }
    }
    let report = text::table(&Snapshot::from_parts(counted.clone())).to_string();
    golden::check("report-counts.txt", &report);

    // The columns of tries and timeouts go when no visible row has any.
    for point in &mut counted.points {
        (point.try_failures, point.timeouts) = (0, 0);
    }
    let report = text::table(&Snapshot::from_parts(counted.clone())).to_string();
    let heads = |report: &str| {
        let heads = report.lines().next().unwrap_or_default();
        heads.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(heads(&report), "lock site m acq contention blocked");
    // They return as soon as one row has some.
    for point in counted.points.iter_mut().take(1) {
        (point.try_failures, point.timeouts, point.cancellations) = (7, 1_234, 5);
    }
    let report = text::table(&Snapshot::from_parts(counted)).to_string();
    assert_eq!(
        heads(&report),
        "lock site m acq contention tryfail timeouts cancelled blocked"
    );
}

/// No column is wider than its widest cell, however much room there is.
#[test]
fn columns_are_as_wide_as_their_cells() {
    let long = "crates/server/src/a_module_with_a_long_name/and_a_file.rs";
    let points = (1..4).map(|line| point(named("l"), AcquireMode::Shared, long, line));
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: points.collect(),
        ..SnapshotParts::default()
    });
    for width in 60..=100 {
        let report = text::table(&snapshot).width(width).to_string();
        for row in rows(&report, 3) {
            let (_, line) = row.split_once(".rs:").unwrap_or_default();
            assert_eq!(line.get(1..5), Some(" sh "), "{report}");
        }
    }
}

#[test]
fn intervals_say_so() -> Result<(), nexus_lockprof_snapshot::SinceError> {
    let at = |collection, elapsed_ns, acquisitions| {
        let point = point(named("l"), AcquireMode::Exclusive, "a.rs", 1);
        Snapshot::from_parts(SnapshotParts {
            collection,
            elapsed_ns,
            profiler_mode: ProfilerMode::Counts,
            points: vec![Point {
                acquisitions,
                ..point
            }],
            ..SnapshotParts::default()
        })
    };
    let last = "mode counts, an interval of 1.50s";
    let report = text::table(&at(2, 2_500_000_000, 7).since(&at(1, 1_000_000_000, 4))?).to_string();
    assert!(
        report.contains(&format!("1 point, 3 acquisitions, {last}\n")),
        "{report}"
    );

    let gap = at(9, 2_500_000_000, 7).since(&at(1, 1_000_000_000, 4))?;
    let report = text::table(&gap).to_string();
    let note = "\nPercentiles cover only the last part of the interval.";
    assert!(report.contains(last) && report.ends_with(note), "{report}");

    let idle = at(2, 2_500_000_000, 4).since(&at(1, 1_000_000_000, 4))?;
    assert_eq!(
        text::table(&idle).to_string(),
        "No lock was used in an interval of 1.50s."
    );
    Ok(())
}

#[test]
fn an_empty_snapshot_is_explained() {
    let empty = |profiler_mode, losses| {
        let parts = SnapshotParts {
            profiler_mode,
            losses,
            elapsed_ns: 2_000_000,
            ..SnapshotParts::default()
        };
        text::table(&Snapshot::from_parts(parts)).to_string()
    };
    assert_eq!(
        empty(ProfilerMode::Off, Losses::default()),
        "Nothing recorded: the profiler is off (2.00ms elapsed). Turn it on with LOCKPROF=sampled or in its\n  \
         Config, and with nexus_lockprof's feature `profile`."
    );
    assert_eq!(
        empty(
            ProfilerMode::Exact,
            Losses {
                guards: 1,
                ..Losses::default()
            }
        ),
        "Nothing recorded yet: no profiled lock was acquired (mode exact, 2.00ms elapsed). Are the locks\n  \
         nexus_lockprof's, and is its feature `profile` on?\n\
         LOST 1 event: guards 1"
    );
}

#[test]
fn freebsd_is_the_snapshots_own_table() {
    let snapshot = snapshot();
    let table = text::freebsd(&snapshot).to_string();
    assert_eq!(table, snapshot.to_string());
    golden::check("freebsd.txt", &table);
}

#[test]
fn points_of_one_line_are_told_apart_by_column() {
    let at = |file: &str, line, column| {
        let site = Site::new(file, line, column);
        Point {
            acquisitions: 1,
            ..Point::new(named("l"), AcquireMode::Exclusive, site)
        }
    };
    let created = |column| Point {
        lock: Lock::Created(Site::new("src/new.rs", 3, column)),
        ..at("src/used.rs", 8, 1)
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![
            at("src/two.rs", 7, 9),
            at("src/two.rs", 7, 31),
            at("src/two.rs", 8, 9),
            created(5),
            created(25),
        ],
        ..SnapshotParts::default()
    });
    let report = text::table(&snapshot).to_string();
    for name in [
        " src/two.rs:7:9 ",
        " src/two.rs:7:31 ",
        " src/two.rs:8 ",
        "\nnew@src/new.rs:3:5 ",
        "\nnew@src/new.rs:3:25 ",
    ] {
        assert_eq!(report.matches(name).count(), 1, "{name} in\n{report}");
    }
    // At this place, two points share a lock's line and one an acquisition's.
    assert_eq!(report.matches(" src/used.rs:8 ").count(), 2, "{report}");
}
