//! A signal handler that tries profiled locks, in a thread that is in the profiler most of the
//! time.
//!
//! The handler's points were used once before. The first use of a point allocates, and a handler
//! must not call an interrupted allocator.

use nexus_lockprof::{Mode, Mutex, RwLock, snapshot};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Number of signals to survive.
const SIGNALS: u64 = 2000;

static IN_HANDLER: Mutex<u64> = Mutex::named("in handler", 0);
static SHARED: Mutex<u64> = Mutex::named("shared", 0);
static WORK: RwLock<u64> = RwLock::named("work", 0);
static MANY: [Mutex<u64>; 16] = [
    Mutex::named("work 0", 0),
    Mutex::named("work 1", 0),
    Mutex::named("work 2", 0),
    Mutex::named("work 3", 0),
    Mutex::named("work 4", 0),
    Mutex::named("work 5", 0),
    Mutex::named("work 6", 0),
    Mutex::named("work 7", 0),
    Mutex::named("work 8", 0),
    Mutex::named("work 9", 0),
    Mutex::named("work a", 0),
    Mutex::named("work b", 0),
    Mutex::named("work c", 0),
    Mutex::named("work d", 0),
    Mutex::named("work e", 0),
    Mutex::named("work f", 0),
];

static SIGNALLED: AtomicU64 = AtomicU64::new(0);
static GOT_SHARED: AtomicU64 = AtomicU64::new(0);

extern "C" fn on_alarm(_signal: libc::c_int) {
    // No other code takes this one, so it is always free.
    if let Some(mut guard) = IN_HANDLER.try_lock() {
        *guard += 1;
    }
    // The interrupted thread may hold this one.
    if let Some(mut guard) = SHARED.try_lock() {
        *guard += 1;
        GOT_SHARED.fetch_add(1, Relaxed);
    }
    SIGNALLED.fetch_add(1, Relaxed);
}

pub(crate) fn main() {
    for mode in [Mode::Counts, Mode::DEFAULT, Mode::Exact] {
        assert_eq!(
            nexus_lockprof::configure(nexus_lockprof::config().mode(mode)),
            Ok(())
        );
        nexus_lockprof::reset();
        SIGNALLED.store(0, Relaxed);
        GOT_SHARED.store(0, Relaxed);
        one_mode();
    }
}

fn one_mode() {
    on_alarm(libc::SIGALRM);
    {
        // The point's failed tries, too.
        let _held = SHARED.lock();
        on_alarm(libc::SIGALRM);
    }
    let taken_before = 1;
    start_alarms();
    let mut work = 0;
    while SIGNALLED.load(Relaxed) < SIGNALS {
        for lock in &MANY {
            *lock.lock() += 1;
        }
        let sum = *WORK.read();
        *WORK.write() = sum + 1;
        *SHARED.lock() += 1;
        work += 1;
    }
    stop_alarms();

    let snapshot = snapshot();
    let lost = snapshot.losses().total();
    let signalled = SIGNALLED.load(Relaxed);
    let point = snapshot
        .point("in handler")
        .cloned()
        .unwrap_or_else(|| panic!("{snapshot}"));
    // What is not recorded counts as lost, and nothing is recorded that did not happen.
    assert!(
        point.acquisitions <= signalled && point.acquisitions + lost >= signalled,
        "{signalled} signals: {snapshot}"
    );
    let shared: Vec<_> = snapshot.points_of("shared").collect();
    let acquired: u64 = shared.iter().map(|p| p.acquisitions).sum();
    let truth = GOT_SHARED.load(Relaxed) + work + taken_before;
    assert!(
        acquired <= truth && acquired + lost >= truth,
        "{truth} acquisitions: {snapshot}"
    );
    for lock in &MANY {
        assert!(!lock.is_locked());
    }
    let many: u64 = snapshot
        .points()
        .iter()
        .filter(|p| p.lock.name().starts_with("work "))
        .map(|p| p.acquisitions)
        .sum();
    // The thread's own acquisitions outside the handler: all recorded.
    assert_eq!(many, 16 * work, "{snapshot}");
}

fn start_alarms() {
    // SAFETY: an all-zero sigaction is valid, and is filled in below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = on_alarm as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: `action` is filled in; the handler touches atomics and tries locks.
    let set = unsafe { libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    every(50);
}

fn stop_alarms() {
    every(0);
}

/// Requests a signal every `microseconds`; 0 for none.
fn every(microseconds: libc::suseconds_t) {
    let interval = libc::timeval {
        tv_sec: 0,
        tv_usec: microseconds,
    };
    let timer = libc::itimerval {
        it_interval: interval,
        it_value: interval,
    };
    // SAFETY: `timer` is filled in.
    let set = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
    assert_eq!(set, 0);
}
