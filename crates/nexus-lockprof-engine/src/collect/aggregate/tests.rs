//! Collections, and events at their edges.

use super::*;
use crate::acquire::leased;
use crate::acquire::signal::Attempt;
use crate::clock::ManualClock;
use crate::config::Mode;
use crate::control::{self, Control};
use crate::core::Core;
use crate::identity::lock_class::number_of;
use crate::identity::{HoldMode, PointKey, SiteKey};
use crate::record::owner::Owner;
use crate::record::shard::Shard;
use crate::record::statistics::{Delta, Record};
use crate::record::tally::{Measure, Measured};
use crate::sync::{Ordering::Relaxed, bump};
use nexus_lockprof_snapshot::Sample;
use std::panic::Location;

/// A timed acquisition with a hold of `ns`.
fn hold(core: &Core, shard: &Shard, record: &Record, ns: u64) {
    // SAFETY: the tests get their shard from `leased::shard`, in this thread.
    let owner = unsafe { Owner::assume() };
    record.count(false);
    bump(&record.holds.measured, 1);
    let hold = Measured {
        kind: Measure::Hold,
        ns,
        weight: 1,
    };
    let delta = Delta {
        hold: Some(hold),
        ..Delta::default()
    };
    let refused = record.add(&owner, &delta, core.open_collection(), &shard.rng, || true);
    assert_eq!(refused, 0);
}

fn values(samples: &[Sample]) -> Vec<u64> {
    samples.iter().map(|sample| sample.value_ns).collect()
}

/// Runs `test` with a core whose only record was used, and read twice since.
fn with_quiet_record(test: impl FnOnce(&Core, &mut Aggregator, &dyn Fn(u64))) {
    let core = Core::local(Some(&ManualClock::new()));
    let shard = leased::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    let key = PointKey::new(site, number_of("quiet").unwrap());
    let record = core
        .record_or_rest(shard, &owner, key, Attempt::Waits)
        .unwrap();
    let mut aggregator = core.new_aggregator();
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
        let closed = core.collections.open_next();
        hold(200);
        let snapshot = aggregator.merge(core, Some(closed), Some(&mut events), false);
        let point = &snapshot.points()[0].hold;
        assert_eq!((point.samples, point.total_ns), (2, 300));
        assert_eq!(values(&point.reservoir), [100]);
        // The record has not changed since, but its reservoir has a sample.
        let snapshot = aggregator.collect(core, &mut events);
        let point = &snapshot.points()[0].hold;
        assert_eq!((point.samples, point.total_ns), (2, 300));
        assert_eq!(values(&point.reservoir), [100, 200]);
        assert_eq!(values(&point.recent), [200]);
        // The sample appears only once.
        let snapshot = aggregator.collect(core, &mut events);
        let point = &snapshot.points()[0].hold;
        assert_eq!(values(&point.reservoir), [100, 200]);
        assert_eq!(values(&point.recent), [0; 0]);
    });
}

