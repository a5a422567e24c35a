//! Thread exit and unwinding.

use super::{Guard, Mutex, acquisitions, engine, lasting_mutex as mutex};
use nexus_lockprof::engine::Mode;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;

const MODES: [Mode; 3] = [Mode::Counts, Mode::DEFAULT, Mode::Exact];

/// Runs `f` on a new thread, and waits for that thread's very end.
fn on_a_thread(f: impl FnOnce() + Send + 'static) {
    assert!(thread::spawn(f).join().is_ok());
}

/// At the thread's exit, releases what it holds, and locks.
#[derive(Default)]
struct OnExit(RefCell<(Option<Guard>, Option<&'static Mutex>)>);

impl Drop for OnExit {
    fn drop(&mut self) {
        let (guard, lock) = self.0.take();
        drop(guard);
        if let Some(lock) = lock {
            *lock.lock() += 1;
            assert!(lock.try_lock().is_some());
        }
    }
}

thread_local! {
    static EARLY: OnExit = OnExit::default();
    static LATE: OnExit = OnExit::default();
}

fn at_exit(when: &'static thread::LocalKey<OnExit>, guard: Option<Guard>, lock: &'static Mutex) {
    when.with(|on_exit| on_exit.0.replace((guard, Some(lock))));
}

/// The profiler leaves a thread after the destructors of all thread-locals, whenever they were
/// registered.
#[cfg(unix)]
#[test]
fn locks_in_thread_local_destructors() {
    for mode in MODES {
        let engine = engine(mode);
        let (early, body, late) = (
            mutex(&engine, "early"),
            mutex(&engine, "body"),
            mutex(&engine, "late"),
        );
        const THREADS: u64 = 50;
        for _ in 0..THREADS {
            on_a_thread(move || {
                at_exit(&EARLY, None, early);
                *body.lock() += 1;
                at_exit(&LATE, None, late);
            });
        }
        let snapshot = engine.snapshot();
        assert_eq!(acquisitions(&snapshot, "body"), THREADS);
        assert_eq!(acquisitions(&snapshot, "late"), 2 * THREADS);
        assert_eq!(acquisitions(&snapshot, "early"), 2 * THREADS);
        assert!(snapshot.losses().is_empty(), "{mode:?}");
        assert_eq!(
            (*early.lock(), *body.lock(), *late.lock()),
            (THREADS, THREADS, THREADS)
        );
        // Each thread reused the previous one's shard.
        assert!(snapshot.table().shards <= 2, "{}", snapshot.table().shards);
    }
}

#[test]
fn the_first_lock_of_a_thread_is_in_a_destructor() {
    for mode in MODES {
        let engine = engine(mode);
        let lock = mutex(&engine, "late");
        for _ in 0..50 {
            on_a_thread(move || at_exit(&LATE, None, lock));
        }
        let snapshot = engine.snapshot();
        assert_eq!(
            acquisitions(&snapshot, "late") + snapshot.losses().total(),
            100,
            "{mode:?}"
        );
        assert_eq!(acquisitions(&snapshot, "late"), 100, "{mode:?}");
    }
}

/// Another user of `thread_local` made its destructor run before this thread's first lock.
#[cfg(unix)]
#[test]
fn the_first_lock_of_a_thread_is_after_anothers_destructors() {
    static OTHER: thread_local::ThreadLocal<()> = thread_local::ThreadLocal::new();
    let engine = engine(Mode::Exact);
    let lock = mutex(&engine, "early");
    for _ in 0..50 {
        on_a_thread(move || {
            at_exit(&EARLY, None, lock);
            OTHER.get_or(|| ());
        });
    }
    let snapshot = engine.snapshot();
    assert_eq!(acquisitions(&snapshot, "early"), 100);
    assert!(snapshot.losses().is_empty());
    assert_eq!(*lock.lock(), 50);
}

/// The destructors of a thread's specific values run in rounds, as long as there are new values.
/// After the second round, the profiler is gone.
// parking_lot's deadlock detection asks std for the thread, which is gone by then.
#[cfg(not(feature = "deadlock_detection"))]
#[cfg(unix)]
#[test]
fn a_thread_locks_after_everything() {
    use std::sync::OnceLock;
    static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();
    struct Late {
        round: u32,
        first: bool,
        lock: &'static Mutex,
    }
    unsafe extern "C" fn destructor(late: *mut libc::c_void) {
        // SAFETY: `leave` or this function put it there.
        let mut late = unsafe { Box::from_raw(late.cast::<Late>()) };
        late.round += 1;
        if late.round == 1 && late.first || late.round == 3 {
            *late.lock.lock() += 1;
        }
        if late.round < 3 {
            leave(late);
        }
    }
    fn leave(late: Box<Late>) {
        let key = KEY.get_or_init(|| {
            let mut key = 0;
            // SAFETY: `key` may be written, and the destructor takes what `leave` stores.
            let failed = unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) };
            assert_eq!(failed, 0);
            key
        });
        // SAFETY: the key was created.
        let set = unsafe { libc::pthread_setspecific(*key, Box::into_raw(late).cast()) };
        assert_eq!(set, 0);
    }
    let engine = engine(Mode::Exact);
    let lock = mutex(&engine, "after everything");
    const THREADS: u64 = 50;
    for first in [false, true] {
        for _ in 0..THREADS {
            on_a_thread(move || {
                if !first {
                    *lock.lock() += 1;
                }
                let round = 0;
                leave(Box::new(Late { round, first, lock }));
            });
        }
    }
    let snapshot = engine.snapshot();
    assert_eq!(*lock.lock(), 4 * THREADS);
    assert_eq!(acquisitions(&snapshot, "after everything"), 2 * THREADS);
    let losses = nexus_lockprof::Losses {
        thread_exit: 2 * THREADS,
        ..Default::default()
    };
    assert_eq!(*snapshot.losses(), losses);
    assert!(snapshot.table().shards <= 2, "{}", snapshot.table().shards);
}

