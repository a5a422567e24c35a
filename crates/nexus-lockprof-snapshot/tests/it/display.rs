//! The LOCK_PROFILING(9) table.

use nexus_lockprof_snapshot::{Durations, Lock, Losses, Point, Snapshot, SnapshotParts};

use crate::support::{measured, named, snapshot};

const HEAD: &str =
    "     max  wait_max       total  wait_total       count    avg wait_avg cnt_hold cnt_lock name";

/// Counted, but not measured.
fn events(events: u64) -> Durations {
    Durations {
        events,
        ..Durations::default()
    }
}

#[test]
fn header_alone() {
    assert_eq!(snapshot(Vec::new()).to_string(), HEAD);
}

#[test]
fn rows_are_in_whole_microseconds() {
    let busy = Point {
        acquisitions: 7,
        contentions: 2,
        blocked: 3,
        wait: measured(&[1_999, 20_000]),
        hold: Durations {
            samples: 7,
            events: 7,
            max_ns: 1_234_567,
            total_ns: 7_777_777_777,
            ..Durations::default()
        },
        ..named("sessions", 10)
    };
    let never = Point {
        try_failures: 1,
        hold: measured(&[5_000]),
        ..named("idle", 20)
    };
    let counted = Point {
        acquisitions: 9,
        contentions: 1,
        wait: events(1),
        hold: events(9),
        ..named("counted", 30)
    };
    let calm = Point {
        acquisitions: 9,
        hold: events(9),
        ..named("calm", 40)
    };
    let expected = concat!(
        "    1234        20     7777777          21           7 1111111        3        3        2 src/app.rs:10 (sessions)\n",
        "       -         -           -           -           9      -        -        0        1 src/app.rs:30 (counted)\n",
        "       -         0           -           0           9      -        0        0        0 src/app.rs:40 (calm)\n",
        "       5         0           5           0           0      0        0        0        0 src/app.rs:20 (idle)",
    );
    assert_eq!(
        snapshot(vec![calm, never, counted, busy]).to_string(),
        format!("{HEAD}\n{expected}")
    );
}

#[test]
fn names_cannot_break_the_table() {
    let point = Point {
        lock: Lock::Named("a\nb\u{1b}[31m".into()),
        ..named("", 1)
    };
    let text = snapshot(vec![point]).to_string();
    assert!(text.ends_with(" src/app.rs:1 (a\\nb\\u{1b}[31m)"), "{text}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn estimates_and_losses_are_told() {
    let sampled = |line| Point {
        acquisitions: 64,
        hold: Durations {
            samples: 1,
            events: 64,
            total_ns: 64_000,
            ..Durations::default()
        },
        ..named("l", line)
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![
            sampled(1),
            sampled(2),
            Point {
                acquisitions: 1,
                ..named("m", 3)
            },
        ],
        losses: Losses {
            memory: 2,
            ..Losses::default()
        },
        ..SnapshotParts::default()
    });
    let text = snapshot.to_string();
    let below: Vec<_> = text.split('\n').skip(4).collect();
    assert_eq!(
        below,
        [
            "ESTIMATED from samples: total and avg of 2 points, wait_total and wait_avg of 0",
            "LOST 2 events: memory 2",
        ]
    );
}
