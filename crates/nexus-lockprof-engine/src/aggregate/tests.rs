//! Collections, and events at their edges.

use super::*;
use crate::class::number_of;
use crate::clock::ManualClock;
use crate::identity::{HoldMode, SiteKey};
use crate::record::{Delta, Kind, Measured, Owner, Record};
use crate::shard::Shard;
use crate::thread;
use nexus_lockprof_snapshot::Sample;
use std::panic::Location;

/// A timed acquisition, and its hold of `ns`.
fn hold(core: &Core, shard: &Shard, record: &Record, ns: u64) {
    // SAFETY: the tests have their shard from `thread::shard`, in this thread.
    let owner = unsafe { Owner::assume() };
    record.count(false);
    let hold = Measured {
        kind: Kind::Hold,
        ns,
        weight: 1,
    };
    let delta = Delta {
        hold: Some(hold),
        ..Delta::default()
    };
    assert_eq!(record.add(&owner, &delta, core.era(), &shard.rng), 0);
}

fn values(samples: &[Sample]) -> Vec<u64> {
    samples.iter().map(|sample| sample.value_ns).collect()
}

/// A core whose one record has been used, and read twice since.
fn with_quiet_record(test: impl FnOnce(&Core, &mut Aggregator, &dyn Fn(u64))) {
    let core = Core::local(Some(&ManualClock::new()));
    let shard = thread::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    let key = PointKey::new(site, number_of("quiet").unwrap());
    let record = shard.record(&owner, key, &core.limits()).unwrap();
    let mut aggregator = Aggregator::new(&core);
    let hold = |ns| hold(&core, shard, record, ns);
    hold(100);
    for _ in 0..3 {
        let _ = aggregator.collect(&core, &mut Vec::new());
    }
    test(&core, &mut aggregator, &hold);
}

#[test]
fn what_is_recorded_before_its_record_is_read_is_a_sample_of_the_next_collection() {
    with_quiet_record(|core, aggregator, hold| {
        let mut events = Vec::new();
        let closed = core.eras.open_collection();
        hold(200);
        let snapshot = aggregator.merge(core, closed, Some(&mut events));
        let point = &snapshot.points()[0].hold;
        assert_eq!((point.samples, point.total_ns), (2, 300));
        assert_eq!(values(&point.reservoir), [100]);
        // Nothing has happened at the record since, but its reservoir has something.
        let snapshot = aggregator.collect(core, &mut events);
        let point = &snapshot.points()[0].hold;
        assert_eq!((point.samples, point.total_ns), (2, 300));
        assert_eq!(values(&point.reservoir), [100, 200]);
        assert_eq!(values(&point.recent), [200]);
        // Once.
        let snapshot = aggregator.collect(core, &mut events);
        let point = &snapshot.points()[0].hold;
        assert_eq!(values(&point.reservoir), [100, 200]);
        assert_eq!(values(&point.recent), [0; 0]);
    });
}

#[test]
fn a_glance_does_not_end_the_interval() {
    with_quiet_record(|core, aggregator, hold| {
        let mut events = Vec::new();
        let before = aggregator.collect(core, &mut events);
        hold(200);
        let glance = aggregator.glance(core);
        assert_eq!(values(&glance.points()[0].hold.recent), [200]);
        hold(300);
        let snapshot = aggregator.collect(core, &mut events);
        let point = &snapshot.points()[0].hold;
        assert_eq!(values(&point.recent), [200, 300]);
        assert_eq!(values(&point.reservoir), [100, 200, 300], "each once");
        let interval = snapshot.since(&before).unwrap();
        assert!(interval.is_complete());
        // The interval is over now.
        let snapshot = aggregator.collect(core, &mut events);
        assert_eq!(values(&snapshot.points()[0].hold.recent), [0; 0]);
    });
}

/// One line may be at several addresses: in each codegen unit, in each generic instance.
#[test]
fn points_of_one_content_at_two_addresses_are_one() {
    let core = Core::local(Some(&ManualClock::new()));
    let shard = thread::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let here = Location::caller();
    let copies = [*here, *here].map(|location| &*Box::leak(Box::new(location)));
    assert!(!std::ptr::eq(copies[0], copies[1]));
    for location in copies {
        let site = SiteKey::new(location, HoldMode::Exclusive);
        let key = PointKey::new(site, number_of("twice").unwrap());
        let record = shard.record(&owner, key, &core.limits()).unwrap();
        hold(&core, shard, record, 100);
    }
    let snapshot = Aggregator::new(&core).collect(&core, &mut Vec::new());
    let [point] = snapshot.points() else {
        panic!("{snapshot}");
    };
    assert_eq!((point.acquisitions, point.hold.total_ns), (2, 200));
    assert_eq!(snapshot.table().records, 2);
}
