use super::*;
use nexus_lockprof_snapshot::{AcquireMode, Lock, Site, SnapshotParts};

#[test]
fn what_finds_no_room_is_counted() {
    let mut rng = fastrand::Rng::with_seed(1);
    let samples = [Sample::exact(5); 3];
    let batch = Batch {
        kind: Measure::Wait,
        samples: &samples,
        offered: 70,
    };
    let mut pending = full(10);
    assert!(pending.len >= MOST && !pending.complete);
    assert_eq!(pending.add(1, batch, &mut rng), 70);
    assert_eq!(pending.offered() % 40, 0, "without those that are lost");
}

#[test]
fn what_finds_no_room_after_a_move_is_counted() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut pending = Pending::default();
    let few = [Sample::exact(5); 10];
    let many = [Sample::exact(5); 200];
    let mut add = |pending: &mut Pending, point, samples, offered| {
        let kind = Measure::Hold;
        let batch = Batch {
            kind,
            samples,
            offered,
        };
        assert_eq!(pending.add(point, batch, &mut rng), 0);
    };
    let mut point = 0;
    while pending.len + few.len() < MOST {
        add(&mut pending, point, &few, 12);
        point += 1;
    }
    // The last one may be larger than what is left.
    add(&mut pending, point, &many, 200);
    let moved = HashMap::from([(0, point + 1)]);
    let mut rng = fastrand::Rng::with_seed(2);
    assert_eq!(pending.follow(&moved, &mut rng), 12);
    assert!(!pending.complete);
}

/// When there is no room for all samples of all points, each point has fewer.
#[test]
fn more_points_have_fewer_samples_each() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut pending = Pending::default();
    let samples = [Sample::exact(5); SIZE];
    let batch = Batch {
        kind: Measure::Wait,
        samples: &samples,
        offered: SIZE as u64,
    };
    let most = MOST / LEAST_SIZE;
    for point in 0..most {
        assert_eq!(pending.add(point, batch, &mut rng), 0, "point {point}");
        assert!(pending.len <= MOST + SIZE);
    }
    assert!(pending.complete);
    // Who has its share already may have others in their place.
    assert_eq!(pending.add(0, batch, &mut rng), 0);
    assert!(pending.complete);
    assert_eq!(pending.add(most, batch, &mut rng), batch.offered);
}

#[test]
fn the_longest_is_that_of_all_batches() {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut pending = Pending::default();
    for ns in [3, 9, 5] {
        let samples = [Sample::exact(ns)];
        let batch = Batch {
            kind: Measure::Hold,
            samples: &samples,
            offered: 1,
        };
        assert_eq!(pending.add(1, batch, &mut rng), 0);
    }
    let [_, (holds, offered)] = pending.take(1);
    assert_eq!((holds.longest_ns, offered), (9, 3));
}

/// A snapshot of one point with this many acquisitions.
fn taken(collection: u64, acquisitions: u64) -> Snapshot {
    let lock = Lock::Named("lock".into());
    let mode = AcquireMode::Exclusive;
    let site = Site::new("src/main.rs", 1, 1);
    let point = Point {
        acquisitions,
        ..Point::new(lock, mode, site)
    };
    Snapshot::from_parts(SnapshotParts {
        collection,
        points: vec![point],
        ..SnapshotParts::default()
    })
}

/// An interval that cannot be told is a part of the next one, which lacks its samples.
#[test]
fn the_interval_after_one_that_failed_is_not_complete() {
    let mut pullers = Pullers::default();
    let id = pullers.register();
    let mut pull = |collection, acquisitions| {
        let now = taken(collection, acquisitions);
        let (interval, lost) = pullers.pull(id, (&now, 0), Pull::Interval, |_| None);
        let events: u64 = interval.points().iter().map(|of| of.acquisitions).sum();
        (events, interval.is_complete(), lost)
    };
    assert_eq!(pull(2, 10), (10, true, 0));
    assert_eq!(pull(3, 12), (2, true, 0));
    // It does not follow the last one.
    assert_eq!(pull(1, 20), (0, false, 1));
    assert_eq!(pull(4, 25), (13, false, 0));
    assert_eq!(pull(5, 26), (1, true, 0));
}

/// The one that has rested longest gives up its place.
#[test]
fn of_several_that_have_rested_the_first_makes_room() {
    let mut pullers = Pullers::default();
    let ids: Vec<u64> = (0..SAMPLED).map(|_| pullers.register()).collect();
    for (number, &id) in ids.iter().enumerate() {
        // The third is the first.
        let at_ns = (number as u64 + SAMPLED as u64 - 2) % SAMPLED as u64;
        let _ = pullers.pull(id, (&taken(1, 1), at_ns), Pull::Interval, |_| None);
    }
    let ninth = pullers.register();
    let late_ns = 2 * RESTED_NS;
    let _ = pullers.pull(ninth, (&taken(2, 2), late_ns), Pull::Interval, |_| None);
    let without: Vec<u64> = (pullers.pullers.iter())
        .filter(|puller| puller.pending.is_none())
        .map(|puller| puller.id)
        .collect();
    assert_eq!(without, [ids[2]]);
}
