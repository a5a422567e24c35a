//! Forks while threads start and end, each with locks of every kind. No child may wait for a thread
//! that it does not have, and no event of the parent's threads may be missing.
//!
//! The program's own counts are in a [`ThreadLocal`], which keeps those of ended threads and passes
//! each to the next thread. The test forks 150 children. To fork more by hand:
//! `target/release/child churn 10000`. With the number of children and `time` it prints how long
//! they lived, beside children that lock nothing: `child churn 1000 time`.

use super::fork::fork_for;
use nexus_lockprof::std_sync;
use nexus_lockprof::{
    Condvar, FairMutex, Mode, Mutex, ReentrantMutex, RwLock, RwLockUpgradableReadGuard, Snapshot,
    snapshot,
};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use thread_local::ThreadLocal;

/// Threads that start others, and how many of those each has at a time.
const STARTERS: usize = 3;
const STARTED: usize = 4;
/// Rounds of an operation on each lock in a child.
const ROUNDS: u64 = 3;

static DONE: AtomicBool = AtomicBool::new(false);
/// Operations on the parent's locks, by thread.
static OPERATIONS: ThreadLocal<AtomicU64> = ThreadLocal::new();

/// A lock of each kind.
struct Locks {
    mutex: Mutex<u64>,
    fair: FairMutex<u64>,
    reentrant: ReentrantMutex<u64>,
    rwlock: RwLock<u64>,
    condvar: (Mutex<u64>, Condvar),
    std_mutex: std_sync::Mutex<u64>,
    std_condvar: std_sync::Condvar,
    std_rwlock: std_sync::RwLock<u64>,
    shim_mutex: shim_0_12::Mutex<u64>,
    shim_rwlock: shim_0_12::RwLock<u64>,
    #[cfg(feature = "tokio")]
    tokio: nexus_lockprof::tokio::Mutex<u64>,
    #[cfg(feature = "tokio")]
    tokio_rwlock: nexus_lockprof::tokio::RwLock<u64>,
}

/// Acquisitions of one round.
const ACQUISITIONS: u64 = 18 + if cfg!(feature = "tokio") { 4 } else { 0 };

impl Locks {
    fn new() -> Self {
        Locks {
            mutex: Mutex::named("a mutex", 0),
            fair: FairMutex::named("a fair one", 0),
            reentrant: ReentrantMutex::named("a reentrant one", 0),
            rwlock: RwLock::named("a rwlock", 0),
            condvar: (Mutex::named("beside a condvar", 0), Condvar::new()),
            std_mutex: std_sync::Mutex::named("std's", 0),
            std_condvar: std_sync::Condvar::new(),
            std_rwlock: std_sync::RwLock::named("std's rwlock", 0),
            shim_mutex: shim_0_12::Mutex::new(0),
            shim_rwlock: shim_0_12::RwLock::new(0),
            #[cfg(feature = "tokio")]
            tokio: nexus_lockprof::tokio::Mutex::named("tokio's", 0),
            #[cfg(feature = "tokio")]
            tokio_rwlock: nexus_lockprof::tokio::RwLock::named("tokio's rwlock", 0),
        }
    }

    /// Uses each lock in every way that does not wait: nobody else has these locks.
    fn use_all(&self) {
        *self.mutex.lock() += 1;
        drop(self.mutex.try_lock());
        drop(self.mutex.try_lock_for(Duration::from_secs(1)));
        *self.fair.lock() += 1;
        drop(self.reentrant.lock());
        drop(self.rwlock.read());
        *self.rwlock.write() += 1;
        drop(self.rwlock.try_read());
        let upgradable = self.rwlock.upgradable_read();
        *RwLockUpgradableReadGuard::upgrade(upgradable) += 1;
        // No wait: parking_lot's table of waiting threads still lists the parent's threads in a
        // child.
        *self.condvar.0.lock() += 1;
        self.condvar.1.notify_one();
        // The end of the wait is an acquisition of its own.
        if let Ok(guard) = self.std_mutex.lock() {
            drop(
                self.std_condvar
                    .wait_timeout(guard, Duration::from_micros(1)),
            );
        }
        drop(self.std_mutex.try_lock());
        drop(self.std_rwlock.read());
        drop(self.std_rwlock.write());
        *self.shim_mutex.lock() += 1;
        *self.shim_rwlock.write() += 1;
        #[cfg(feature = "tokio")]
        {
            *self.tokio.blocking_lock() += 1;
            drop(self.tokio.try_lock());
            drop(self.tokio_rwlock.blocking_read());
            drop(self.tokio_rwlock.try_write());
        }
    }
}

/// Makes parking_lot's tables of threads as large as they ever have to be here.
///
/// With `deadlock_detection`, the first lock of a thread may enlarge the table, under locks of the
/// table's own. A child that was forked off meanwhile finds them locked for ever, profiled or not.
fn enlarge_tables() {
    // Twice as many threads as a child can know of: its own, and those its parent had.
    const THREADS: usize = 2 * (STARTERS * (STARTED + 1) + 1 + STARTED);
    let all_here = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                drop(parking_lot::Mutex::new(()).lock());
                drop(parking_lot_0_12::Mutex::new(()).lock());
                all_here.wait();
            });
        }
    });
}