/// A guard whose release may come after the profiler left the thread. Its acquisition is counted,
/// its hold is measured or lost, and its node in the pool of measured guards is returned.
#[test]
fn guards_are_held_across_thread_exit() {
    let engine = engine(Mode::Exact);
    let (early, late) = (mutex(&engine, "early"), mutex(&engine, "late"));
    // More often than a pool has nodes.
    const THREADS: u64 = 200;
    for _ in 0..THREADS {
        on_a_thread(move || {
            EARLY.with(|_| {});
            LATE.with(|_| {});
            let guard = early.lock();
            EARLY.with(|on_exit| on_exit.0.replace((Some(guard), None)));
            let guard = late.lock();
            LATE.with(|on_exit| on_exit.0.replace((Some(guard), None)));
        });
    }
    let snapshot = engine.snapshot();
    assert!(!early.is_locked() && !late.is_locked());
    for lock in ["early", "late"] {
        assert_eq!(acquisitions(&snapshot, lock), THREADS);
    }
    assert_eq!(snapshot.losses().guards, 0);
    let holds: u64 = snapshot
        .points()
        .iter()
        .map(|point| point.hold.samples)
        .sum();
    assert_eq!(holds + snapshot.losses().thread_exit, 2 * THREADS);
}

/// A thread may also exit without releasing at all.
#[test]
fn guards_are_forgotten() {
    let engine = engine(Mode::Exact);
    const THREADS: u64 = 1_100;
    for _ in 0..THREADS {
        let lock = mutex(&engine, "forgotten");
        on_a_thread(move || std::mem::forget(lock.lock()));
    }
    let snapshot = engine.snapshot();
    assert_eq!(acquisitions(&snapshot, "forgotten"), THREADS);
    // The pool is exhausted: each acquisition that could not be timed is counted.
    let lost = *snapshot.losses();
    assert_eq!(lost.total(), lost.guards);
    assert!(lost.guards > 0 && lost.guards < THREADS, "{lost:?}");
}

#[test]
fn locks_are_taken_and_released_by_a_panic() {
    struct LocksOnUnwind(&'static Mutex);
    impl Drop for LocksOnUnwind {
        fn drop(&mut self) {
            assert!(thread::panicking());
            *self.0.lock() += 1;
        }
    }
    for mode in MODES {
        let engine = engine(mode);
        let (held, in_drop) = (mutex(&engine, "held"), mutex(&engine, "in drop"));
        // On threads that have used the engine before, and on threads that have not.
        for round in 0..20 {
            let unwind = move || {
                let _locks = LocksOnUnwind(in_drop);
                let _guard = (round % 2 == 0).then(|| held.lock());
                std::panic::resume_unwind(Box::new("quietly"));
            };
            if round < 10 {
                assert!(catch_unwind(AssertUnwindSafe(unwind)).is_err());
            } else {
                assert!(thread::spawn(unwind).join().is_err());
            }
        }
        let snapshot = engine.snapshot();
        assert_eq!(
            (
                acquisitions(&snapshot, "held"),
                acquisitions(&snapshot, "in drop")
            ),
            (10, 20)
        );
        assert!(snapshot.losses().is_empty());
        assert!(!held.is_locked() && !in_drop.is_locked());
        if mode == Mode::Exact {
            let holds: u64 = snapshot
                .points()
                .iter()
                .map(|point| point.hold.samples)
                .sum();
            assert_eq!(holds, 30);
        }
    }
}

/// Shards are reused: there are as many as there were threads alive at one time.
#[test]
fn shards_are_those_of_threads_alive_at_one_time() {
    let engine = engine(Mode::Counts);
    let lock = mutex(&engine, "lock");
    const ALIVE: usize = 6;
    for _ in 0..50 {
        let all_here = Arc::new(Barrier::new(ALIVE));
        let threads = [(); ALIVE].map(|()| {
            let all_here = Arc::clone(&all_here);
            thread::spawn(move || {
                *lock.lock() += 1;
                all_here.wait();
            })
        });
        for thread in threads {
            assert!(thread.join().is_ok());
        }
    }
    let snapshot = engine.snapshot();
    assert_eq!(acquisitions(&snapshot, "lock"), 50 * ALIVE as u64);
    assert!(snapshot.losses().is_empty());
    assert_eq!(snapshot.table().shards, ALIVE as u64);
}
