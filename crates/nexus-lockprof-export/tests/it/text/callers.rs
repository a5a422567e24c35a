//! The lines below a point that show its callers.

use super::{named, point, times};
use crate::golden;
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{AcquireMode, Frame, Lock, Point, Snapshot, SnapshotParts, Stack};
use unicode_width::UnicodeWidthStr;

const TOKIO: &str = "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/tokio-1.47.1/src";

fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame {
        function: Some(function.into()),
        file: Some(file.into()),
        line: Some(line),
        address: u64::from(line),
    }
}

/// A point inside a wrapper for a library's locks, with `callers` callers.
fn wrapped(callers: u32) -> Snapshot {
    let wrapper = format!("{TOKIO}/loom/std/parking_lot.rs");
    let semaphore = format!("{TOKIO}/sync/batch_semaphore.rs");
    let stack = |n: u32| Stack {
        frames: vec![
            frame(
                "tokio::loom::std::parking_lot::Mutex<T>::lock",
                &wrapper,
                42,
            ),
            frame(
                "tokio::sync::batch_semaphore::Semaphore::release",
                &semaphore,
                100 + n,
            ),
            frame(
                "server::net::pool::Pool::give_back",
                "/srv/app/src/net/pool.rs",
                7,
            ),
            frame("server::main", "/srv/app/src/main.rs", 3),
        ],
        waits: u64::from(if n == 0 { 300 } else { n }),
        wait_ns: if n == 0 { 9_000 } else { 1_000 },
        samples: u64::from(if n == 0 { 100 } else { n }),
    };
    let of_tokio = Point {
        acquisitions: 1_000,
        contentions: 310,
        wait: times(310, 1.0, 4_000..64_000, 0.0),
        callers: (0..callers).map(stack).collect(),
        ..point(Lock::Anonymous, AcquireMode::Exclusive, &wrapper, 42)
    };
    Snapshot::from_parts(SnapshotParts {
        points: vec![
            of_tokio,
            point(named("l"), AcquireMode::Shared, "src/main.rs", 9),
        ],
        ..SnapshotParts::default()
    })
}

/// The lines with the indentation of callers.
fn callers(report: &str) -> Vec<&str> {
    let lines = report.lines().filter(|line| line.starts_with("    "));
    lines
        .filter(|line| line.contains("caller") || line.contains("wait"))
        .skip(1)
        .collect()
}

#[test]
fn callers_stand_below_their_point() {
    let snapshot = wrapped(3);
    let report = text::table(&snapshot).width(132).to_string();
    golden::check("report-callers.txt", &report);
    let row = report
        .lines()
        .position(|line| line.contains("parking_lot.rs:42"));
    let first = report
        .lines()
        .position(|line| line.contains("Semaphore::release"));
    assert_eq!(row.map(|row| row + 1), first);
    assert!(
        !report.contains("Mutex<T>::lock"),
        "the row has it: {report}"
    );

    assert_eq!(callers(&report).len(), 3);
    let report = text::table(&snapshot).callers(1).to_string();
    assert_eq!(callers(&report).len(), 2);
    assert!(
        report.contains("\n    ... and 2 more callers\n"),
        "{report}"
    );
    let report = text::table(&snapshot).callers(2).to_string();
    assert!(report.contains("\n    ... and 1 more caller\n"), "{report}");
    let none = text::table(&snapshot).callers(0).to_string();
    assert_eq!(none, text::table(&wrapped(0)).to_string());
}

#[test]
fn no_caller_is_too_wide() {
    let snapshot = wrapped(9);
    for width in 60..=260 {
        let report = text::table(&snapshot).width(width).callers(9).to_string();
        for line in report.lines() {
            assert!(line.width() <= width, "{} > {width}: {line}", line.width());
            assert_eq!(line, line.trim_end());
        }
    }
}

/// Copies of one function share a line, and so do callers that differ only in distant frames.
#[test]
fn callers_that_read_alike_are_one() {
    let stack = |address, far: u32, wait_ns| Stack {
        frames: vec![
            Frame {
                address,
                ..frame("server::db::get", "/srv/app/src/db.rs", 50)
            },
            frame("server::main", "/srv/app/src/main.rs", 3),
            frame("server::far", "/srv/app/src/main.rs", far),
        ],
        waits: 1,
        wait_ns,
        samples: 1,
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            callers: vec![stack(1, 1, 30), stack(2, 1, 20), stack(1, 2, 50)],
            ..point(named("db"), AcquireMode::Exclusive, "src/db.rs", 5)
        }],
        ..SnapshotParts::default()
    });
    let report = text::table(&snapshot).width(100).to_string();
    assert!(
        report.contains("\n     100% 3 waits  server::db::get ("),
        "{report}"
    );
    assert_eq!(report.matches("db::get").count(), 1, "{report}");
}

/// If all of the nearest frames are a library's, the program's own follow. The standard library's
/// are left out.
#[test]
fn the_programs_own_caller_is_named() {
    let rayon = |function, line| {
        frame(
            function,
            "/root/.cargo/registry/src/i/rayon-1.10.0/src/registry.rs",
            line,
        )
    };
    let std = |line| {
        frame(
            "core::ops::function::FnOnce::call_once",
            "/rustc/abc/library/core/src/ops/function.rs",
            line,
        )
    };
    let frames = vec![
        rayon("rayon::wait", 1),
        std(250),
        rayon("rayon::in_worker", 2),
        rayon("rayon::join", 3),
        frame("app::sort", "/srv/app/src/sort.rs", 7),
        frame("app::main", "/srv/app/src/main.rs", 8),
    ];
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            callers: vec![Stack {
                frames,
                waits: 1,
                wait_ns: 10,
                samples: 1,
            }],
            ..point(named("l"), AcquireMode::Exclusive, "src/lock.rs", 5)
        }],
        ..SnapshotParts::default()
    });
    for (width, expected) in [
        (80, "… < app::sort ("),
        (
            100,
            "rayon::wait (rayon-1.10.0/src/registry.rs:1) < … < app::sort (",
        ),
        (
            200,
            "rayon::join (rayon-1.10.0/src/registry.rs:3) < app::sort (",
        ),
    ] {
        let report = text::table(&snapshot).width(width).to_string();
        let line = report.lines().find(|line| line.contains("1 wait "));
        let line = line.unwrap_or_default();
        assert!(
            line.contains(expected) && !line.contains("call_once"),
            "{line}"
        );
    }
}

/// A helper in the compiler's working directory: debug information has absolute paths, places have
/// relative ones.
#[test]
fn callers_in_the_same_directory_are_named_like_the_point() {
    let callers = vec![Stack {
        frames: vec![
            frame("server::db::lock", "/srv/app/src/db.rs", 5),
            frame("server::db::get", "/srv/app/src/db.rs", 50),
        ],
        waits: 1,
        wait_ns: 10,
        samples: 1,
    }];
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            callers,
            ..point(named("db"), AcquireMode::Exclusive, "src/db.rs", 5)
        }],
        ..SnapshotParts::default()
    });
    let report = text::table(&snapshot).to_string();
    let line = "\n     100% 1 wait  server::db::get (src/db.rs:50)\n";
    assert!(report.contains(line), "{report}");
}
