//! Every allocation takes a profiled lock, including those of the endpoint's threads. Theirs are
//! not recorded and not lost, and no thread waits for ever.
//!
//! The few that the standard library makes in a new thread before it becomes the endpoint's are an
//! exception.

use nexus_lockprof::engine::Global;
use nexus_lockprof::{Listen, Mode, Profiled, Snapshot};
use nexus_lockprof_tests::http::At;
use nexus_lockprof_tests::spin::Spin;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const REQUESTS: usize = 300;

static SPINNING: lock_api::Mutex<Profiled<Spin, Global>, ()> =
    lock_api::Mutex::from_raw(Profiled::named("allocator"), ());
/// Allocations by the main thread.
static OURS: AtomicU64 = AtomicU64::new(0);
/// Allocations by all other threads: the endpoint's.
static THEIRS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static MAIN: Cell<bool> = const { Cell::new(false) };
}

struct Locked;

fn under_lock<T>(system: impl FnOnce() -> T) -> T {
    let count = if MAIN.get() { &OURS } else { &THEIRS };
    count.fetch_add(1, Relaxed);
    let _guard = SPINNING.lock();
    system()
}

// SAFETY: the system's allocator, under a lock.
unsafe impl GlobalAlloc for Locked {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds this function's contract.
        under_lock(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds this function's contract.
        under_lock(|| unsafe { System.dealloc(pointer, layout) });
    }
}

#[global_allocator]
static ALLOCATOR: Locked = Locked;

fn main() {
    MAIN.set(true);
    let configured = nexus_lockprof::configure(nexus_lockprof::config().mode(Mode::Counts));
    assert_eq!(configured, Ok(()));
    let place: Result<Listen, _> = "127.0.0.1:0".parse();
    let server = match place.map(|place| nexus_lockprof::serve(&place)) {
        Ok(Ok(server)) => server,
        other => panic!("{other:?}"),
    };
    let Some(address) = server.local_addr() else {
        panic!("{server} has no port")
    };
    let at = At::Tcp(address);
    for path in ["/snapshot", "/config", "/nothing"]
        .iter()
        .cycle()
        .take(300)
    {
        drop(black_box(vec![0_u8; 100]));
        if let Err(error) = at.ask("GET", path, "") {
            panic!("{path}: {error}");
        }
    }
    drop(server);
    let (ours, theirs) = (OURS.load(Relaxed), THEIRS.load(Relaxed));
    let snapshot = nexus_lockprof::snapshot();
    // The snapshot itself allocates before, during and after its work.
    let later = OURS.load(Relaxed);
    let recorded = acquisitions(&snapshot) + snapshot.losses().total();
    // A thread per request, the accepting one, and allocations before `main`.
    let first = (REQUESTS as u64 + 2) * 5;
    assert!(
        (ours..=later + first).contains(&recorded),
        "{recorded} of {ours} to {later}, {:?}",
        snapshot.losses()
    );
    assert!(
        theirs > 10 * first,
        "the endpoint has allocated {theirs} times: too few to tell"
    );
}

fn acquisitions(snapshot: &Snapshot) -> u64 {
    let points = snapshot.points_of("allocator");
    points.map(|point| point.acquisitions).sum()
}
