//! The usual path against the general one, and the node that it takes.

use super::*;
use crate::acquire::engine_ref::EngineRef;
use crate::acquire::leased;
use crate::clock::{EarlyReading, ManualClock};
use crate::config::{Config, Mode};
use crate::engine::Engine;
use crate::identity::{ClassWord, HoldMode, HolderWord, LockClass, NameLen, PointKey, SiteKey};
use crate::record::hot::Probe;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use crate::record::tally::Measure;
use nexus_lockprof_snapshot::Point;
use std::panic::Location;
use std::time::Duration;

/// An engine with a lock, and a clock that only it has.
struct Side {
    clock: ManualClock,
    engine: Engine,
    word: ClassWord,
    len: NameLen,
}

impl Side {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let clock = ManualClock::new();
        let engine = Engine::with_clock(&clock);
        engine.configure(config.mode(Mode::Exact)).unwrap();
        let LockClass { len, word } = LockClass::named("exact");
        Side {
            clock,
            engine,
            word,
            len,
        }
    }

    fn core(&self) -> &Core {
        self.engine.core().unwrap()
    }

    fn shard(&self) -> &Shard {
        leased::shard(self.core()).unwrap()
    }

    fn lock(&self) -> LockRef {
        LockRef::of(&self.word)
    }

    /// The record, once the cache has it.
    fn record(&self, site: SiteKey) -> Option<&Record> {
        self.shard().hot.find(PointKey::new(site, self.word.tag()))
    }

    /// Acquires the lock as the adaptor does.
    fn acquire(&self, site: SiteKey) -> PendingRef {
        let probe = self.engine.probe(PointKey::new(site, self.word.tag()));
        if let Probe::Time(hit) = probe {
            let own = self.engine.own_shard();
            let own = own.as_ref();
            // SAFETY: the hit is of this engine and thread, and was got just now.
            let exact = unsafe { self.core().exact_acquire::<false>(own, hit, self.lock()) };
            if let Ok(exact) = exact {
                return exact.acquired();
            }
        }
        // SAFETY: both are of one class, and the acquisition is used up.
        unsafe { self.core().slow_acquire(site, &self.word, self.len) }.acquired()
    }

    /// Releases it `ns` later, by the usual path or by the general one.
    fn release(&self, pending_ref: PendingRef, ns: u64, usual: bool) {
        self.clock.advance(Duration::from_nanos(ns));
        // SAFETY: the pending reference is of this engine, which is alive.
        unsafe {
            self.core().hold_ends(&pending_ref, self.lock());
            if usual {
                self.core()
                    .settle_hold(self.engine.own_shard(), pending_ref);
            } else {
                self.core().settle(pending_ref);
            }
        }
    }

    /// Whether a hold of `ns` would be recorded without a call.
    fn is_usual(&self, site: SiteKey, ns: u64) -> bool {
        // SAFETY: it is this thread's shard.
        let owner = unsafe { Owner::assume() };
        let open = self.core().collections.word();
        self.record(site)
            .and_then(|record| record.usual_hold(&owner, ns, open))
            .is_some()
    }

    /// How many holds there were, and for how many nanoseconds.
    fn holds(&self) -> (u64, u64) {
        let snapshot = self.engine.peek();
        let holds = snapshot.points().iter().map(|point| &point.hold);
        holds.fold((0, 0), |(samples, total_ns), hold| {
            (samples + hold.samples, total_ns + hold.total_ns)
        })
    }

    /// What a collection says. What it keeps of earlier ones is drawn at random, in each engine
    /// differently.
    fn points(&self) -> Vec<Point> {
        let mut points = self.engine.snapshot().points().to_vec();
        for Point { hold, .. } in &mut points {
            hold.reservoir = hold.recent.clone();
        }
        points
    }

    /// Everything that a hold changes.
    fn state(&self, site: SiteKey) -> String {
        let Some(record) = self.record(site) else {
            return String::new();
        };
        let mut weights = [None; 2];
        let reading = record.read_whole(&mut weights).unwrap();
        let counts = (reading.acquisitions, reading.timed_holds, reading.hold);
        let spent_ns = self.shard().governor.spent_ns();
        let collection = self.core().collections.collection();
        let bank = record.reservoir(Measure::Hold).read(collection, 0);
        format!("{counts:?} {weights:?} {spent_ns} {bank:?}")
    }
}

#[track_caller]
fn site() -> SiteKey {
    SiteKey::new(Location::caller(), HoldMode::Exclusive)
}

/// A duration of random length: mostly short, now and then the longest so far, or too long to be
/// its own code.
fn duration(rng: &mut fastrand::Rng, longest: &mut u64) -> u64 {
    let ns = match rng.u32(..200) {
        0 => *longest + rng.u64(..100),
        1 => *longest,
        2 => rng.u64(100_000..200_000),
        3..20 => 1 << rng.u32(..17),
        20..40 => rng.u64(900..1_200),
        _ => rng.u64(..300),
    };
    *longest = ns.max(*longest);
    ns
}

