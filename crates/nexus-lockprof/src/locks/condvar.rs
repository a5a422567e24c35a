use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::WaitTimeoutResult;

use super::MutexGuard;
use crate::raw::{RawCondvar, condvar_at};

/// A condition variable: lets a thread that holds a [`Mutex`](crate::Mutex) sleep until another
/// thread signals a change.
///
/// A wait ends the hold of the mutex. The time asleep is neither wait nor hold. When the thread
/// owns the mutex again, that is a new acquisition at the line of the `wait` call. The profiler
/// cannot tell how long a notified thread waited for the mutex, and records no wait for it.
///
/// Like parking_lot's, it has no spurious wakeups, and its `notify` methods return how many threads
/// they woke. It serves one mutex at a time: waiting with a second mutex while threads wait with a
/// first panics.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::{Condvar, Mutex};
///
/// static READY: (Mutex<bool>, Condvar) = (Mutex::named("ready", false), Condvar::new());
///
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *READY.0.lock() = true;
///         READY.1.notify_one();
///     });
///     let mut ready = READY.0.lock();
///     READY.1.wait_while(&mut ready, |ready| !*ready);
///     assert!(*ready);
/// });
/// ```
#[repr(transparent)]
#[derive(Default)]
pub struct Condvar(lock_api::Condvar<RawCondvar>);

impl Condvar {
    /// Creates a condition variable without waiters.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Self(lock_api::Condvar::new())
    }

    /// This condition variable as `lock_api`'s. After a wait through it, the profiler records the
    /// new acquisition where the mutex was acquired before.
    #[inline]
    pub const fn as_lock_api(&self) -> &lock_api::Condvar<RawCondvar> {
        &self.0
    }

    /// The raw condition variable.
    #[inline]
    pub fn raw(&self) -> &RawCondvar {
        self.0.raw()
    }

    /// Wakes one waiting thread, and returns whether there was one.
    ///
    /// A notification is not kept for a thread that waits later.
    ///
    /// ```
    /// assert!(!nexus_lockprof::Condvar::new().notify_one());
    /// ```
    #[inline]
    pub fn notify_one(&self) -> bool {
        self.0.notify_one()
    }

    /// Wakes all waiting threads, and returns how many there were.
    #[inline]
    pub fn notify_all(&self) -> usize {
        self.0.notify_all()
    }

    /// Releases the mutex, sleeps until notified, and acquires the mutex again.
    ///
    /// # Panics
    ///
    /// If another thread waits on this condition variable with another mutex. The mutex is still
    /// held then.
    #[inline]
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>) {
        condvar_at(&self.0, Location::caller()).wait(mutex_guard);
    }

    /// [`wait`](Self::wait), but at most until `timeout`.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_until<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        condvar_at(&self.0, Location::caller()).wait_until(mutex_guard, timeout)
    }

    /// [`wait`](Self::wait), but for at most `timeout`.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    ///
    /// ```
    /// use nexus_lockprof::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let mutex = Mutex::new(());
    /// let result = Condvar::new().wait_for(&mut mutex.lock(), Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait_for<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        condvar_at(&self.0, Location::caller()).wait_for(mutex_guard, timeout)
    }

    /// [Waits](Self::wait) repeatedly as long as `condition` holds for the data.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_while<T, F>(&self, mutex_guard: &mut MutexGuard<'_, T>, condition: F)
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        condvar_at(&self.0, Location::caller()).wait_while(mutex_guard, condition);
    }

    /// [`wait_while`](Self::wait_while), but at most until `timeout`. The result says whether time
    /// ran out with the condition still true.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_while_until<T, F>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Instant,
    ) -> WaitTimeoutResult
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        condvar_at(&self.0, Location::caller()).wait_while_until(mutex_guard, condition, timeout)
    }

    /// [`wait_while`](Self::wait_while), but for at most `timeout`. The result says whether time
    /// ran out with the condition still true.
    ///
    /// # Panics
    ///
    /// As for [`wait`](Self::wait).
    ///
    /// ```
    /// use nexus_lockprof::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let jobs = Mutex::new(vec!["one"]);
    /// let mut guard = jobs.lock();
    /// let some_time = Duration::from_secs(60);
    /// let result = Condvar::new().wait_while_for(&mut guard, |jobs| jobs.is_empty(), some_time);
    /// assert!(!result.timed_out());
    /// ```
    #[inline]
    #[track_caller]
    pub fn wait_while_for<T, F>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Duration,
    ) -> WaitTimeoutResult
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        condvar_at(&self.0, Location::caller()).wait_while_for(mutex_guard, condition, timeout)
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