fn acquisitions(snapshot: &Snapshot) -> u64 {
    snapshot.points().iter().map(|p| p.acquisitions).sum()
}

pub(crate) fn main(children: &str) {
    let children = children.parse().unwrap_or(150);
    assert_eq!(
        nexus_lockprof::configure(nexus_lockprof::config().mode(Mode::Exact)),
        Ok(())
    );
    if std::env::args().nth(3).is_some_and(|arg| arg == "time") {
        return time(children);
    }
    enlarge_tables();
    let work = || {
        // The child's own locks: a lock of two threads may be locked for ever in a child.
        let locks = Locks::new();
        locks.use_all();
        OPERATIONS.get_or_default().fetch_add(1, Relaxed);
    };
    thread::scope(|scope| {
        let start = || {
            while !DONE.load(Relaxed) {
                let started = [(); STARTED].map(|()| scope.spawn(work));
                for thread in started {
                    assert!(thread.join().is_ok());
                }
            }
        };
        let starters = [(); STARTERS].map(|()| scope.spawn(start));
        let failed = (0..children).find_map(|number| {
            let forked = fork_for(in_child);
            forked.err().map(|error| format!("child {number}: {error}"))
        });
        DONE.store(true, Relaxed);
        for starter in starters {
            assert!(starter.join().is_ok());
        }
        assert_eq!(failed, None);
    });
    let snapshot = snapshot();
    let operations: u64 = OPERATIONS.iter().map(|count| count.load(Relaxed)).sum();
    assert_eq!(acquisitions(&snapshot), operations * ACQUISITIONS);
    assert!(snapshot.losses().is_empty(), "{:?}", snapshot.losses());
    // One for each thread that lived at the same time.
    let most = (STARTERS * (STARTED + 1) + 1) as u64;
    assert!(
        snapshot.table().shards <= most,
        "{}",
        snapshot.table().shards
    );
}

/// Whether this process records what it does, in its only thread and in some new ones.
fn in_child() -> bool {
    let before = snapshot();
    fn use_locks() {
        let locks = Locks::new();
        (0..ROUNDS).for_each(|_| locks.use_all());
    }
    use_locks();
    let own = acquisitions(&snapshot()) - acquisitions(&before) == ROUNDS * ACQUISITIONS;
    // These take over the shards of threads that do not exist here.
    let threads: Vec<_> = (0..STARTED).filter_map(|_| start(use_locks)).collect();
    let started = threads.len() as u64;
    let ended = threads.into_iter().all(join);
    let after = snapshot();
    let all = acquisitions(&after) - acquisitions(&before) == ROUNDS * ACQUISITIONS * (started + 1);
    let no_more = after.table().shards <= before.table().shards + started + 1;
    let right = own && ended && all && no_more && after.losses() == before.losses();
    if !right {
        let grown = acquisitions(&after) - acquisitions(&before);
        eprintln!("own {own}, ended {ended}, all {all}: {grown}, no more {no_more}");
        eprintln!("before: {:?}, {:?}", before.table(), before.losses());
        eprintln!("after: {:?}, {:?}", after.table(), after.losses());
    }
    right
}

/// Starts a thread without std. Each std thread takes a lock of std's at its start, which may be
/// locked in a child.
fn start(work: fn()) -> Option<libc::pthread_t> {
    extern "C" fn run(work: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: `start` passes this type.
        let work = unsafe { std::mem::transmute::<*mut libc::c_void, fn()>(work) };
        work();
        std::ptr::null_mut()
    }
    let mut thread = 0;
    // SAFETY: `thread` may be written, and `run` gets the argument it takes.
    let failed = unsafe {
        libc::pthread_create(
            &raw mut thread,
            std::ptr::null(),
            run,
            work as *mut libc::c_void,
        )
    };
    (failed == 0).then_some(thread)
}

fn join(thread: libc::pthread_t) -> bool {
    // SAFETY: the thread was started, and is joined once.
    unsafe { libc::pthread_join(thread, std::ptr::null_mut()) == 0 }
}

/// Prints how long children live that lock, and that do not, in turns.
fn time(children: u32) {
    let locks = Locks::new();
    locks.use_all();
    let bare = parking_lot::Mutex::new(0_u64);
    let one = |check: &dyn Fn() -> bool| {
        let begin = Instant::now();
        assert_eq!(fork_for(check), Ok(()));
        begin.elapsed()
    };
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..children {
        times[0].push(one(&|| {
            (0..ACQUISITIONS).for_each(|_| *bare.lock() += 1);
            true
        }));
        times[1].push(one(&|| {
            Locks::new().use_all();
            true
        }));
    }
    let [bare, profiled] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    eprintln!("medians: {bare:?} with bare locks, {profiled:?} with profiled ones");
}
