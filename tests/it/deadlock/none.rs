//! Programs without a deadlock: none is reported, whenever a snapshot is taken.

use fastrand::Rng;
use nexus_lockprof::engine::{Engine, ManualClock, Mode};
use nexus_lockprof::{Deadlock, Waiter};
use nexus_lockprof_tests::bench::{Bench, Mutex, RwLock};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const PROGRAMS: u64 = 10_000;
const THREADS: usize = 4;
const LOCKS: usize = 4;

enum AnyLock {
    Mutex(Mutex<()>),
    RwLock(RwLock<()>),
}

/// A program's locks, in the order in which its threads acquire them.
struct Program {
    seed: u64,
    locks: Vec<AnyLock>,
}

impl Program {
    fn new(bench: &Bench, seed: u64) -> Self {
        let has_rwlocks = seed % 2 == 1;
        let mut rng = Rng::with_seed(seed);
        let locks = (0..LOCKS).map(|_| match has_rwlocks && rng.bool() {
            true => AnyLock::RwLock(bench.rwlock("rwlock", ())),
            false => AnyLock::Mutex(bench.mutex("mutex", ())),
        });
        Program {
            seed,
            locks: locks.collect(),
        }
    }

    fn run(&self, thread: usize) {
        let mut rng = Rng::with_seed(self.seed * THREADS as u64 + thread as u64);
        for _ in 0..rng.usize(1..4) {
            self.nest(&mut rng, 0);
        }
    }

    /// Acquires some of the locks from this one on, each inside those before it.
    fn nest(&self, rng: &mut Rng, from: usize) {
        let Some(lock) = self.locks.get(from) else {
            return work(rng);
        };
        match lock {
            _ if rng.u8(..3) == 0 => self.nest(rng, from + 1),
            AnyLock::Mutex(mutex) => {
                let _guard = mutex.lock();
                self.nest(rng, from + 1);
            }
            AnyLock::RwLock(lock) if rng.bool() => {
                let _guard = lock.read();
                self.nest(rng, from + 1);
            }
            AnyLock::RwLock(lock) => {
                let _guard = lock.write();
                self.nest(rng, from + 1);
            }
        }
    }
}

fn work(rng: &mut Rng) {
    match rng.u8(..8) {
        0 => thread::sleep(Duration::from_micros(rng.u64(..300))),
        1..4 => thread::yield_now(),
        _ => {}
    }
}

/// Runs so many programs, one after the other, and calls `look` again and again meanwhile.
fn run(bench: &Bench, number: u64, mut look: impl FnMut()) {
    let programs = (0..number).map(|seed| Program::new(bench, seed));
    let programs: Vec<Program> = programs.collect();
    let gate = Barrier::new(THREADS);
    let running = AtomicUsize::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (programs, gate, running) = (&programs, &gate, &running);
            scope.spawn(move || {
                for program in programs {
                    gate.wait();
                    program.run(thread);
                }
                running.fetch_sub(1, Relaxed);
            });
        }
        while running.load(Relaxed) > 0 {
            look();
        }
    });
}

#[test]
fn ten_thousand_programs_without_a_deadlock_have_none() {
    let bench = Bench {
        engine: Engine::new(),
        clock: ManualClock::new(),
    };
    let mut waits = 0;
    run(&bench, PROGRAMS, || {
        let snapshot = bench.engine.snapshot();
        waits += snapshot.waiters().len();
        assert_eq!(snapshot.deadlocks(), []);
    });
    assert!(waits > 0);
}

/// The clock runs a second ahead between any two snapshots. So each wait that a snapshot sees is old
/// enough for a deadlock, and the holders that locks named for a moment too long make circles.
/// Readers may do so for longer: another one is waited for.
#[test]
fn nor_have_they_a_certain_one_if_all_waits_are_old() {
    let bench = Bench::new(Mode::Exact);
    let mut old_waits = 0;
    // Each look takes longer here.
    run(&bench, PROGRAMS / 5, || {
        bench.clock.advance_idle(Deadlock::AFTER);
        let snapshot = bench.engine.snapshot();
        let is_old = |wait: &&Waiter| wait.waited() >= Deadlock::AFTER;
        old_waits += snapshot.waiters().iter().filter(is_old).count();
        for deadlock in snapshot.deadlocks() {
            assert!(!deadlock.certain, "{deadlock}");
        }
    });
    assert!(old_waits > 0);
}
