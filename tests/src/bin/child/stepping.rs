//! A signal handler that tries a profiled lock after each instruction of a thread that locks.
//!
//! The processor's trap flag raises `SIGTRAP` after each instruction, so the handler comes at every
//! place where a handler can come. It tries more points than a thread's cache has room for, so that
//! it changes what the cache has.

use nexus_lockprof::{Mode, Mutex, RwLock, snapshot};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// A mode, the number of the handler's points, and how often the thread takes each of its locks.
///
/// With a few points, the handler seldom finds the thread on the cold path. With many, it changes
/// what the cache has most of the time.
const PARTS: [(Mode, usize, u64); 6] = [
    (Mode::Counts, 640, 40),
    (Mode::Counts, TRIED, 2),
    (Mode::DEFAULT, 640, 3),
    (Mode::DEFAULT, TRIED, 1),
    (Mode::Exact, 640, 2),
    (Mode::Exact, TRIED, 1),
];
const TRIED: usize = 1024;

/// The handler's. Each has a name, and so a point, of its own.
static TRIES: std::sync::OnceLock<Vec<Mutex<u64>>> = std::sync::OnceLock::new();
/// How many of them it tries in turns.
static IN_USE: AtomicUsize = AtomicUsize::new(TRIED);
/// Number of steps so far.
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// Number of tries that got the lock, since the mode was changed.
static TAKEN: AtomicU64 = AtomicU64::new(0);

static WORK: RwLock<u64> = RwLock::named("work", 0);
static MANY: [Mutex<u64>; 8] = [
    Mutex::named("work 0", 0),
    Mutex::named("work 1", 0),
    Mutex::named("work 2", 0),
    Mutex::named("work 3", 0),
    Mutex::named("work 4", 0),
    Mutex::named("work 5", 0),
    Mutex::named("work 6", 0),
    Mutex::named("work 7", 0),
];

extern "C" fn on_step(_signal: libc::c_int) {
    let place = STEPS.fetch_add(1, Relaxed) % IN_USE.load(Relaxed);
    if let Some(lock) = TRIES.get().and_then(|tries| tries.get(place)) {
        try_it(lock);
    }
}

fn try_it(lock: &Mutex<u64>) {
    if let Some(mut guard) = lock.try_lock() {
        *guard += 1;
        TAKEN.fetch_add(1, Relaxed);
    }
}

pub(crate) fn main() {
    let tried = (0..TRIED).map(|number| Mutex::named(format!("tried {number}").leak(), 0));
    assert!(TRIES.set(tried.collect()).is_ok());
    handle_steps();
    for (mode, tried, rounds) in PARTS {
        assert_eq!(
            nexus_lockprof::configure(nexus_lockprof::config().mode(mode)),
            Ok(())
        );
        nexus_lockprof::reset();
        IN_USE.store(tried, Relaxed);
        one_mode(rounds);
    }
}

fn one_mode(rounds: u64) {
    TAKEN.store(0, Relaxed);
    // The first use of a point allocates, which the handler must not.
    TRIES.get().into_iter().flatten().for_each(try_it);
    work();
    step(true);
    for _ in 0..rounds {
        work();
    }
    step(false);

    let snapshot = snapshot();
    let lost = snapshot.losses().total();
    let acquired = |prefix: &str| -> u64 {
        let points = snapshot.points().iter();
        let own = points.filter(|point| point.lock.name().starts_with(prefix));
        own.map(|point| point.acquisitions).sum()
    };
    // The thread's own acquisitions: all recorded, at their points.
    let own = MANY.len() as u64 + 2;
    assert_eq!(acquired("work"), own * (rounds + 1), "{snapshot}");
    for lock in snapshot.points_of("work 3") {
        assert_eq!(lock.acquisitions, rounds + 1, "{snapshot}");
    }
    // The handler's: recorded or lost.
    let (tried, truth) = (acquired("tried"), TAKEN.load(Relaxed));
    assert!(
        tried <= truth && tried + lost >= truth,
        "{truth} acquisitions: {snapshot}"
    );
    assert!(truth > 100 * rounds, "{truth} steps");
}

fn work() {
    for lock in &MANY {
        *lock.lock() += 1;
    }
    let sum = *WORK.read();
    *WORK.write() = sum + 1;
}

fn handle_steps() {
    // SAFETY: an all-zero sigaction is valid, and is filled in below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_step as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is filled in; the handler touches atomics and tries locks.
    let set = unsafe { libc::sigaction(libc::SIGTRAP, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}

/// Sets or clears the trap flag of this thread. In a handler, the system clears it.
fn step(each: bool) {
    const TRAP: u64 = 1 << 8;
    let flags: u64;
    // SAFETY: reads the flags.
    unsafe { std::arch::asm!("pushfq", "pop {}", out(reg) flags) };
    let flags = if each { flags | TRAP } else { flags & !TRAP };
    // SAFETY: changes the trap flag alone, whose signal is handled.
    unsafe { std::arch::asm!("push {}", "popfq", in(reg) flags) };
}
