//! What each thread has done, below the table.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts, Thread, ThreadKind, ThreadRow,
    ThreadTime,
};

const MS: u64 = 1_000_000;

fn time(samples: u64, total_ns: u64) -> ThreadTime {
    ThreadTime {
        samples,
        events: samples,
        total_ns,
        ..ThreadTime::default()
    }
}

/// A thread that waited once for this time.
fn live(number: u64, waited_ns: u64) -> ThreadRow {
    ThreadRow {
        kind: ThreadKind::Live,
        thread: Some(Thread {
            id: 4_000 + number,
            name: (number < 4).then(|| format!("worker {number}").into()),
        }),
        number,
        threads: 1,
        acquisitions: 1_000 * number,
        contentions: u64::from(waited_ns > 0),
        wait: match waited_ns {
            0 => ThreadTime::default(),
            ns => time(1, ns),
        },
        hold: time(number, 2 * MS * number),
    }
}

fn ended() -> ThreadRow {
    ThreadRow {
        kind: ThreadKind::Ended,
        threads: 12,
        acquisitions: 345,
        contentions: 5,
        wait: ThreadTime {
            events: 5,
            ..time(2, 5 * MS)
        },
        ..ThreadRow::default()
    }
}

fn snapshot(threads: Vec<ThreadRow>) -> Snapshot {
    let site = Site::new("src/a.rs", 1, 1);
    Snapshot::from_parts(SnapshotParts {
        elapsed_ns: 1_000 * MS,
        points: vec![Point::new(Lock::Anonymous, AcquireMode::Exclusive, site)],
        threads,
        ..SnapshotParts::default()
    })
}

/// One thread waited far more than the others.
fn starved() -> Snapshot {
    let rows = (1..=7).map(|n| live(n, if n == 2 { 300 * MS } else { n * MS }));
    snapshot(rows.chain([ended()]).collect())
}

#[test]
fn all_threads_are_shown_when_they_are_asked_for() {
    let rows = vec![live(1, 3 * MS), live(2, 0), live(5, 4 * MS), ended()];
    assert_eq!(
        text::threads(&snapshot(rows), Some(10), 100),
        [
            "Threads, by the time that they waited:",
            "  thread                   acq  contention   waited        held",
            "  thread 4005            5.00k     1 <0.1%   4.00ms 33%  10.0ms",
            "  worker 1 (4001)        1.00k      1 0.1%   3.00ms 25%  2.00ms",
            "  worker 2 (4002)        2.00k           0        -      4.00ms",
            "  12 threads that ended    345      5 1.4%  ~5.00ms 42%       -",
        ]
    );
}

#[test]
fn a_starved_thread_shows_by_itself() {
    let lines = text::threads(&starved(), None, 100);
    assert_eq!(
        lines[0],
        "worker 2 (4002) waited 300ms, 91% of the time that threads waited:"
    );
    // A row of names, five threads, the sum of those that ended, and the number of the others.
    assert_eq!(lines.len(), 9);
    assert!(lines[2].starts_with("  worker 2 (4002)"), "{lines:#?}");
    assert_eq!(lines[8], "  ... and 2 more threads");
    assert!(
        text::table(&starved())
            .to_string()
            .contains(&lines.join("\n"))
    );
    assert_eq!(text::threads(&starved(), Some(0), 100), [""; 0]);
}

#[test]
fn threads_that_waited_alike_do_not_show_by_themselves() {
    let rows = (1..=7).map(|n| live(n, 300 * MS)).collect();
    assert_eq!(text::threads(&snapshot(rows), None, 100), [""; 0]);
}

/// Nor does one that waited far more, but for no time worth a word.
#[test]
fn a_little_waiting_does_not_show_by_itself() {
    let rows = (1..=7).map(|n| live(n, if n == 2 { 40 * MS } else { 0 }));
    assert_eq!(text::threads(&snapshot(rows.collect()), None, 100), [""; 0]);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [60, 70, 200] {
        for line in text::threads(&starved(), Some(9), width) {
            assert!(line.chars().count() <= width, "{line}");
        }
    }
}
