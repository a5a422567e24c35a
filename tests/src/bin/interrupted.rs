//! Threads stopped or interrupted in the allocator.
//!
//! `signal`: a handler that tries locks interrupts the allocator. If the handler allocates or frees
//! anything, the process ends: with another allocator it might wait for a lock that the interrupted
//! thread holds. `fork N`: a thread is stopped in its Nth allocation, counted from its first lock,
//! which is the program's first. Then the process forks.

use nexus_lockprof::{Mode, Mutex, snapshot};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Exit code of a process whose signal handler allocates or frees.
const ALLOCATED: i32 = 70;
/// A child that lives longer than this many seconds hangs.
const PATIENCE_S: libc::c_uint = 20;

struct Interrupted;

thread_local! {
    static IN_ALLOCATOR: Cell<bool> = const { Cell::new(false) };
    /// The number of this thread's allocations until the signal is raised; 0 for never.
    static RAISE_IN: Cell<u64> = const { Cell::new(0) };
    /// The number of allocations until it stops; 0 for never.
    static STOP_IN: Cell<u64> = const { Cell::new(0) };
}

static STOPPED: AtomicBool = AtomicBool::new(false);
static GO_ON: AtomicBool = AtomicBool::new(false);

/// Counts down, and returns whether it reached the end.
fn is_due(left: &Cell<u64>) -> bool {
    let before = left.get();
    left.set(before.saturating_sub(1));
    before == 1
}

fn in_allocator<T>(call: impl FnOnce() -> T) -> T {
    if IN_ALLOCATOR.replace(true) {
        // SAFETY: ends the process.
        unsafe { libc::_exit(ALLOCATED) }
    }
    let out = call();
    IN_ALLOCATOR.set(false);
    out
}

// SAFETY: the system's allocator.
unsafe impl GlobalAlloc for Interrupted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        in_allocator(|| {
            if RAISE_IN.with(is_due) {
                // SAFETY: the handler is set by then.
                unsafe { libc::raise(libc::SIGUSR1) };
            }
            if STOP_IN.with(is_due) {
                stop();
            }
            // SAFETY: the caller upholds this function's contract.
            unsafe { System.alloc(layout) }
        })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds this function's contract.
        in_allocator(|| unsafe { System.dealloc(pointer, layout) });
    }
}

#[global_allocator]
static ALLOCATOR: Interrupted = Interrupted;

fn main() {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("signal"), _) => signal::main(),
        (Some("fork"), Some(number)) => fork(number.parse().unwrap_or(1)),
        part => panic!("no such part: {part:?}"),
    }
}

/// Waits until it may continue, or somebody seems to wait for it. A fork rightly waits for some of
/// a thread's unfinished work.
fn stop() {
    let begin = Instant::now();
    STOPPED.store(true, Relaxed);
    while !GO_ON.load(Relaxed) && begin.elapsed() < Duration::from_millis(200) {
        thread::yield_now();
    }
}

/// Exits with 0 if the child succeeded, and with 3 if the first lock makes fewer allocations.
fn fork(number: u64) {
    static FIRST: Mutex<u64> = Mutex::named("the first", 0);
    static CHILDS: Mutex<u64> = Mutex::named("the child's", 0);
    let first = thread::spawn(move || {
        STOP_IN.set(number);
        *FIRST.lock() += 1;
        STOP_IN.set(0);
    });
    while !STOPPED.load(Relaxed) && !first.is_finished() {
        thread::yield_now();
    }
    let stopped = STOPPED.load(Relaxed);
    // SAFETY: the child does nothing but lock, collect and exit.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends a process that hangs.
        unsafe { libc::alarm(PATIENCE_S) };
        for _ in 0..5 {
            *CHILDS.lock() += 1;
        }
        let snapshot = snapshot();
        let acquired = snapshot.point("the child's").map(|p| p.acquisitions);
        let right = acquired == Some(5) && snapshot.losses().is_empty();
        // SAFETY: ends the process.
        unsafe { libc::_exit(i32::from(!right)) }
    }
    GO_ON.store(true, Relaxed);
    assert!(first.join().is_ok());
    assert_eq!(*FIRST.lock(), 1);
    let mut status = 0;
    // SAFETY: `status` may be written.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child");
    let lost = *snapshot().losses();
    assert!(lost.is_empty(), "{lost:?}");
    if !stopped {
        std::process::exit(3);
    }
}