/// The same durations by the usual path and by the general one, with collections, peeks, resets and
/// holds of larger weight in between, leave the same.
#[test]
fn the_usual_path_records_what_the_general_one_records() {
    compare_paths(&Config::default());
}

/// The longest duration is not usual, even if no tail takes it.
#[test]
fn the_usual_path_records_what_the_general_one_records_without_a_tail() {
    compare_paths(&Config::default().reservoir(16));
}

fn compare_paths(config: &Config) {
    let sides = [(); 2].map(|()| Side::with(config.clone()));
    let sites = [site(), site()];
    let mut rng = fastrand::Rng::with_seed(1);
    let (mut longest, mut usual, mut events) = (0, 0, 0);
    let each = |work: &mut dyn FnMut(&Side, bool)| {
        sides
            .iter()
            .zip([true, false])
            .for_each(|(side, usual)| work(side, usual));
    };
    let mut collections = 0;
    for _ in 0..40_000 {
        let of = sites[usize::from(rng.u32(..4) == 0)];
        let ns = duration(&mut rng, &mut longest);
        events += 1;
        usual += u32::from(sides[0].is_usual(of, ns));
        let nested = (rng.u32(..50) == 0).then(|| rng.u64(..300));
        each(&mut |side, usual| {
            let pending_ref = side.acquire(of);
            if let Some(ns) = nested {
                let nested = side.acquire(sites[0]);
                side.release(nested, ns, usual);
            }
            side.release(pending_ref, ns, usual);
            // Time for nested holds, so that no total is cut to what fits into the time of all
            // locks of the class. Other tests make locks of it meanwhile.
            side.clock.advance(Duration::from_nanos(300));
        });
        match rng.u32(..4_000) {
            0..3 => {
                let points = sides.each_ref().map(Side::points);
                assert_eq!(points[0], points[1]);
                collections += 1;
            }
            3 => each(&mut |side, _| drop(side.engine.peek())),
            4 => {
                longest = 0;
                each(&mut |side, _| drop(side.engine.reset()));
            }
            5..400 => {
                let weight = rng.u64(2..70);
                each(&mut |side, _| {
                    // SAFETY: it is this thread's shard.
                    let owner = unsafe { Owner::assume() };
                    let open = side.core().open_collection();
                    if let Some(record) = side.record(of) {
                        record.add_hold(&owner, ns, weight, open, &side.shard().rng);
                        side.clock.advance(Duration::from_nanos(ns * weight));
                    }
                });
            }
            _ => {}
        }
        if events % 11 == 0 {
            let states = sides.each_ref().map(|side| side.state(of));
            assert_eq!(states[0], states[1], "after {events} holds");
        }
    }
    assert!(usual * 2 > events, "only {usual} of {events} were usual");
    assert!(collections > 20, "{collections} collections");
}

/// Holds after which nearly all are usual.
const WARM_UP: u64 = 5_000;

/// A node is in one place at a time: whatever becomes of the guard, the next acquisition finds the
/// node free, or takes another.
#[test]
fn the_sole_node_has_one_guard() {
    let side = Side::new();
    let of = site();
    let is_free = || side.shard().pool.sole.is_free();
    let is_sole = |pending_ref: &PendingRef| pending_ref.is_at(side.shard().pool.sole.node());
    // The first acquisition makes the record, and has a node of the list.
    let first = side.acquire(of);
    assert!(!is_sole(&first) && is_free() && side.shard().pool.holds_some());
    side.release(first, 1, true);
    assert!(!side.shard().pool.holds_some());
    for ns in 1..WARM_UP {
        let pending_ref = side.acquire(of);
        side.release(pending_ref, ns % 100, true);
    }
    // From here on, only what happens to the node makes a hold other than usual.
    assert!(side.is_usual(of, 1));

    let outer = side.acquire(of);
    assert!(is_sole(&outer) && !is_free() && side.shard().pool.holds_some());
    let inner = side.acquire(of);
    assert!(!is_sole(&inner));
    side.release(outer, 1, true);
    assert!(is_free() && side.shard().pool.holds_some());
    // The thread still holds the inner lock.
    let another = side.acquire(of);
    assert!(!is_sole(&another));
    side.release(another, 1, true);
    side.release(inner, 1, true);
    assert!(side.shard().pool.is_unused());

    // The guard may leave: the thread does not hold the lock any more, but the node is in use.
    let left = side.acquire(of);
    assert!(is_sole(&left));
    // SAFETY: the pending reference is of this engine, which is alive.
    unsafe { side.core().may_leave_thread(&left) };
    assert!(!is_free() && !side.shard().pool.holds_some());
    let other = side.acquire(of);
    assert!(side.is_usual(of, 1));
    assert!(!is_sole(&other));
    // The first of those that the list keeps track of. It stays held when the guard that left is
    // released.
    side.release(left, 1, true);
    assert!(is_free() && side.shard().pool.holds_some());
    side.release(other, 1, true);
    assert!(side.shard().pool.is_unused());

    // Another thread releases it.
    let sent = side.acquire(of);
    assert!(is_sole(&sent) && side.shard().pool.holds_some());
    std::thread::scope(|scope| {
        scope.spawn(|| side.release(sent, 1, true));
    });
    assert!(!is_free());
    assert!(!side.shard().pool.holds_some(), "the node was returned");
    assert!(side.shard().pool.is_unused());
    let again = side.acquire(of);
    assert!(is_sole(&again) && side.shard().pool.holds_some());
    side.release(again, 1, true);
    // Each release advances the clock by 1 ns, for all holds that are open then.
    let warm_up_ns: u64 = (1..WARM_UP).map(|ns| ns % 100).sum();
    assert_eq!(side.holds(), (WARM_UP + 7, warm_up_ns + 11));
    assert_eq!(side.engine.snapshot().losses().total(), 0);
}

