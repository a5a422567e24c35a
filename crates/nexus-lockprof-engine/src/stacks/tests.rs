//! From a long wait to a snapshot. The integration tests check which callers there are. Here all
//! callers are the engine's own functions, which are cut off.

use super::sample::turns;
use super::table::SLOTS;
use crate::acquire::leased;
use crate::clock::ManualClock;
use crate::config::{Config, Mode};
use crate::core::Core;
use crate::engine::{Engine, Inner};
use crate::identity::LockClass;
use crate::identity::{HoldMode, SiteKey};
use crate::record::wait_log::LockRef;
use nexus_lockprof_snapshot::{Point, Snapshot, Stack};
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// What the lock publishes: nothing.
static HOLDER: AtomicUsize = AtomicUsize::new(0);

struct Bench {
    core: Arc<Core>,
    clock: ManualClock,
    class: LockClass,
}

impl Bench {
    fn new(stacks: bool) -> Self {
        let clock = ManualClock::new();
        let core = Core::local(Some(&clock));
        let config = Config::default().mode(Mode::Exact).stacks(stacks);
        core.configure(config).unwrap();
        let class = LockClass::named("stacks");
        Bench { core, clock, class }
    }

    fn engine(&self) -> Engine {
        Engine(Inner::Local(Arc::clone(&self.core)))
    }

    fn snapshot(&self) -> Snapshot {
        self.engine().snapshot()
    }

    /// A long wait of `ns` nanoseconds at a site.
    #[inline(never)]
    fn wait(&self, site: SiteKey, ns: u64) {
        // SAFETY: both parts belong to one class, and the acquisition ends below.
        let mut slow = unsafe {
            self.core
                .slow_acquire(site, &self.class.word, self.class.len)
        };
        slow.contended(None);
        slow.parks(LockRef::of(&self.class.word), &HOLDER);
        self.clock.advance(Duration::from_nanos(ns));
        let pending_ref = slow.acquired();
        // SAFETY: this engine just made the acquisition.
        unsafe {
            self.core
                .hold_ends(&pending_ref, LockRef::of(&self.class.word));
            self.core.settle(pending_ref);
        }
    }
}

#[track_caller]
fn site() -> SiteKey {
    SiteKey::new(Location::caller(), HoldMode::Exclusive)
}

fn sums(stack: &Stack) -> [u64; 3] {
    [stack.samples, stack.waits, stack.wait_ns]
}

fn only(snapshot: &Snapshot) -> &Point {
    let [point] = snapshot.points() else {
        panic!("{snapshot}");
    };
    point
}

