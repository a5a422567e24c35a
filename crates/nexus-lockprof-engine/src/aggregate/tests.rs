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
        let snapshot = aggregator.merge(core, closed, &mut events);
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
