//! The condition variable.

use std::fmt;
use std::panic::Location;
use std::sync::{LazyLock, LockResult, PoisonError, WaitTimeoutResult};
use std::time::{Duration, Instant};

use nexus_lockprof_adaptor::HoldMode::Exclusive;
use nexus_lockprof_engine::adaptor::SiteKey;

use super::MutexGuard;
use super::held::{Held, map};

type Site = &'static Location<'static>;

/// [`std::sync::Condvar`] for the profiled [`Mutex`](super::Mutex): lets a thread that holds one
/// sleep until another thread signals a change.
///
/// A wait ends the hold of the mutex. The time asleep is neither wait nor hold. When the thread
/// owns the mutex again, that is a new acquisition at the line of the `wait` call. The profiler
/// cannot tell how long a notified thread waited for the mutex, and records no wait for it.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::std_sync::{Condvar, Mutex};
///
/// static READY: (Mutex<bool>, Condvar) = (Mutex::named("ready", false), Condvar::new());
///
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *READY.0.lock().unwrap() = true;
///         READY.1.notify_one();
///     });
///     let ready = READY.0.lock().unwrap();
///     let ready = READY.1.wait_while(ready, |ready| !*ready).unwrap();
///     assert!(*ready);
/// });
/// ```
#[derive(Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    /// Creates a condition variable without waiters.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    /// Releases the mutex, sleeps until notified, and acquires the mutex again. Spurious wakeups
    /// may occur.
    ///
    /// # Errors
    /// If the mutex is poisoned when it is acquired again. The error holds the guard.
    ///
    /// # Panics
    /// Where std's does: possibly if it is used with more than one mutex.
    ///
    /// ```
    /// use nexus_lockprof::std_sync::{Condvar, Mutex};
    ///
    /// let (ready, changed) = (Mutex::new(false), Condvar::new());
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         *ready.lock().unwrap() = true;
    ///         changed.notify_one();
    ///     });
    ///     let mut guard = ready.lock().unwrap();
    ///     while !*guard {
    ///         guard = changed.wait(guard).unwrap();
    ///     }
    /// });
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_at(guard, Location::caller())
    }

    /// [Waits](Self::wait) repeatedly as long as `condition` holds for the data.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        let site = Location::caller();
        while condition(&mut *guard) {
            guard = self.wait_at(guard, site)?;
        }
        Ok(guard)
    }

    /// [`wait`](Self::wait), but for at most the given number of milliseconds. Returns `false` if
    /// time ran out.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    #[deprecated(note = "replaced by `nexus_lockprof::std_sync::Condvar::wait_timeout`")]
    pub fn wait_timeout_ms<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        ms: u32,
    ) -> LockResult<(MutexGuard<'a, T>, bool)> {
        let dur = Duration::from_millis(ms.into());
        map(
            self.wait_timeout_at(guard, dur, Location::caller()),
            |(guard, result)| (guard, !result.timed_out()),
        )
    }

    /// [`wait`](Self::wait), but for at most `dur`.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_timeout_at(guard, dur, Location::caller())
    }

    /// [`wait_while`](Self::wait_while), but for at most `dur`. The result says whether time ran
    /// out with the condition still true.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    ///
    /// ```
    /// use nexus_lockprof::std_sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let jobs = Mutex::new(Vec::<u32>::new());
    /// let (guard, result) = Condvar::new()
    ///     .wait_timeout_while(jobs.lock().unwrap(), Duration::from_millis(1), |jobs| jobs.is_empty())
    ///     .unwrap();
    /// assert!(result.timed_out() && guard.is_empty());
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        dur: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let site = Location::caller();
        let start = Instant::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, RESULTS.in_time));
            }
            let Some(rest) = dur.checked_sub(start.elapsed()) else {
                return Ok((guard, RESULTS.timed_out));
            };
            guard = self.wait_timeout_at(guard, rest, site)?.0;
        }
    }

    /// Wakes one waiting thread, if there is one. A notification is not kept for a thread that
    /// waits later.
    #[inline]
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiting threads.
    #[inline]
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    #[inline]
    fn wait_at<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        site: Site,
    ) -> LockResult<MutexGuard<'a, T>> {
        let slept = asleep(guard, site, |std| map(self.0.wait(std), |std| (std, ())));
        map(slept, |(guard, ())| guard)
    }

    #[inline]
    fn wait_timeout_at<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
        site: Site,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        asleep(guard, site, |std| self.0.wait_timeout(std, dur))
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Calls `wait`, which releases the mutex, sleeps and acquires it again. Records the end of the
/// hold, and a new acquisition at `site`.
#[inline]
fn asleep<'a, T, X>(
    guard: MutexGuard<'a, T>,
    site: Site,
    wait: impl FnOnce(std::sync::MutexGuard<'a, T>) -> LockResult<(std::sync::MutexGuard<'a, T>, X)>,
) -> LockResult<(MutexGuard<'a, T>, X)> {
    let (watched, std, pending_ref) = guard.0.into_parts();
    // SAFETY: the pending reference is this guard's. Its lock is on the global engine, like all
    // locks of this module.
    unsafe { watched.hold_ends(&pending_ref) };
    // If `wait` unwinds, it drops std's guard, and this one records the finished hold.
    let before = Held::new(watched, (), pending_ref);
    let woken = wait(std);
    let (_, (), before) = before.into_parts();
    // SAFETY: the pending reference is still that of the ended hold. Its lock is on the global
    // engine.
    let pending_ref = unsafe { watched.held_after_wait(SiteKey::new(site, Exclusive), before) };
    map(woken, |(std, rest)| {
        (MutexGuard(Held::new(watched, std, pending_ref)), rest)
    })
}

/// Both values of std's result. Only std can make them.
struct Results {
    in_time: WaitTimeoutResult,
    timed_out: WaitTimeoutResult,
}

static RESULTS: LazyLock<Results> = LazyLock::new(|| {
    // The condition stays constant and the timeout is zero, so the condition alone decides the
    // result.
    let result_of = |condition: bool| {
        let mutex = std::sync::Mutex::new(());
        let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        std::sync::Condvar::new()
            .wait_timeout_while(guard, Duration::ZERO, |()| condition)
            .unwrap_or_else(PoisonError::into_inner)
            .1
    };
    Results {
        in_time: result_of(false),
        timed_out: result_of(true),
    }
});
