//! The line that says when threads waited.

use super::{named, point};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, PastInterval, PastPoint, Point, Snapshot, SnapshotParts,
};

const WAITS: [u64; 10] = [0, 0, 0, 900_000_000, 800_000_000, 1_000, 0, 0, 0, 0];

fn report(waits: &[u64], width: usize) -> String {
    report_of(Durations::default(), waits, width)
}

fn report_of(wait: Durations, waits: &[u64], width: usize) -> String {
    const SECOND: u64 = 1_000_000_000;
    let point = Point {
        wait,
        ..point(named("cache"), AcquireMode::Exclusive, "src/cache.rs", 12)
    };
    let history = (1_763_878_800..)
        .zip(waits)
        .map(|(second, &wait_ns)| PastInterval {
            ended_unix_ns: second * SECOND,
            length_ns: SECOND,
            points: [PastPoint {
                wait_ns,
                ..PastPoint::new(point.lock.clone(), point.mode, point.site.clone())
            }]
            .into(),
        });
    let snapshot = Snapshot::from_parts(SnapshotParts {
        history: history.collect(),
        points: vec![Point {
            acquisitions: 9,
            ..point.clone()
        }],
        ..SnapshotParts::default()
    });
    text::table(&snapshot).width(width).to_string()
}

#[test]
fn a_lock_that_was_hot_for_two_of_ten_seconds() {
    let waits = WAITS;
    let line = "\n     peak 06:20:02 to 06:20:04 UTC: waited 1.70s of 1.70s in 2 of 10 intervals";
    let wide = report(&waits, 100);
    assert!(wide.contains(&format!("{line}  ▁▁▁█▇▁▁▁▁▁\n")), "{wide}");
    let narrow = report(&waits, 85);
    assert!(narrow.contains(&format!("{line}  ▁█▇▁▁\n")), "{narrow}");
    assert!(
        report(&waits, 60)
            .lines()
            .all(|line| line.chars().count() <= 60)
    );
    // Waiting that goes on is no peak.
    assert!(!report(&[5; 10], 100).contains("peak"));
}

#[test]
fn times_that_are_estimates_are_marked() {
    let sampled = Durations {
        samples: 10,
        events: 640,
        total_ns: 1_700_001_000,
        ..Durations::default()
    };
    let report = report_of(sampled, &WAITS, 100);
    assert!(
        report.contains(": waited ~1.70s of ~1.70s in 2"),
        "{report}"
    );
}