mod signal {
    use super::*;
    use nexus_lockprof::std_sync;
    use nexus_lockprof::{
        FairMutex, ReentrantMutex, RwLock, RwLockUpgradableReadGuard, RwLockWriteGuard, Snapshot,
    };

    /// Each is free whenever it is tried, because no other thread tries it.
    static MUTEX: Mutex<u64> = Mutex::named("handler: mutex", 0);
    static FAIR: FairMutex<u64> = FairMutex::named("handler: fair", 0);
    static REENTRANT: ReentrantMutex<u64> = ReentrantMutex::named("handler: reentrant", 0);
    static RWLOCK: RwLock<u64> = RwLock::named("handler: rwlock", 0);
    static STD_MUTEX: std_sync::Mutex<u64> = std_sync::Mutex::named("handler: std", 0);
    static STD_RWLOCK: std_sync::RwLock<u64> = std_sync::RwLock::named("handler: std rwlock", 0);
    static SHIM_MUTEX: shim_0_12::Mutex<u64> = shim_0_12::const_mutex(0);
    static SHIM_RWLOCK: shim_0_12::RwLock<u64> = shim_0_12::const_rwlock(0);
    static NEW_SHIM: shim_0_13::Mutex<u64> = shim_0_13::Mutex::new(0);
    #[cfg(feature = "tokio")]
    static TOKIO: nexus_lockprof::tokio::Mutex<u64> =
        nexus_lockprof::tokio::Mutex::named("handler: tokio", 0);
    #[cfg(feature = "tokio")]
    static TOKIO_RWLOCK: nexus_lockprof::tokio::RwLock<u64> =
        nexus_lockprof::tokio::RwLock::named("handler: tokio rwlock", 0);
    /// Held during the handler, so tries fail.
    static TAKEN: Mutex<u64> = Mutex::named("handler: taken", 0);

    static PROGRAMS: Mutex<u64> = Mutex::named("program", 0);
    static OTHER: Mutex<u64> = Mutex::named("program: other", 0);

    /// Acquisitions in the handler, and the signals that called it.
    static ACQUIRED: AtomicU64 = AtomicU64::new(0);
    static SIGNALLED: AtomicU64 = AtomicU64::new(0);

    fn got<G>(guard: Option<G>) -> Option<G> {
        match &guard {
            Some(_) => ACQUIRED.fetch_add(1, Relaxed),
            // SAFETY: ends the process, because a handler cannot panic.
            None => unsafe { libc::_exit(71) },
        };
        guard
    }

    fn try_all() {
        drop(got(MUTEX.try_lock()));
        drop(got(FAIR.try_lock()));
        drop(got(REENTRANT.try_lock()));
        drop(got(RWLOCK.try_read()));
        if let Some(write) = got(RWLOCK.try_write()) {
            drop(got(Some(RwLockWriteGuard::downgrade(write))));
        }
        if let Some(upgradable) = got(RWLOCK.try_upgradable_read()) {
            drop(got(RwLockUpgradableReadGuard::try_upgrade(upgradable).ok()));
        }
        drop(got(STD_MUTEX.try_lock().ok()));
        drop(got(STD_RWLOCK.try_read().ok()));
        drop(got(STD_RWLOCK.try_write().ok()));
        drop(got(SHIM_MUTEX.try_lock()));
        drop(got(SHIM_RWLOCK.try_read()));
        drop(got(SHIM_RWLOCK.try_write()));
        drop(got(NEW_SHIM.try_lock()));
        #[cfg(feature = "tokio")]
        {
            drop(got(TOKIO.try_lock().ok()));
            drop(got(TOKIO_RWLOCK.try_read().ok()));
            drop(got(TOKIO_RWLOCK.try_write().ok()));
        }
        if let Some(_held) = got(TAKEN.try_lock())
            && TAKEN.try_lock().is_some()
        {
            // SAFETY: ends the process.
            unsafe { libc::_exit(72) }
        }
    }

    extern "C" fn on_signal(_: libc::c_int) {
        SIGNALLED.fetch_add(1, Relaxed);
        try_all();
    }

    /// Makes the signal interrupt an allocation of `call`: the next one after `skipped` others.
    fn interrupt_after<T>(skipped: u64, call: impl FnOnce() -> T) -> T {
        RAISE_IN.set(skipped + 1);
        let out = call();
        RAISE_IN.set(0);
        out
    }

