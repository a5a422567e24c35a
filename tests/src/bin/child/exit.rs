//! The end of a process: threads that outlive `main`, and the main thread's destructors.

use nexus_lockprof::{Config, Event, Mode, Mutex, MutexGuard, RwLock};
use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

static BUSY: Mutex<u64> = Mutex::named("busy", 0);
static TABLE: RwLock<u64> = RwLock::named("table", 0);
static LAST: Mutex<u64> = Mutex::named("last", 0);

/// Threads that start, end and continue, and are never joined.
pub(crate) fn outlive_main() {
    let (ready, is_ready) = mpsc::channel();
    for _ in 0..3 {
        let ready = ready.clone();
        thread::spawn(move || {
            let mut ready = Some(ready);
            loop {
                *BUSY.lock() += 1;
                let sum = *TABLE.read();
                *TABLE.write() = sum + 1;
                let _ = thread::spawn(|| drop(BUSY.lock()));
                if let Some(ready) = ready.take() {
                    let _ = ready.send(());
                }
            }
        });
    }
    drop(ready);
    assert_eq!(is_ready.iter().count(), 3);
}

thread_local! {
    static EARLY: OnExit = const { OnExit(RefCell::new(None)) };
    static LATE: OnExit = const { OnExit(RefCell::new(None)) };
}

/// Holds a guard until the thread exits, and then locks once more.
struct OnExit(RefCell<Option<MutexGuard<'static, u64>>>);

impl Drop for OnExit {
    fn drop(&mut self) {
        self.0.take();
        *LAST.lock() += 1;
    }
}

/// Thread-local destructors of the main thread: one registered before the first use of a profiled
/// lock, one after.
pub(crate) fn destructors() {
    assert_eq!(
        nexus_lockprof::configure(Config::default().mode(Mode::Exact)),
        Ok(())
    );
    EARLY.with(|_| {});
    let guard = BUSY.lock();
    LATE.with(|late| late.0.replace(Some(guard)));
}

/// Ends with events for a handler that wants a lock, which the exiting thread holds.
pub(crate) fn with_events() {
    let config = Config::default().mode(Mode::Exact);
    let config = config.hot_hold(Duration::ZERO).hot_min_samples(1);
    assert_eq!(nexus_lockprof::configure(config), Ok(()));
    let _ = nexus_lockprof::on_event(|event| {
        if let Event::Hot(_) = event {
            *LAST.lock() += 1;
        }
    });
    for _ in 0..3 {
        let busy = BUSY.lock();
        thread::sleep(Duration::from_nanos(1));
        drop(busy);
    }
    let _last = LAST.lock();
    std::process::exit(0)
}
