//! `from_parts`: order, merging, accessors.

use std::time::{Duration, UNIX_EPOCH};

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Point, Sample, Samples, Site, Snapshot, SnapshotParts, Text,
};

use crate::support::{TestResult, everything, measured, named, snapshot};

fn lines(snapshot: &Snapshot) -> Vec<u32> {
    snapshot.points().iter().map(|p| p.site.line).collect()
}

#[test]
fn points_go_by_wait_then_contentions_then_acquisitions_then_key() {
    let point = |line, wait_ns, contentions, acquisitions| Point {
        contentions,
        acquisitions,
        wait: Durations {
            total_ns: wait_ns,
            ..Durations::default()
        },
        ..named("l", line)
    };
    let mut points = vec![
        point(1, 0, 0, 5),
        point(2, 0, 0, 5),
        point(3, 0, 0, 9),
        point(4, 0, 1, 1),
        point(5, 7, 0, 0),
        point(6, 8, 0, 0),
    ];
    let expected = [6, 5, 4, 3, 1, 2];
    assert_eq!(lines(&snapshot(points.clone())), expected);
    points.reverse();
    assert_eq!(lines(&snapshot(points)), expected);
}

#[test]
fn mode_and_column_make_points_of_their_own() {
    let base = named("l", 1);
    let shared = Point {
        mode: AcquireMode::Shared,
        ..base.clone()
    };
    let column = Point {
        site: Site::new("src/app.rs", 1, 6),
        ..base.clone()
    };
    let unnamed = Point {
        lock: Lock::Anonymous,
        ..base.clone()
    };
    assert_eq!(
        snapshot(vec![base, shared, column, unnamed]).points().len(),
        4
    );
}

#[test]
fn records_of_one_point_are_merged() {
    let one = Point {
        acquisitions: 1,
        contentions: 2,
        try_failures: 3,
        timeouts: 4,
        cancellations: 5,
        abandoned_wait_ns: 6,
        blocked: 5,
        caused_wait_ns: 6,
        wait: measured(&[30, 10]),
        hold: Durations {
            total_variance: 2.5,
            recent: Samples::from(vec![Sample::exact(3)]),
            ..measured(&[1, 3])
        },
        ..named("l", 1)
    };
    let other = Point {
        acquisitions: u64::MAX,
        wait: measured(&[40]),
        hold: Durations {
            recent: Samples::from(vec![Sample::exact(2)]),
            ..measured(&[2])
        },
        ..one.clone()
    };
    let merged = snapshot(vec![one, other]);
    let expected = Point {
        acquisitions: u64::MAX,
        contentions: 4,
        try_failures: 6,
        timeouts: 8,
        cancellations: 10,
        abandoned_wait_ns: 12,
        blocked: 10,
        caused_wait_ns: 12,
        wait: measured(&[10, 30, 40]),
        hold: Durations {
            total_variance: 2.5,
            recent: Samples::from(vec![Sample::exact(2), Sample::exact(3)]),
            ..measured(&[1, 2, 3])
        },
        ..named("l", 1)
    };
    assert_eq!(merged.points(), [expected]);
}

#[test]
fn equal_samples_in_any_order_make_equal_snapshots() {
    let light = Sample {
        value_ns: 5,
        weight: 1.0,
    };
    let heavy = Sample {
        value_ns: 5,
        weight: 2.0,
    };
    let with = |reservoir: Vec<Sample>| {
        let hold = Durations {
            reservoir: reservoir.into(),
            ..Durations::default()
        };
        snapshot(vec![Point {
            hold,
            ..named("l", 1)
        }])
    };
    assert_eq!(with(vec![light, heavy]), with(vec![heavy, light]));
}

#[test]
fn accessors_return_their_part() {
    let parts = everything();
    let snapshot = Snapshot::from_parts(parts.clone());
    assert_eq!(snapshot.engine(), parts.engine);
    assert_eq!(snapshot.collection(), parts.collection);
    assert_eq!(snapshot.resets(), parts.resets);
    assert_eq!(snapshot.taken_unix_ns(), parts.taken_unix_ns);
    let taken = UNIX_EPOCH + Duration::from_nanos(parts.taken_unix_ns);
    assert_eq!(snapshot.taken(), Some(taken));
    assert_eq!(snapshot.elapsed_ns(), parts.elapsed_ns);
    assert_eq!(snapshot.elapsed(), Duration::from_nanos(parts.elapsed_ns));
    assert_eq!(snapshot.pid(), parts.pid);
    assert_eq!(snapshot.profiler_mode(), parts.profiler_mode);
    assert_eq!(*snapshot.table(), parts.table);
    assert_eq!(*snapshot.losses(), parts.losses);
    assert_eq!(snapshot.points(), parts.points);
    assert_eq!(snapshot.base_collection(), None);
    assert!(snapshot.is_complete());
}

#[test]
fn points_are_found_by_lock_name() {
    let parts = SnapshotParts {
        points: vec![
            Point {
                acquisitions: 1,
                ..named("a", 1)
            },
            Point {
                acquisitions: 9,
                ..named("a", 2)
            },
            Point {
                acquisitions: 5,
                ..named("b", 3)
            },
            Point::new(
                Lock::Anonymous,
                AcquireMode::Shared,
                Site::new("x.rs", 4, 1),
            ),
        ],
        ..SnapshotParts::default()
    };
    let snapshot = Snapshot::from_parts(parts);
    let of = |name: &str| {
        snapshot
            .points_of(name)
            .map(|p| p.site.line)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("a"), [2, 1]);
    assert_eq!(of("?"), [4]);
    assert_eq!(of("c"), [0; 0]);
    assert_eq!(snapshot.point("a").map(|p| p.site.line), Some(2));
}

/// Both forms have it. A merge has it if all of its snapshots are of that program.
#[test]
fn the_program_is_known_by_name() -> TestResult {
    let of = |program: Option<&str>| {
        Snapshot::from_parts(SnapshotParts {
            program: program.map(Text::from),
            ..everything()
        })
    };
    let shop = of(Some("shop"));
    assert_eq!(shop.program(), Some("shop"));
    assert!(shop.to_json()?.contains(r#""pid":4242,"program":"shop","#));
    assert_eq!(Snapshot::from_json(&shop.to_json()?)?, shop);
    assert_eq!(Snapshot::from_bytes(&shop.to_bytes()?)?, shop);
    assert_eq!(shop.since(&shop)?.program(), Some("shop"));
    for (other, expected) in [
        (Some("shop"), Some("shop")),
        (Some("bank"), None),
        (None, None),
    ] {
        let merged = Snapshot::merge([shop.clone(), of(other)]);
        assert_eq!(merged.program(), expected, "{other:?}");
    }
    Ok(())
}