    fn interrupt() {
        let before = SIGNALLED.load(Relaxed);
        interrupt_after(0, || drop(std::hint::black_box(Box::new(1))));
        assert_eq!(SIGNALLED.load(Relaxed), before + 1);
    }

    fn on_a_thread(f: impl FnOnce() + Send + 'static) {
        assert!(thread::spawn(f).join().is_ok());
    }

    fn in_handlers(snapshot: &Snapshot) -> u64 {
        let programs = |lock: &str| lock.starts_with("program");
        let points = snapshot.points().iter();
        points
            .filter(|p| !programs(&p.lock.name()))
            .map(|p| p.acquisitions)
            .sum()
    }

    pub(super) fn main() {
        // SAFETY: an all-zero sigaction is valid, and is filled in below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        // SAFETY: `action` is filled in; the handler touches atomics and tries locks.
        let set =
            unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
        assert_eq!(set, 0);

        // Before the program's first lock: nothing is recorded, and nobody has configured.
        interrupt();
        on_a_thread(interrupt);
        let tried = ACQUIRED.load(Relaxed);
        let first = snapshot();
        assert_eq!(in_handlers(&first), 0);
        assert!(first.losses().reentrant >= tried, "{:?}", first.losses());

        for mode in [Mode::Counts, Mode::DEFAULT, Mode::Exact] {
            assert_eq!(
                nexus_lockprof::configure(nexus_lockprof::config().mode(mode)),
                Ok(())
            );
            // Threads whose first lock is the handler's, or that are interrupted during their own
            // first lock.
            for skipped in 0..30 {
                on_a_thread(move || {
                    interrupt();
                    interrupt_after(skipped, || *PROGRAMS.lock() += 1);
                    interrupt();
                });
            }
            on_a_thread(known_points);
            on_a_thread(only_tries);
        }
        on_a_thread(signals_blocked);
        let last = snapshot();
        let (recorded, lost) = (in_handlers(&last), last.losses().total());
        let acquired = ACQUIRED.load(Relaxed);
        assert!(
            recorded <= acquired && recorded + lost >= acquired,
            "{recorded} and {lost} of {acquired}"
        );
        let programs: u64 = last.points_of("program").map(|p| p.acquisitions).sum();
        assert_eq!(*PROGRAMS.lock(), programs, "the thread's own are all there");
    }

    /// What could not be recorded at first is recorded once the thread has waited for a lock; also
    /// during a collection.
    fn known_points() {
        *PROGRAMS.lock() += 1;
        let mut each = 0;
        for round in 0..20 {
            let before = (in_handlers(&snapshot()), ACQUIRED.load(Relaxed));
            interrupt();
            let after = (in_handlers(&snapshot()), ACQUIRED.load(Relaxed));
            each = after.1 - before.1;
            // Eight points are created at a time.
            let expected = if round < 5 { 0 } else { each };
            assert!(
                after.0 - before.0 >= expected,
                "{round}: {before:?} {after:?}"
            );
            *OTHER.lock() += 1;
        }
        assert!(each >= 15);
    }

    fn block_usr2() {
        // SAFETY: all zeros is a valid set, which the next call empties.
        let mut set = unsafe { std::mem::zeroed() };
        // SAFETY: the set may be written, and is then filled in.
        unsafe {
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGUSR2);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        }
    }

    /// A thread may block signals for its own reasons. Its tries are recorded after it has waited
    /// for a lock.
    fn signals_blocked() {
        static TRIED: Mutex<u64> = Mutex::named("program: tried", 0);
        let recorded = || {
            snapshot()
                .points_of("program: tried")
                .map(|p| p.acquisitions)
                .sum()
        };
        // One place, so one point.
        let take = || drop(TRIED.try_lock());
        block_usr2();
        let before: u64 = recorded();
        take();
        *OTHER.lock() += 1;
        take();
        assert_eq!(recorded(), before, "not known to be the program's");
        *OTHER.lock() += 1;
        (0..1_000).for_each(|_| take());
        assert_eq!(recorded(), before + 1_000);
    }

    /// All tries of a thread are recorded if it only tries and blocks no signals.
    fn only_tries() {
        static TRIED: Mutex<u64> = Mutex::named("program: only tried", 0);
        let acquired = || -> u64 {
            let snapshot = snapshot();
            snapshot
                .points_of("program: only tried")
                .map(|p| p.acquisitions)
                .sum()
        };
        let before = acquired();
        (0..100).for_each(|_| drop(TRIED.try_lock()));
        assert_eq!(acquired(), before + 100);
    }
}