#[test]
fn the_first_are_all_looked_at_and_then_one_in_eight() {
    assert_eq!(turns(10, || false), [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
    assert_eq!(turns(10, || true), [1, 1, 1, 1, 1, 1, 1, 1, 8, 8]);
}

#[test]
fn totals_are_those_of_the_waits() {
    let bench = Bench::new(true);
    let here = site();
    (0..8).for_each(|_| bench.wait(here, 100));
    let snapshot = bench.snapshot();
    let point = only(&snapshot);
    let [stack] = &point.callers[..] else {
        panic!("{point:?}");
    };
    assert_eq!(sums(stack), [8, 8, 800]);
    assert!(!stack.frames.is_empty());
    // From then on, one wait in eight stands for eight.
    const MANY: u64 = 8_000;
    (0..MANY).for_each(|_| bench.wait(here, 100));
    let snapshot = bench.snapshot();
    let callers = &only(&snapshot).callers;
    let samples: u64 = callers.iter().map(|stack| stack.samples).sum();
    let waits: u64 = callers.iter().map(|stack| stack.waits).sum();
    assert_eq!(waits, 8 + 8 * (samples - 8));
    assert!(callers.iter().all(|s| s.wait_ns == 100 * s.waits));
    // A thousand, give or take five standard deviations.
    assert!(samples.abs_diff(1_008) < 5 * 30, "{samples}");
    assert!(snapshot.losses().is_empty());
}

#[test]
fn off_looks_at_nothing() {
    let bench = Bench::new(false);
    bench.wait(site(), 100);
    let snapshot = bench.snapshot();
    assert_eq!(only(&snapshot).callers, []);
    let shard = leased::shard(&bench.core).unwrap();
    assert_eq!(shard.stacks.stacks().count(), 0);
    // Switches it on while the engine runs.
    let on = Config::default().mode(Mode::Exact).stacks(true);
    bench.core.configure(on).unwrap();
    bench.wait(site(), 100);
    let snapshot = bench.snapshot();
    let looked = snapshot.points().iter().filter(|p| !p.callers.is_empty());
    assert_eq!(looked.count(), 1);
}

#[test]
fn a_full_table_is_a_loss_and_the_waits_are_not() {
    let bench = Bench::new(true);
    let lines = (0..SLOTS + 3).map(|_| &*Box::leak(Box::new(*Location::caller())));
    for line in lines {
        bench.wait(SiteKey::new(line, HoldMode::Exclusive), 100);
    }
    let snapshot = bench.snapshot();
    let point = only(&snapshot);
    assert_eq!(point.wait.samples, SLOTS as u64 + 3);
    let samples: u64 = point.callers.iter().map(|stack| stack.samples).sum();
    assert_eq!(samples, SLOTS as u64);
    assert_eq!(snapshot.losses().stacks, 3);
    assert_eq!(snapshot.losses().total(), 3);
}

#[test]
fn what_was_read_is_not_read_again() {
    let bench = Bench::new(true);
    let here = site();
    for n in 1..=3 {
        bench.wait(here, 100);
        for _ in 0..2 {
            let snapshot = bench.snapshot();
            let [stack] = &only(&snapshot).callers[..] else {
                panic!("{snapshot}");
            };
            assert_eq!(sums(stack), [n, n, 100 * n]);
        }
    }
}

#[test]
fn a_reset_is_a_baseline() {
    let bench = Bench::new(true);
    let here = site();
    let wait = |n: u64| (0..n).for_each(|_| bench.wait(here, 100));
    wait(3);
    let first = bench.engine().reset();
    let callers = |snapshot: &Snapshot| -> u64 {
        let points = snapshot.points().iter();
        let stacks = points.flat_map(|point| &point.callers);
        stacks.map(|stack| stack.samples).sum()
    };
    assert_eq!(callers(&first), 3);
    assert_eq!(callers(&bench.snapshot()), 0);
    wait(2);
    assert_eq!(callers(&bench.snapshot()), 2);
}

#[test]
fn a_shard_goes_on_where_the_last_thread_stopped() {
    let bench = Bench::new(true);
    let here = site();
    // These are fewer than the first waits, which are all captured. Which shard each thread gets
    // also depends on the threads of other tests.
    for _ in 0..7 {
        std::thread::scope(|scope| {
            // Joins the thread, because only then has it given its shard back.
            scope.spawn(|| bench.wait(here, 100)).join().unwrap();
        });
    }
    let snapshot = bench.snapshot();
    let callers = &only(&snapshot).callers;
    assert_eq!(callers.iter().map(|s| s.samples).sum::<u64>(), 7);
}

/// A wait that another thread settles is added there, to the same stack.
#[test]
fn a_guard_is_released_elsewhere() {
    let bench = Bench::new(true);
    let class = &bench.class;
    // SAFETY: both parts belong to one class, and the acquisition ends below.
    let mut slow = unsafe { bench.core.slow_acquire(site(), &class.word, class.len) };
    slow.contended(None);
    slow.parks(LockRef::of(&bench.class.word), &HOLDER);
    bench.clock.advance(Duration::from_nanos(70));
    let pending_ref = slow.acquired();
    std::thread::scope(|scope| {
        // SAFETY: the acquisition is this engine's, which is alive.
        scope.spawn(|| unsafe { bench.core.settle(pending_ref) });
    });
    let snapshot = bench.snapshot();
    let [stack] = &only(&snapshot).callers[..] else {
        panic!("{snapshot}");
    };
    assert_eq!(sums(stack), [1, 1, 70]);
    let mine = leased::shard(&bench.core).unwrap();
    let samples = mine.stacks.stacks().map(|(_, slot)| slot.sums()[2]);
    assert_eq!(samples.sum::<u64>(), 0, "one writer");
}

#[test]
fn inside_the_profiler_nothing_is_looked_at() {
    let bench = Bench::new(true);
    let here = site();
    bench.wait(here, 100);
    let shard = leased::shard(&bench.core).unwrap();
    // SAFETY: both parts belong to one class, and the acquisition ends before the thread does.
    let mut slow = unsafe {
        bench
            .core
            .slow_acquire(here, &bench.class.word, bench.class.len)
    };
    slow.contended(None);
    let entered = shard.enter();
    slow.parks(LockRef::of(&bench.class.word), &HOLDER);
    drop(entered);
    // SAFETY: this engine just made the acquisition.
    unsafe { bench.core.settle(slow.acquired()) };
    let snapshot = bench.snapshot();
    assert_eq!(only(&snapshot).callers[0].samples, 1);
    assert_eq!(snapshot.losses().reentrant, 1);
}
