//! Records and points that go away, and where their figures go.

use crate::clock::ManualClock;
use crate::config::{Config, Mode};
use crate::core::Core;
use crate::identity::LockClass;
use crate::identity::{HoldMode, SiteKey};
use crate::record::wait_log::LockRef;
use nexus_lockprof_snapshot::Snapshot;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The duration of each measured hold.
const HOLD: Duration = Duration::from_nanos(10);

fn core(clock: &ManualClock, config: Config) -> std::sync::Arc<Core> {
    let core = Core::local(Some(clock));
    assert_eq!(core.configure(config.mode(Mode::Exact)), Ok(()));
    core
}

fn class() -> LockClass {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("room {}", NEXT.fetch_add(1, Relaxed));
    LockClass::named(Box::leak(name.into_boxed_str()))
}

/// Runs `work` in a thread that has ended, and left its shard, when this returns.
fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap()
}

/// Totals of all points: acquisitions, holds, and their time.
fn totals(snapshot: &Snapshot) -> (u64, u64, u64) {
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    let points = snapshot.points().iter();
    points.fold((0, 0, 0), |(acquisitions, holds, ns), point| {
        (
            acquisitions + point.acquisitions,
            holds + point.hold.samples,
            ns + point.hold.total_ns,
        )
    })
}

#[test]
fn a_guard_keeps_its_record_when_its_thread_has_ended() {
    let clock = ManualClock::new();
    let core = core(&clock, Config::default());
    let mut aggregator = core.new_aggregator();
    let mut collect = || aggregator.collect(&core, &mut Vec::new());
    let class = class();
    let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
    // SAFETY: both parts are the class's, and the slow acquire ends at once.
    let acquire = || unsafe { core.slow_acquire(site, &class.word, class.len) }.acquired();
    let pending_ref = in_a_thread(acquire);
    for _ in 0..2 {
        let snapshot = collect();
        assert_eq!(
            (totals(&snapshot), snapshot.table().records),
            ((1, 0, 0), 1)
        );
    }
    clock.advance(HOLD);
    let release = |pending_ref| {
        // SAFETY: the acquisition is this engine's, and ends once.
        unsafe {
            core.hold_ends(&pending_ref, LockRef::of(&class.word));
            core.settle(pending_ref);
        }
    };
    release(pending_ref);
    assert_eq!(totals(&collect()), (1, 1, 10));
    // The record leaves with the next thread that ends, which has the same shard and looks at its
    // nodes.
    let pending_ref = in_a_thread(acquire);
    clock.advance(HOLD);
    release(pending_ref);
    in_a_thread(|| release(acquire()));
    let snapshot = collect();
    assert_eq!(totals(&snapshot), (3, 3, 20));
    // This is the record of this thread, which has released the first two.
    assert_eq!(snapshot.table().records, 1);
}

#[test]
fn points_of_ended_threads_become_the_rest_and_keep_their_figures() {
    const THREADS: u64 = 60;
    let clock = ManualClock::new();
    let core = core(&clock, Config::default().max_records(16));
    let mut aggregator = core.new_aggregator();
    let mut last: Option<Snapshot> = None;
    let mut since_reset = 0;
    for thread in 0..THREADS {
        let class = class();
        let site = SiteKey::new(Location::caller(), HoldMode::Exclusive);
        in_a_thread(|| {
            // SAFETY: both parts are the class's, and the slow acquire ends at once.
            let pending_ref = unsafe { core.slow_acquire(site, &class.word, class.len) }.acquired();
            clock.advance(HOLD);
            // SAFETY: the acquisition is this engine's, and ends once.
            unsafe {
                core.hold_ends(&pending_ref, LockRef::of(&class.word));
                core.settle(pending_ref);
            }
        });
        since_reset += 1;
        let snapshot = aggregator.collect(&core, &mut Vec::new());
        assert_eq!(
            totals(&snapshot),
            (since_reset, since_reset, 10 * since_reset)
        );
        // Four without a record, those of this thread and of the one before, and the rest at this
        // site.
        assert!(snapshot.points().len() <= 7, "{snapshot}");
        for point in snapshot.points() {
            let kept = point.hold.reservoir.iter().map(|sample| sample.weight);
            assert_eq!(kept.sum::<f64>(), point.hold.samples as f64, "{point:?}");
        }
        if let Some(last) = &last {
            let interval = snapshot.since(last);
            assert_eq!(interval.as_ref().map(totals), Ok((1, 1, 10)));
        }
        let seen = aggregator.peek(&core);
        assert_eq!(totals(&seen), totals(&snapshot));
        last = Some(seen);
        if thread % 20 == 19 {
            aggregator.reset(&core, &snapshot);
            (since_reset, last) = (0, None);
        }
    }
}
