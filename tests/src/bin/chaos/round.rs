//! One round, in its own process.

use crate::actors::{self, Act};
use crate::children;
use crate::faults;
use crate::plan::{COUNTING, Kind, Plan};
use crate::truth::{self, Book, Told};
use crate::watchdog::{self, Actor, die};
use nexus_lockprof::engine::{Config, Engine, ManualClock};
use nexus_lockprof::{Mode, Mutex, Reporter};
use nexus_lockprof_tests::workload::{Ledger, Locks};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Plays a plan, and returns the number of compared events.
pub(crate) fn play(plan: &Plan) -> u64 {
    watchdog::start(format!("{plan}\nto repeat it: ci/chaos.sh 0 {}", plan.seed));
    be_quiet();
    match plan.kind {
        Kind::Clock => with_a_jumping_clock(plan),
        Kind::Memory => faults::without_memory(plan),
        Kind::Disk => faults::with_a_full_disk(plan),
        Kind::FirstUse => children::fork_at_the_first_use(plan),
        Kind::Strict | Kind::Full | Kind::Signals | Kind::Private => acts(plan),
    }
}

/// Silences intended panics, whose payload is not a text.
fn be_quiet() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some() {
            before(panic);
        }
    }));
}

fn configure(plan: &Plan, mode: Mode) {
    if let Err(error) = nexus_lockprof::configure(plan.config(mode)) {
        die!("{error}");
    }
}

fn acts(plan: &Plan) -> u64 {
    let mut rng = fastrand::Rng::with_seed(!plan.seed);
    let mut events = 0;
    configure(plan, Mode::DEFAULT);
    if plan.kind == Kind::Signals {
        actors::handle_signals();
    }
    let locks = (plan.kind != Kind::Private).then(actors::first_locks);
    for number in 0..plan.acts {
        let off = rng.u8(..6) == 0;
        let mode = COUNTING[rng.usize(..COUNTING.len())];
        let mode = if off { Mode::Off } else { mode };
        configure(plan, mode);
        truth::set_counting(!off);
        let handlers = if plan.handlers {
            actors::add_handlers()
        } else {
            Vec::new()
        };
        let reporter = rng.bool().then(reporter);
        act(plan, locks.as_ref(), !off, &mut rng);
        drop(reporter);
        for id in handlers {
            nexus_lockprof::remove_handler(id);
        }
        events = truth::compare(plan, &format!("act {number} in {mode:?}"));
    }
    events
}

fn reporter() -> Reporter {
    match nexus_lockprof::reporter(Duration::from_millis(1)) {
        Ok(reporter) => reporter,
        Err(error) => die!("no reporter: {error}"),
    }
}

/// Runs all actors at once, for the length of an act.
fn act(plan: &Plan, locks: Option<&Locks<actors::Global>>, switch: bool, rng: &mut fastrand::Rng) {
    let stop = AtomicBool::new(false);
    let act = &Act {
        plan,
        locks,
        stop: &stop,
        switch,
    };
    let mut draws = || fastrand::Rng::with_seed(rng.u64(..));
    let main = Actor::named("main");
    main.does("start");
    thread::scope(|scope| {
        let (permits, released) = mpsc::channel();
        for _ in 0..plan.workers {
            let (rng, permits) = (draws(), permits.clone());
            if plan.kind == Kind::Private {
                scope.spawn(move || act.work_alone(rng));
            } else {
                scope.spawn(move || act.work(rng, &permits));
            }
        }
        drop(permits);
        scope.spawn(move || act.release(released));
        for _ in 0..2 {
            let rng = draws();
            scope.spawn(move || act.spawn(rng));
            let rng = draws();
            scope.spawn(move || act.look(rng));
        }
        if plan.forks {
            let rng = draws();
            scope.spawn(move || act.fork(rng));
        }
        if plan.kind == Kind::Signals {
            let rng = draws();
            scope.spawn(move || act.signal(rng));
        }
        #[cfg(all(feature = "serve", unix))]
        if plan.endpoint {
            scope.spawn(move || crate::endpoint::pull(act));
        }
        main.does("sleep");
        thread::sleep(plan.length);
        stop.store(true, Relaxed);
        main.does("join");
    });
}

/// An engine whose clock jumps forwards and backwards by hours.
fn with_a_jumping_clock(plan: &Plan) -> u64 {
    let clock = ManualClock::new();
    let engine = Engine::with_clock(&clock);
    let mut rng = fastrand::Rng::with_seed(plan.seed);
    let mut counted = Ledger::default();
    let mut told = Told::default();
    let mode = |rng: &mut fastrand::Rng| Config::default().mode(COUNTING[rng.usize(..3)]);
    if let Err(error) = engine.configure(mode(&mut rng)) {
        die!("{error}");
    }
    let locks = Locks::new(&engine, &mut counted);
    let stop = AtomicBool::new(false);
    let (mut forward_ns, mut events) = (0_u64, 0);
    for number in 0..plan.acts {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..plan.workers)
                .map(|_| {
                    let mut rng = fastrand::Rng::with_seed(rng.u64(..));
                    let (locks, stop) = (&locks, &stop);
                    scope.spawn(move || {
                        let actor = Actor::named("worker");
                        let mut ledger = Ledger::default();
                        while !stop.load(Relaxed) {
                            actor.does("lock");
                            ledger.add(locks.work(24, &mut rng));
                        }
                        ledger
                    })
                })
                .collect();
            let actor = Actor::named("clock");
            // It counts its own steps instead of wall-clock time, so each run of a seed is the
            // same.
            for _ in 0..2000 {
                actor.does("jump");
                let by = Duration::from_nanos(1 << rng.u32(..44));
                match rng.u8(..4) {
                    0 => clock.set_back(by),
                    1 => clock.advance_idle(by),
                    _ => clock.advance(by),
                }
                forward_ns = forward_ns.max(clock.now_ns());
                match rng.u8(..100) {
                    0 => {
                        actor.does("reset");
                        told.add(&engine.reset());
                    }
                    1..5 => {
                        actor.does("snapshot");
                        truth::check(&engine.snapshot());
                    }
                    5 => {
                        actor.does("switch");
                        if let Err(error) = engine.configure(mode(&mut rng)) {
                            die!("{error}");
                        }
                    }
                    _ => thread::yield_now(),
                }
            }
            stop.store(true, Relaxed);
            actor.does("join");
            for worker in workers {
                match worker.join() {
                    Ok(ledger) => counted.add(ledger),
                    Err(_) => die!("a worker panicked"),
                }
            }
        });
        stop.store(false, Relaxed);
        let snapshot = engine.reset();
        for point in snapshot.points() {
            let longest = point.wait.max_ns.max(point.hold.max_ns);
            if longest > forward_ns {
                die!("{longest} ns of {forward_ns} ns: {point:?}");
            }
        }
        told.add(&snapshot);
        let act = format!("act {number} of the clock");
        events = truth::compare_with(plan, &act, &counted, &told);
    }
    events
}

/// Locks `times` times, and records it in the book.
pub(crate) fn lock_times(lock: &Mutex<u64>, name: &str, times: u64, book: &mut Book) {
    for _ in 0..times {
        *lock.lock() += 1;
        book.locked(name);
    }
}
