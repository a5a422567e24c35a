//! Delivers slow events: to handlers, or as lines on stderr.
//!
//! The thread that settles a slow wait or hold only notes it in the engine's
//! [`slow_log`](crate::record::slow_log), because it may hold other locks, which a handler may
//! need, and for which others wait. Of the global engine's events, this is who takes them out:
//!
//! - A thread of the profiler, which looks ten times a second. It starts when a second thread uses
//!   a lock, or when there is a handler.
//! - Before that, the only thread that uses locks, after its release. It keeps nobody waiting. It
//!   writes lines, but calls no handler.
//! - Each snapshot, tick and reset.
//! - The end of the process, which writes lines, but calls no handler.
//!
//! Another engine's events are taken out by its snapshots, ticks and resets.

use crate::acquire::signal::Attempt;
use crate::acquire::thread::{self, Stage};
use crate::core::{Core, GLOBAL};
use crate::event::Event;
use crate::identity::{self, PointKey, to_site};
use crate::process::due;
use crate::process::internal_thread::make_thread_internal;
use crate::process::once::Once;
use crate::process::stderr::{say, say_line};
use crate::process::unwind::caught;
use crate::record::slow_record::{SlowBy, SlowKind, SlowRecord};
use crate::record::thread_info::ThreadId;
use nexus_lockprof_snapshot::{AcquireMode, Slow, SlowHolder, SlowMetric};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often the thread looks.
const EVERY: Duration = Duration::from_millis(100);

/// How long the end of the process may wait for handlers.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process that has the thread.
static THREAD: Once = Once::new();

/// Whether the thread could not be started, and others do its work.
static FAILED: AtomicBool = AtomicBool::new(false);

/// After a change of the settings or handlers: starts the thread, or sees to it that it starts as
/// soon as the program has two threads that use locks.
pub(crate) fn settings_changed(core: &Core) {
    if !core.is_global() || !core.slow.is_on() {
        return;
    }
    at_exit();
    let threads = core.shard_count();
    if threads > 1 || has_thread() {
        start_thread();
    } else {
        due::await_second_thread_after(threads == 1);
    }
}

/// Whether there is a thread even if the program has only one.
pub(crate) fn has_thread() -> bool {
    GLOBAL.slow.is_on() && GLOBAL.handlers.has_some()
}

/// In a forked process: starts the thread that its parent had with one thread.
pub(crate) fn start_again() {
    if has_thread() {
        start_thread();
    }
}

/// Whether [`start_thread`] starts a thread.
#[cfg(unix)]
pub(crate) fn awaits_second_thread() -> bool {
    GLOBAL.slow.is_on()
}

/// Starts the thread, if somebody wants slow events and it does not run.
pub(crate) fn start_thread() {
    if !GLOBAL.slow.is_on() || !THREAD.begin() {
        return;
    }
    let started = std::thread::Builder::new()
        .name("lockprof-slow".into())
        .spawn(run);
    let has_failed = FAILED.swap(started.is_err(), Relaxed);
    if let Err(error) = started
        && !has_failed
    {
        say(format_args!(
            "no thread for slow waits and holds, so those that release locks report them: {error}"
        ));
    }
}

fn run() {
    make_thread_internal();
    loop {
        std::thread::sleep(EVERY);
        deliver_global();
        if !GLOBAL.slow.is_on() {
            THREAD.forget();
            // Somebody may have switched it on again meanwhile, and found the thread running.
            if !GLOBAL.slow.is_on() || !THREAD.begin() {
                return;
            }
        }
    }
}

fn deliver_global() {
    let _ = caught(|| GLOBAL.deliver_slow());
}

/// Delivers what is left at the end of the process.
#[cfg(any(unix, windows))]
fn at_exit() {
    extern "C" fn deliver_last() {
        // Does not unwind, because C code calls it.
        let _ = caught(|| GLOBAL.deliver_last_slow());
    }
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if !IS_SET.swap(true, Relaxed) {
        // If there is no room, the last events are lost.
        // SAFETY: `deliver_last` does not unwind, and exists until the process ends.
        unsafe { libc::atexit(deliver_last) };
    }
}

#[cfg(not(any(unix, windows)))]
fn at_exit() {}

impl Core {
    /// Delivers the slow events that there are. No lock of the engine may be held.
    pub(crate) fn deliver_slow(&self) {
        let events = self.take_slow();
        if events.is_empty() {
            return;
        }
        if self.writes_slow_lines() {
            for event in &events {
                say_line(event);
            }
        }
        self.handlers.call(&events);
        self.slow.note_delivered(events.len() as u64);
    }

    /// Delivers what is left at the end of the process. The exiting thread may hold locks that a
    /// handler wants. So the profiler's thread still calls the handlers, and has a moment for that.
    /// Of what it leaves, there are lines.
    fn deliver_last_slow(&self) {
        // A handler may be what ends the process.
        let has_thread = THREAD.is_begun_here() && !FAILED.load(Relaxed);
        if self.handlers.has_some() && has_thread && !thread::is_internal() {
            let since = Instant::now();
            while !self.slow.is_all_delivered() && since.elapsed() < PATIENCE {
                std::thread::sleep(EVERY / 20);
            }
        }
        for event in self.take_slow() {
            say_line(event);
        }
        let dropped = self.slow.take_dropped();
        if dropped != 0 && self.writes_slow_lines() {
            say(format_args!(
                "{dropped} more slow waits and holds were dropped"
            ));
        }
    }

    /// After a release, if there may be slow events: writes the lines, if no other thread can want
    /// the locks that this one still holds.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_slow_if_alone(&self) {
        let may = self.is_global()
            && (due::awaits_second_thread() || FAILED.load(Relaxed))
            && thread::stage() == Stage::Running
            && !self.handlers.has_some()
            && Attempt::Tries.may_allocate();
        if may {
            let _inside = thread::inside();
            deliver_global();
        }
    }

    fn writes_slow_lines(&self) -> bool {
        !self.handlers.has_some() || self.config().slow_lines
    }

    fn take_slow(&self) -> Vec<Event> {
        let mut taken = Vec::new();
        self.slow.take(|number, record| {
            taken.push((number, to_slow(&record)));
            identity::release(record.key);
        });
        taken.sort_by_key(|&(number, _)| number);
        taken
            .into_iter()
            .map(|(_, slow)| Event::Slow(slow))
            .collect()
    }
}

fn to_slow(record: &SlowRecord) -> Slow {
    let holder = |by: Option<SlowBy>| {
        by.map(|SlowBy { key, ns, thread }| {
            let (mode, site) = place(key);
            let thread = thread.map(ThreadId::to_thread);
            SlowHolder {
                thread,
                mode,
                site,
                ns,
            }
        })
    };
    let (metric, holder, waiters) = match record.kind {
        SlowKind::Wait(by) => (SlowMetric::Wait, holder(by), None),
        SlowKind::AbandonedWait(by) => (SlowMetric::AbandonedWait, holder(by), None),
        SlowKind::Hold(waiters) => (SlowMetric::Hold, None, Some(waiters)),
    };
    let (mode, site) = place(record.key);
    Slow {
        lock: record.key.class().to_lock(),
        mode,
        site,
        metric,
        ns: record.ns,
        threshold_ns: record.threshold_ns,
        thread: record.thread.map(ThreadId::to_thread),
        holder,
        waiters,
        dropped: record.dropped,
    }
}

fn place(key: PointKey) -> (AcquireMode, nexus_lockprof_snapshot::Site) {
    let site = key.site();
    (AcquireMode::from(site.mode()), to_site(site.location()))
}
