//! How busy a lock was, and what waiting took.

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Point, ProfilerMode, Snapshot, SnapshotParts, Utilisation,
};

use crate::support::{TestResult, measured, named};

fn second(points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        elapsed_ns: 1_000_000_000,
        profiler_mode: ProfilerMode::Exact,
        points,
        ..SnapshotParts::default()
    })
}

/// A point of `lock` with these holds and waits.
fn point(lock: &str, line: u32, mode: AcquireMode, holds: &[u64], waits: &[u64]) -> Point {
    Point {
        mode,
        acquisitions: holds.len() as u64,
        contentions: waits.len() as u64,
        hold: measured(holds),
        wait: measured(waits),
        ..named(lock, line)
    }
}

fn of<'a>(all: &'a [Utilisation], lock: &str) -> Option<&'a Utilisation> {
    all.iter().find(|of| of.lock.name() == lock)
}

#[test]
fn holds_of_a_class_add_up_and_readers_stay_apart() {
    use AcquireMode::{Exclusive, Shared, Upgradable};
    let snapshot = second(vec![
        point("map", 1, Exclusive, &[100_000_000], &[]),
        point("map", 2, Upgradable, &[50_000_000], &[]),
        point("map", 3, Shared, &[900_000_000, 800_000_000], &[]),
        point("queue", 4, Exclusive, &[250_000_000], &[2_500_000_000]),
    ]);
    let all = snapshot.utilisation();
    // The lock that was waited for comes first.
    assert_eq!(all[0].lock.name(), "queue");
    let map = of(&all, "map").unwrap();
    assert_eq!(map.held.unwrap().share, 0.15);
    assert_eq!(map.readers.unwrap().share, 1.7);
    assert_eq!(map.waited.unwrap().share, 0.0);
    let queue = of(&all, "queue").unwrap();
    assert_eq!(queue.held.unwrap().share, 0.25);
    assert_eq!(queue.readers.unwrap().total_ns, 0);
    assert_eq!(queue.waited.unwrap().share, 2.5);
    assert_eq!(snapshot.waited().unwrap().share, 2.5);
}

#[test]
fn a_lock_is_unfair_if_one_wait_is_much_longer_than_the_mean() {
    let waits = [vec![1_000; 99], vec![901_000]].concat();
    let snapshot = second(vec![
        point("map", 1, AcquireMode::Exclusive, &[], &waits[..50]),
        point("map", 2, AcquireMode::Shared, &[], &waits[50..]),
        point("queue", 3, AcquireMode::Exclusive, &[1], &[]),
    ]);
    let all = snapshot.utilisation();
    let map = of(&all, "map").unwrap();
    assert_eq!(map.longest_wait_ns, Some(901_000));
    assert_eq!(map.mean_wait_ns, Some(10_000));
    let queue = of(&all, "queue").unwrap();
    assert_eq!((queue.longest_wait_ns, queue.mean_wait_ns), (None, None));
}

#[test]
fn an_estimate_has_an_error_and_a_part_says_so() {
    let sampled = Durations {
        samples: 10,
        events: 1_000,
        total_ns: 500_000_000,
        total_variance: 1e16,
        ..Durations::default()
    };
    let partial = Durations {
        samples: 1,
        events: 1,
        unmeasured: 9,
        total_ns: 5,
        ..Durations::default()
    };
    let snapshot = second(vec![Point {
        acquisitions: 1_000,
        contentions: 10,
        hold: sampled,
        wait: partial,
        ..named("map", 1)
    }]);
    let all = snapshot.utilisation();
    let held = all[0].held.unwrap();
    assert!(held.is_estimate && !held.is_partial, "{held:?}");
    assert_eq!((held.share, held.share_error), (0.5, 0.1));
    assert!(all[0].waited.unwrap().is_partial);
}

/// Nothing that was not measured is 0.
#[test]
fn not_measured_is_none() {
    let counted = Point {
        acquisitions: 9,
        contentions: 3,
        ..named("counted", 1)
    };
    let unmeasured = Point {
        acquisitions: 9,
        contentions: 3,
        hold: Durations {
            unmeasured: 9,
            ..Durations::default()
        },
        wait: Durations {
            unmeasured: 3,
            ..Durations::default()
        },
        ..named("unmeasured", 2)
    };
    // Taken once, and still held.
    let pending = Point {
        acquisitions: 1,
        ..named("pending", 3)
    };
    for mode in [counted, unmeasured] {
        let snapshot = second(vec![mode]);
        let all = snapshot.utilisation();
        assert_eq!((all[0].held, all[0].waited), (None, None));
        assert_eq!(all[0].readers.unwrap().total_ns, 0);
        assert_eq!(snapshot.waited(), None);
    }
    let snapshot = second(vec![pending]);
    assert_eq!(snapshot.utilisation()[0].held, None);
    assert_eq!(snapshot.waited().unwrap().total_ns, 0);
    assert!(
        crate::support::snapshot(vec![named("a", 1)])
            .utilisation()
            .is_empty()
    );
}

#[test]
fn intervals_and_merges_have_their_own() -> TestResult {
    let at = |collection, elapsed_ns, holds: &[u64]| {
        Snapshot::from_parts(SnapshotParts {
            collection,
            elapsed_ns,
            points: vec![point("map", 1, AcquireMode::Exclusive, holds, &[])],
            ..SnapshotParts::default()
        })
    };
    let (earlier, later) = (at(1, 1_000, &[900]), at(2, 2_000, &[900, 100]));
    let interval = later.since(&earlier)?;
    assert_eq!(interval.utilisation()[0].held.unwrap().share, 0.1);
    let merged = Snapshot::merge([at(1, 1_000, &[900]), at(1, 1_000, &[100])]);
    assert_eq!(merged.utilisation()[0].held.unwrap().share, 0.5);
    Ok(())
}