#[test]
fn a_peek_does_not_end_the_interval() {
    with_quiet_record(|core, aggregator, hold| {
        let mut events = Vec::new();
        let before = aggregator.collect(core, &mut events);
        hold(200);
        let seen = aggregator.peek(core);
        assert_eq!(values(&seen.points()[0].hold.recent), [200]);
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

/// One line may have several addresses: one in each codegen unit, one in each generic instance.
#[test]
fn points_of_one_content_at_two_addresses_are_one() {
    let core = Core::local(Some(&ManualClock::new()));
    let shard = leased::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let here = Location::caller();
    let copies = [*here, *here].map(|location| &*Box::leak(Box::new(location)));
    assert!(!std::ptr::eq(copies[0], copies[1]));
    for location in copies {
        let site = SiteKey::new(location, HoldMode::Exclusive);
        let key = PointKey::new(site, number_of("twice").unwrap());
        let record = core
            .record_or_rest(shard, &owner, key, Attempt::Waits)
            .unwrap();
        hold(&core, shard, record, 100);
    }
    let snapshot = core.new_aggregator().collect(&core, &mut Vec::new());
    let [point] = snapshot.points() else {
        panic!("{snapshot}");
    };
    assert_eq!((point.acquisitions, point.hold.total_ns), (2, 200));
    assert_eq!(snapshot.table().records, 2);
}

/// Runs `test` with a core, and a record that only the test writes.
fn with_record(test: impl FnOnce(&Core, &mut Aggregator, &Shard, &Record, &ManualClock)) {
    let clock = ManualClock::new();
    let core = Core::local(Some(&clock));
    let shard = leased::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    // Each test has a class of its own, because others count instances too.
    let name: &'static str = Box::leak(format!("class {:p}", &clock).into_boxed_str());
    let key = PointKey::new(site, number_of(name).unwrap());
    let record = core
        .record_or_rest(shard, &owner, key, Attempt::Waits)
        .unwrap();
    let mut aggregator = core.new_aggregator();
    test(&core, &mut aggregator, shard, record, &clock);
}

fn hold_of_weight(core: &Core, shard: &Shard, record: &Record, ns: u64, weight: u64) {
    // SAFETY: the tests get their shard from `leased::shard`, in this thread.
    let owner = unsafe { Owner::assume() };
    bump(&record.acquisitions, weight);
    bump(&record.holds.measured, 1);
    let hold = Some(Measured {
        kind: Measure::Hold,
        ns,
        weight,
    });
    let delta = Delta {
        hold,
        ..Delta::default()
    };
    let refused = record.add(&owner, &delta, core.open_collection(), &shard.rng, || true);
    assert_eq!(refused, 0);
}

#[test]
fn a_walk_between_a_sample_and_its_sums_takes_the_sample_and_does_not_cut_it() {
    with_record(|core, aggregator, shard, record, _| {
        let mut events = Vec::new();
        // Both banks of its reservoir exist.
        for _ in 0..2 {
            (0..5).for_each(|_| hold(core, shard, record, 1_000_000));
            let _ = aggregator.collect(core, &mut events);
        }
        // Counts and collects twice. The record does not change any more until its sums do.
        record.count(false);
        bump(&record.holds.measured, 1);
        for _ in 0..2 {
            let _ = aggregator.collect(core, &mut events);
        }
        let mut between = None;
        record.add_hold_around(2_000_000, core.open_collection(), &shard.rng, || {
            between = Some(aggregator.collect(core, &mut events));
        });
        let [between, after] = [between.unwrap(), aggregator.collect(core, &mut events)];
        let near = |ns: u64, truth: u64| ns >= truth && ns < truth + truth / 60_000;
        let recent = values(&between.points()[0].hold.recent);
        assert!(
            recent.len() == 1 && near(recent[0], 2_000_000),
            "{recent:?}"
        );
        assert_eq!(between.points()[0].hold.samples, 10, "its sums are to come");
        let hold = &after.points()[0].hold;
        assert_eq!((hold.samples, hold.total_ns), (11, 12_000_000));
        let all = values(&hold.reservoir);
        assert!(all.len() == 11 && near(all[10], 2_000_000), "{all:?}");
    });
}

#[test]
fn counting_is_charged_at_what_was_known_when_it_was_done() {
    with_record(|core, aggregator, _, record, _| {
        let mut collect = || {
            aggregator
                .collect(core, &mut Vec::new())
                .overhead()
                .counting_ns
        };
        bump(&record.acquisitions, 1_000_000);
        assert_eq!(collect(), 0, "the cost is not known yet");
        core.costs.counted_ps.store(500, Relaxed);
        assert_eq!(collect(), 0);
        bump(&record.acquisitions, 1_000);
        assert_eq!(collect(), 500);
        bump(&record.acquisitions, 3);
        assert_eq!(collect(), 501);
        bump(&record.acquisitions, 1);
        assert_eq!(collect(), 502, "halves are not lost");
    });
}

#[test]
fn a_reset_does_not_charge_counting_again() {
    with_record(|core, aggregator, _, record, _| {
        core.costs.counted_ps.store(1_000, Relaxed);
        bump(&record.acquisitions, 70);
        let last = aggregator.collect(core, &mut Vec::new());
        assert_eq!(last.overhead().counting_ns, 70);
        aggregator.reset(core, &last);
        bump(&record.acquisitions, 7);
        let snapshot = aggregator.collect(core, &mut Vec::new());
        assert_eq!(snapshot.overhead().counting_ns, 7);
    });
}

#[test]
fn in_a_forked_child_the_other_threads_have_ended() {
    use std::sync::mpsc::channel;
    let clock = ManualClock::new();
    let core = Core::local(Some(&clock));
    assert!(leased::shard(&core).is_some());
    std::thread::scope(|scope| {
        let (ready, is_ready) = channel();
        let (end, ends) = channel::<()>();
        scope.spawn({
            let core = &core;
            move || {
                let _ = ready.send(leased::shard(core).is_some());
                let _ = ends.recv();
            }
        });
        assert_eq!(is_ready.recv(), Ok(true));
        let lived = || {
            core.new_aggregator()
                .collect(&core, &mut Vec::new())
                .overhead()
                .threads_ns
        };
        clock.advance(std::time::Duration::from_nanos(100));
        assert_eq!(lived(), 200);
        // As in the child, which has only the thread that forked.
        core.after_fork();
        clock.advance(std::time::Duration::from_nanos(1_000));
        assert_eq!(lived(), 1_200);
        drop(end);
    });
}

/// A thread reads the clock, is preempted, and only then reports that it has ended by that time.
#[test]
fn the_time_of_threads_does_not_go_back() {
    let clock = ManualClock::new();
    let core = Core::local(Some(&clock));
    let shard = leased::shard(&core).unwrap();
    let mut aggregator = core.new_aggregator();
    let mut collect = || aggregator.collect(&core, &mut Vec::new());
    clock.advance(std::time::Duration::from_nanos(100));
    let read = core.clock.coarse_ns();
    clock.advance(std::time::Duration::from_nanos(1_000));
    let before = collect();
    shard.time_in_use.end(read);
    let after = collect();
    assert!(after.since(&before).is_ok());
    assert_eq!(
        [before, after].map(|snapshot| snapshot.overhead().threads_ns),
        [1_100, 1_100]
    );
    shard.time_in_use.begin(core.clock.coarse_ns());
    clock.advance(std::time::Duration::from_nanos(5_000));
    // The excess is not reported again.
    assert_eq!(collect().overhead().threads_ns, 5_100);
}

#[test]
fn an_interval_that_begins_at_a_peek_is_not_complete() {
    with_record(|core, aggregator, shard, record, _| {
        let before = aggregator.collect(core, &mut Vec::new());
        let hold = |ns| (0..10).for_each(|_| hold(core, shard, record, ns));
        hold(10);
        let first = aggregator.peek(core);
        hold(1_000);
        let second = aggregator.peek(core);
        hold(1_000);
        let after = aggregator.collect(core, &mut Vec::new());
        hold(1_000);
        let last = aggregator.collect(core, &mut Vec::new());
        assert!(first.is_peek() && !after.is_peek());
        for later in [&second, &after, &last] {
            let interval = later.since(&first).unwrap();
            assert!(!interval.is_complete(), "{}", interval.collection());
        }
        // Their samples are exactly those of the interval.
        for later in [&first, &second, &after] {
            let interval = later.since(&before).unwrap();
            assert!(interval.is_complete());
            let hold = &interval.points()[0].hold;
            assert_eq!(hold.reservoir.len() as u64, hold.samples);
        }
        assert!(last.since(&after).unwrap().is_complete());
    });
}

#[test]
fn exclusive_holds_fit_into_the_elapsed_time() {
    with_record(|core, aggregator, shard, record, clock| {
        let ms = |ms: u64| ms * 1_000_000;
        let mut told = 0;
        let mut last = aggregator.collect(core, &mut Vec::new());
        for step in 1..=50_u64 {
            clock.advance(std::time::Duration::from_millis(100));
            // One hold of 10 ms that stands for 30. The estimate is 300 ms in each 100 ms.
            hold_of_weight(
                core,
                shard,
                record,
                ms(10),
                if step % 4 == 0 { 30 } else { 1 },
            );
            let snapshot = aggregator.collect(core, &mut Vec::new());
            let hold = &snapshot.points()[0].hold;
            assert_eq!(hold.at_most_ns, snapshot.elapsed_ns());
            assert!(hold.total_ns <= snapshot.elapsed_ns(), "{hold:?}");
            assert!(hold.total_ns >= told && hold.total_ns >= hold.max_ns);
            let (low, high) = hold.total_interval_ns().unwrap();
            assert!(
                low <= hold.total_ns && high <= snapshot.elapsed_ns(),
                "{low} {high}"
            );
            let interval = snapshot.since(&last).unwrap();
            assert!(interval.points()[0].hold.at_most_ns <= ms(100));
            (told, last) = (hold.total_ns, snapshot);
        }
        assert_eq!(
            told,
            ms(38 * 10 + 12 * 300),
            "there was room for all in the end"
        );
        // A hold that began before a reset is reported as it is, and so is everything measured one
        // by one.
        aggregator.reset(core, &last);
        hold_of_weight(core, shard, record, ms(10), 1);
        let snapshot = aggregator.collect(core, &mut Vec::new());
        assert_eq!(snapshot.points()[0].hold.total_ns, ms(10));
    });
}

#[test]
fn a_class_has_as_much_time_as_it_has_locks_and_shared_holds_have_no_bound() {
    let clock = ManualClock::new();
    let core = Core::local(Some(&clock));
    let shard = leased::shard(&core).unwrap();
    // SAFETY: it is this thread's shard.
    let owner = unsafe { Owner::assume() };
    let record = |mode, name: &'static str, locks| {
        let numbered = (0..locks).map(|_| number_of(name).unwrap());
        let tag = numbered.reduce(|_, tag| tag).unwrap();
        let key = PointKey::new(SiteKey::new(Location::caller(), mode), tag);
        core.record_or_rest(shard, &owner, key, Attempt::Waits)
            .unwrap()
    };
    let two_locks = record(HoldMode::Exclusive, "two locks of a class", 2);
    let permits = record(HoldMode::Shared, "permits of a semaphore", 1);
    clock.advance(std::time::Duration::from_secs(1));
    for record in [two_locks, permits] {
        hold_of_weight(&core, shard, record, 10_000_000, 1_000);
    }
    let snapshot = core.new_aggregator().collect(&core, &mut Vec::new());
    let total = |name| snapshot.point(name).unwrap().hold.total_ns;
    assert_eq!(total("two locks of a class"), 2_000_000_000);
    assert_eq!(total("permits of a semaphore"), 10_000_000_000);
    assert_eq!(
        snapshot
            .point("permits of a semaphore")
            .unwrap()
            .hold
            .at_most_ns,
        0
    );
}

#[test]
fn a_schedule_that_is_stuck_stands_for_nothing() {
    with_record(|core, aggregator, shard, record, _| {
        let kind = control::ModeKind::Sampled;
        record
            .control
            .store(Control::new(1, Mode::Sampled { budget: 0.01 }).0, Relaxed);
        assert_eq!(Control(record.control.load(Relaxed)).kind(), kind);
        let measured = |weight| {
            hold_of_weight(core, shard, record, 50, weight);
            let number = record.acquisitions.load(Relaxed);
            record
                .hold_rate
                .note(number, number, |start, end| end - start);
        };
        let mut collect = || {
            let snapshot = aggregator.collect(core, &mut Vec::new());
            let hold = snapshot.points()[0].hold.clone();
            assert_eq!(
                hold.events + hold.unmeasured,
                snapshot.points()[0].acquisitions
            );
            (hold.events, hold.unmeasured, snapshot)
        };
        (0..100).for_each(|_| measured(1));
        let next = |weight| {
            record.holds.set(crate::record::sampler::Schedule {
                next: u64::MAX,
                weight,
            });
        };
        next(4);
        bump(&record.acquisitions, 30);
        let (events, unmeasured, _) = collect();
        assert_eq!((events, unmeasured), (130, 0), "a gap as there are some");
        bump(&record.acquisitions, 3);
        let (events, unmeasured, before) = collect();
        assert_eq!((events, unmeasured), (100, 33));
        assert!(before.points()[0].hold.is_partial());
        // The schedule is far ahead: the next sample stands for more than there ever were.
        next(1 << 40);
        bump(&record.acquisitions, 10_000);
        assert_eq!(collect().1, 10_033);
        measured(64);
        let (_, unmeasured, after) = collect();
        assert_eq!(unmeasured, 0, "a sample stands for them now");
        let interval = after.since(&before).unwrap();
        assert_eq!(interval.points()[0].hold.unmeasured, 0);
    });
}

#[test]
fn events_without_a_sample_are_not_measured() {
    with_record(|core, aggregator, _, record, _| {
        bump(&record.acquisitions, 5);
        let first = aggregator.collect(core, &mut Vec::new());
        let hold = &first.points()[0].hold;
        assert_eq!((hold.samples, hold.events, hold.unmeasured), (0, 0, 5));
        assert_eq!((hold.mean_ns(), hold.total_interval_ns()), (None, None));
        bump(&record.acquisitions, 2);
        let interval = aggregator
            .collect(core, &mut Vec::new())
            .since(&first)
            .unwrap();
        let hold = &interval.points()[0].hold;
        assert_eq!((hold.samples, hold.events, hold.unmeasured), (0, 0, 2));
    });
}

#[test]
fn a_snapshot_names_the_program() {
    with_quiet_record(|core, aggregator, _| {
        let snapshot = aggregator.collect(core, &mut Vec::new());
        let path = std::env::current_exe().unwrap();
        let name = path.file_name().and_then(|name| name.to_str());
        assert!(name.is_some());
        assert_eq!(snapshot.program(), name);
    });
}