/// A hold that is logged because a waiter is parked is not a usual one.
#[test]
fn a_hold_that_is_waited_for_is_settled_with_its_waiters() {
    let side = Side::new();
    let of = site();
    let first = side.acquire(of);
    side.release(first, 1_000, true);
    let held = side.acquire(of);
    // SAFETY: the pending reference is of this engine, which is alive.
    let node = unsafe { held.get() }.unwrap();
    node.note_waiters(3);
    let pool = &side.shard().pool;
    assert!(pool.sole.with_only_a_hold().is_none());
    side.release(held, 10, true);
    assert!(pool.is_unused());
    let next = side.acquire(of);
    // SAFETY: the same.
    assert_eq!(unsafe { next.get() }.unwrap().waiters(), 0);
    assert!(pool.sole.with_only_a_hold().is_some());
    side.release(next, 10, true);
    let snapshot = side.engine.snapshot();
    let hold = &snapshot.points()[0].hold;
    assert_eq!(
        (hold.samples, hold.total_ns, hold.max_ns),
        (3, 1_020, 1_000)
    );
}

/// Whichever path measures it, a duration is without the time that a reading of the clock takes.
#[test]
fn no_duration_has_a_reading_of_the_clock_in_it() {
    let side = Side::new();
    side.core().clock.set_reading(25);
    let of = site();
    let (mut total_ns, mut by_usual) = (0, 0);
    for done in 0..WARM_UP {
        let (ns, usual) = (100 + done % 100, done % 3 != 0);
        let pending_ref = side.acquire(of);
        by_usual += u32::from(usual && side.is_usual(of, ns - 25));
        side.release(pending_ref, ns, usual);
        total_ns += ns - 25;
    }
    assert_ne!(by_usual, 0);
    assert_eq!(side.holds(), (WARM_UP, total_ns));
    // Shorter than a reading, which a real clock may say.
    let pending_ref = side.acquire(of);
    side.release(pending_ref, 20, true);
    assert_eq!(side.holds(), (WARM_UP + 1, total_ns));

    let contended = || {
        // SAFETY: both are of one class, and the acquisition is used up.
        let mut slow = unsafe { side.core().slow_acquire(of, &side.word, side.len) };
        slow.contended(None);
        side.clock.advance(Duration::from_nanos(100));
        slow
    };
    let pending_ref = contended().acquired();
    side.release(pending_ref, 100, true);
    contended().timed_out(HolderWord::NOBODY);
    assert_eq!(side.holds(), (WARM_UP + 2, total_ns + 75));
    let snapshot = side.engine.snapshot();
    let point = &snapshot.points()[0];
    assert_eq!((point.wait.samples, point.wait.total_ns), (1, 75));
    assert_eq!(point.abandoned_wait_ns, 75);
}

/// A hold ends when the counter was read, and not when the release gets to it.
#[test]
fn a_hold_ends_at_the_early_reading() {
    let engine = Engine::new();
    engine
        .configure(Config::default().mode(Mode::Exact))
        .unwrap();
    let core = engine.core().unwrap();
    let class = LockClass::named("early");
    let lock = LockRef::of(&class.word);
    for quietly in [true, false] {
        // SAFETY: both are of one class, and the acquisition is used up.
        let pending_ref = unsafe { core.slow_acquire(site(), &class.word, class.len) }.acquired();
        // SAFETY: the pending reference is of this engine, which is alive.
        let node = unsafe { pending_ref.get() }.unwrap();
        let end = node.hold_start.load(Relaxed) + 1_000_000;
        let early = EarlyReading::of(end);
        // SAFETY: the same.
        unsafe {
            match quietly {
                true => assert_eq!(
                    core.hold_ended_quietly(&pending_ref, lock, early),
                    core.clock.early(early).is_some()
                ),
                false => core.hold_ended(&pending_ref, lock, early),
            }
        }
        if core.clock.early(early).is_some() {
            assert_eq!(node.hold_end.load(Relaxed), end);
        }
        // SAFETY: the same.
        unsafe { core.settle(pending_ref) };
    }
}
