//! The report.

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
        max_ns: range.end,
        reservoir: values.map(|value_ns| Sample { value_ns, weight }).collect(),
        recent: Vec::new(),
    }
}

fn point(lock: Lock, mode: AcquireMode, file: &str, line: u32) -> Point {
    Point::new(lock, mode, Site::new(file, line, 9))
}

fn named(name: &str) -> Lock {
    Lock::Named(name.to_owned())
}

/// A program like one that a user has.
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
            hold: times(15_625, 64.0, 80..200, 1e12),
            ..point(
                named("routing table"),
                Shared,
                "crates/server/src/routes/resolve/by_host.rs",
                7,
            )
        },
        Point {
            acquisitions: 40,
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
        mode: ProfilerMode::Sampled { budget: 0.01 },
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

/// The lines of a report that are its rows: below the two head lines, above the summary.
fn rows(report: &str, points: usize) -> Vec<&str> {
    report.lines().skip(2).take(points).collect()
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
        let report = text::table(&snapshot).width(width).to_string();
        let heads = report.lines().nth(1).unwrap_or_default();
        let heads: Vec<String> = heads.split_whitespace().map(str::to_owned).collect();
        assert!(
            heads.len() >= before.len(),
            "{width}: {before:?}, then {heads:?}"
        );
        before = heads;
    }
    assert_eq!(before.len(), 17);
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
        (Contentions, "contended", [88, 1204, 7, 12, 2, 300]),
        (Acquisitions, "acq", [88, 7, 1204, 12, 2, 300]),
        (MaxWait, "wait", [1204, 88, 7, 12, 2, 300]),
        (MaxHold, "hold", [2, 1204, 12, 88, 7, 300]),
        (Name, "lock", [300, 1204, 7, 12, 88, 2]),
    ];
    for (key, head, expected) in cases {
        let report = text::table(&snapshot).sort(key).width(60).to_string();
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
    let report = text::table(&snapshot).top(2).to_string();
    assert!(
        report.contains("\n... and 4 more points\n6 points, "),
        "{report}"
    );
    assert!(
        text::table(&snapshot)
            .top(5)
            .to_string()
            .contains("\n... and 1 more point\n")
    );
    assert!(!text::table(&snapshot).top(6).to_string().contains("..."));
    assert!(
        text::table(&snapshot)
            .top(0)
            .to_string()
            .contains("... and 6 more points\n")
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
        clean + "LOST 12 events: points_full 10, reentrant 2\n"
    );
}

#[test]
fn estimates_are_marked_only_when_there_are_any() {
    let report = text::table(&snapshot()).width(260).to_string();
    assert!(report.contains("~9.26s"), "a total: {report}");
    // 9e15 ns² is 94.9 ms², of 9.26 s.
    assert!(
        report.contains("standard error of a total: up to 1.0%\n"),
        "{report}"
    );

    let mut exact = parts();
    exact.mode = ProfilerMode::Exact;
    exact.points.retain(|p| !p.hold.is_estimate());
    assert_eq!(exact.points.len(), 4);
    let report = text::table(&Snapshot::from_parts(exact)).to_string();
    assert!(!report.contains('~'), "{report}");
}

#[test]
fn intervals_say_so() -> Result<(), nexus_lockprof_snapshot::SinceError> {
    let at = |collection, elapsed_ns, acquisitions| {
        let point = point(named("l"), AcquireMode::Exclusive, "a.rs", 1);
        Snapshot::from_parts(SnapshotParts {
            collection,
            elapsed_ns,
            mode: ProfilerMode::Counts,
            points: vec![Point {
                acquisitions,
                ..point
            }],
            ..SnapshotParts::default()
        })
    };
    let last = "mode counts, an interval of 1.50s\n";
    let report = text::table(&at(2, 2_500_000_000, 7).since(&at(1, 1_000_000_000, 4))?).to_string();
    assert!(
        report.ends_with(&format!("1 point, 3 acquisitions, 0 shards, {last}")),
        "{report}"
    );

    let gap = at(9, 2_500_000_000, 7).since(&at(1, 1_000_000_000, 4))?;
    let report = text::table(&gap).to_string();
    let note = "Percentiles cover only the last part of the interval.\n";
    assert!(report.ends_with(&format!("{last}{note}")), "{report}");

    let idle = at(2, 2_500_000_000, 4).since(&at(1, 1_000_000_000, 4))?;
    assert_eq!(
        text::table(&idle).to_string(),
        "No lock was used in an interval of 1.50s.\n"
    );
    Ok(())
}

#[test]
fn an_empty_snapshot_is_explained() {
    let empty = |mode, losses| {
        let parts = SnapshotParts {
            mode,
            losses,
            elapsed_ns: 2_000_000,
            ..SnapshotParts::default()
        };
        text::table(&Snapshot::from_parts(parts)).to_string()
    };
    assert_eq!(
        empty(ProfilerMode::Off, Losses::default()),
        "Nothing recorded: the profiler is off (2.00ms elapsed). Turn it on with LOCKPROF=sampled or in its\n  Config.\n"
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
         LOST 1 event: guards 1\n"
    );
}

#[test]
fn freebsd_is_the_snapshots_own_table() {
    let snapshot = snapshot();
    let table = text::freebsd(&snapshot).to_string();
    assert_eq!(table, snapshot.to_string());
    golden::check("freebsd.txt", &table);
}
