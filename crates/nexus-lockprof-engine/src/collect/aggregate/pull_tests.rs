//! What a forked process, and pullers, have of an interval.

use super::Aggregator;
use crate::acquire::leased;
use crate::acquire::signal::Attempt;
use crate::clock::ManualClock;
use crate::collect::pullers::{self, Pull, RESTED_NS, SAMPLED};
use crate::config::{Config, Mode};
use crate::core::Core;
use crate::event::Event;
use crate::identity::lock_class::number_of;
use crate::identity::{HoldMode, PointKey, SiteKey};
use crate::record::owner::Owner;
use crate::record::statistics::Delta;
use crate::record::tally::{Measure, Measured};
use crate::sync::bump;
use std::panic::Location;
use std::time::Duration;

/// Runs `test` with a core that tells of holds above 100 ns, and a function that counts holds of
/// 250 ns.
fn with_threshold(test: impl FnOnce(&Core, &ManualClock, &mut Aggregator, &dyn Fn(usize))) {
    let clock = ManualClock::new();
    let core = Core::local(Some(&clock));
    let config = Config::default().mode(Mode::Exact);
    assert_eq!(
        core.configure(config.hot_hold(Duration::from_nanos(100))),
        Ok(())
    );
    let shard = leased::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    let key = PointKey::new(site, number_of("hot").unwrap());
    let record = core
        .record_or_rest(shard, &owner, key, Attempt::Waits)
        .unwrap();
    let delta = Delta {
        hold: Some(Measured {
            kind: Measure::Hold,
            ns: 250,
            weight: 1,
        }),
        ..Delta::default()
    };
    let hold = |times| {
        for _ in 0..times {
            record.count(false);
            bump(&record.holds.measured, 1);
            let refused = record.add(&owner, &delta, core.open_collection(), &shard.rng, || true);
            assert_eq!(refused, 0);
        }
    };
    let mut aggregator = core.new_aggregator();
    test(&core, &clock, &mut aggregator, &hold);
}

/// What a forked child does before its first collection.
fn forget_parent(core: &Core, aggregator: &mut Aggregator) {
    let parents = aggregator.collect(core, &mut Vec::new());
    aggregator.begin_intervals_again();
    aggregator.reset(core, &parents);
}

/// How many `lock.hot` there are.
fn hot(events: &[Event]) -> usize {
    let hot = events.iter().filter(|event| matches!(event, Event::Hot(_)));
    hot.count()
}

#[test]
fn a_forked_child_without_a_reporter_has_thresholds_and_a_history() {
    with_threshold(|core, clock, aggregator, hold| {
        let mut events = Vec::new();
        let _ = aggregator.tick(core, &mut events);
        hold(20);
        let _ = aggregator.tick(core, &mut events);
        assert_eq!(hot(&events), 1);
        forget_parent(core, aggregator);
        // The child's own events, at a point that the parent has told of.
        events.clear();
        hold(20);
        clock.advance(Duration::from_secs(1));
        let snapshot = aggregator.collect(core, &mut events);
        assert_eq!((hot(&events), snapshot.history().len()), (1, 1));
    });
}

#[test]
fn a_forked_child_does_not_tell_what_its_parent_measured() {
    with_threshold(|core, _, aggregator, hold| {
        let mut events = Vec::new();
        let _ = aggregator.tick(core, &mut events);
        hold(20);
        forget_parent(core, aggregator);
        let _ = aggregator.tick(core, &mut events);
        assert_eq!(hot(&events), 0);
    });
}

#[test]
fn what_the_monitor_has_no_room_for_is_lost_at_once() {
    with_threshold(|core, _, aggregator, hold| {
        let mut events = Vec::new();
        let _ = aggregator.tick(core, &mut events);
        aggregator.monitored = Some(pullers::full(1_000));
        hold(3);
        let snapshot = aggregator.collect(core, &mut events);
        assert_eq!(snapshot.losses().interval_samples, 3);
        let snapshot = aggregator.collect(core, &mut events);
        assert_eq!(snapshot.losses().interval_samples, 3, "once");
    });
}

#[test]
fn the_monitor_keeps_nothing_of_points_without_a_threshold() {
    with_threshold(|core, _, aggregator, hold| {
        let config = Config::default().mode(Mode::Exact);
        assert_eq!(core.configure(config), Ok(()));
        let mut events = Vec::new();
        let _ = aggregator.tick(core, &mut events);
        aggregator.monitored = Some(pullers::full(1_000));
        hold(3);
        let snapshot = aggregator.collect(core, &mut events);
        assert_eq!(snapshot.losses().interval_samples, 0);
    });
}

/// So many pullers that none is left with samples for another one.
fn fill(core: &Core, aggregator: &mut Aggregator) -> Vec<u64> {
    let ids = (0..SAMPLED).map(|_| aggregator.register());
    let ids: Vec<u64> = ids.collect();
    for &id in &ids {
        let _ = aggregator.pull(core, id, Pull::Interval);
    }
    ids
}

#[test]
fn a_puller_that_has_rested_makes_room_and_loses_its_durations() {
    with_threshold(|core, clock, aggregator, hold| {
        let ids = fill(core, aggregator);
        hold(5);
        clock.advance(Duration::from_nanos(RESTED_NS));
        for &id in &ids[1..] {
            let _ = aggregator.pull(core, id, Pull::Interval);
        }
        let ninth = aggregator.register();
        let _ = aggregator.pull(core, ninth, Pull::Interval);
        let snapshot = aggregator.collect(core, &mut Vec::new());
        assert_eq!(snapshot.losses().interval_samples, 5);
        hold(3);
        let interval = aggregator.pull(core, ninth, Pull::Interval);
        assert!(interval.is_complete(), "the ninth has the place");
        let interval = aggregator.pull(core, ids[0], Pull::Interval);
        assert!(!interval.is_complete());
        assert_eq!(interval.points()[0].hold.samples, 8, "counts are complete");
    });
}

/// However often it pulls, it takes nobody's samples. All counts are complete.
#[test]
fn a_ninth_puller_takes_nobodys_samples() {
    with_threshold(|core, clock, aggregator, hold| {
        let ids = fill(core, aggregator);
        let ninth = aggregator.register();
        for _ in 0..3 {
            let _ = aggregator.pull(core, ninth, Pull::Interval);
            hold(5);
            clock.advance(Duration::from_nanos(RESTED_NS / 2));
            let interval = aggregator.pull(core, ninth, Pull::Interval);
            assert!(!interval.is_complete());
            assert_eq!(interval.points()[0].hold.samples, 5);
            for &id in &ids {
                let interval = aggregator.pull(core, id, Pull::Interval);
                assert!(interval.is_complete());
                assert_eq!(interval.points()[0].hold.samples, 5);
            }
        }
        let snapshot = aggregator.collect(core, &mut Vec::new());
        assert_eq!(snapshot.losses().interval_samples, 6, "one an interval");
        // Its place is free as soon as one of the others is gone.
        aggregator.deregister(ids[0]);
        let _ = aggregator.pull(core, ninth, Pull::Interval);
        hold(1);
        assert!(aggregator.pull(core, ninth, Pull::Interval).is_complete());
    });
}
