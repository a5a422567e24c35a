//! `Condvar`, which is not lock_api's before parking_lot 0.13.

use crate::MutexGuard;
use real::lock_api;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::time::{Duration, Instant};

type BareGuard<'a> = real::MutexGuard<'a, ()>;

/// Whether a wait on a condition variable timed out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether it timed out.
    #[inline]
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.0
    }
}

/// A condition variable for a [`Mutex`](crate::Mutex).
///
/// A wait ends the hold of the mutex. The time asleep is neither wait nor hold. When the thread
/// owns the mutex again, that is a new acquisition at the line of the `wait` call.
#[derive(Default)]
pub struct Condvar(real::Condvar);

impl Condvar {
    /// Creates a condition variable without waiters.
    #[inline]
    #[must_use]
    pub const fn new() -> Self {
        Condvar(real::Condvar::new())
    }

    /// Wakes one waiting thread, and returns whether there was one.
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
    /// If another thread waits on this condition variable with another mutex.
    #[inline]
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>) {
        self.sleep(mutex_guard, None, Location::caller());
    }

    /// [`wait`](Self::wait), but at most until `timeout`.
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_until<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        self.sleep(mutex_guard, Some(timeout), Location::caller())
    }

    /// [`wait`](Self::wait), but for at most `timeout`.
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_for<T: ?Sized>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        self.sleep(mutex_guard, deadline(timeout), Location::caller())
    }

    /// [Waits](Self::wait) repeatedly as long as `condition` holds for the data.
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_while<T, F>(&self, mutex_guard: &mut MutexGuard<'_, T>, condition: F)
    where
        T: ?Sized,
        F: FnMut(&mut T) -> bool,
    {
        self.sleep_while(mutex_guard, condition, None, Location::caller());
    }

    /// [`wait_while`](Self::wait_while), but at most until `timeout`.
    ///
    /// # Panics
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
        self.sleep_while(mutex_guard, condition, Some(timeout), Location::caller())
    }

    /// [`wait_while`](Self::wait_while), but for at most `timeout`.
    ///
    /// # Panics
    /// As for [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_while_for<T: ?Sized, F>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Duration,
    ) -> WaitTimeoutResult
    where
        F: FnMut(&mut T) -> bool,
    {
        self.sleep_while(
            mutex_guard,
            condition,
            deadline(timeout),
            Location::caller(),
        )
    }

    fn sleep_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
        deadline: Option<Instant>,
        site: &'static Location<'static>,
    ) -> WaitTimeoutResult {
        let mut result = WaitTimeoutResult(false);
        while !result.timed_out() && condition(guard) {
            result = self.sleep(guard, deadline, site);
        }
        result
    }

    /// Sleeps once; for ever if there is no deadline.
    fn sleep<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
        site: &'static Location<'static>,
    ) -> WaitTimeoutResult {
        let (profiled, state) = MutexGuard::lockprof_parts(guard);
        // SAFETY: `state` belongs to the current acquisition. The bare mutex is held when the real
        // condition variable returns or unwinds.
        unsafe {
            profiled.suspended(state, Some(site), |bare, ()| {
                let mut guard = held(bare);
                match deadline {
                    None => {
                        self.0.wait(&mut guard);
                        WaitTimeoutResult(false)
                    }
                    Some(deadline) => {
                        let result = self.0.wait_until(&mut guard, deadline);
                        WaitTimeoutResult(result.timed_out())
                    }
                }
            })
        }
    }
}

/// The end of a wait of `timeout`; `None` if it is too far away to represent.
fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

/// Makes a guard of a held bare mutex. Dropping it does not unlock.
///
/// # Safety
/// The calling thread must hold the mutex.
unsafe fn held(bare: &real::RawMutex) -> ManuallyDrop<BareGuard<'_>> {
    type BareMutex = lock_api::Mutex<real::RawMutex, ()>;
    // A mutex without data is as large as its raw lock, so the raw lock lies at its start.
    const { assert!(size_of::<BareMutex>() == size_of::<real::RawMutex>()) };
    const { assert!(align_of::<BareMutex>() == align_of::<real::RawMutex>()) };
    // SAFETY: same place, size and alignment. The data takes no room and has only one value.
    let mutex = unsafe { &*std::ptr::from_ref(bare).cast::<BareMutex>() };
    // SAFETY: the caller upholds the contract. The guard is never dropped, so only the caller's
    // unlocks.
    ManuallyDrop::new(unsafe { guard_of(mutex) })
}

/// # Safety
/// The calling thread must hold the mutex.
#[cfg(not(lockprof_old_lock_api))]
unsafe fn guard_of(mutex: &lock_api::Mutex<real::RawMutex, ()>) -> BareGuard<'_> {
    // SAFETY: the caller upholds this function's contract.
    unsafe { mutex.make_guard_unchecked() }
}

/// Early versions of lock_api 0.4 have no function to make a guard. Their guard is a reference to
/// the mutex and a marker without size.
///
/// # Safety
/// The calling thread must hold the mutex.
#[cfg(lockprof_old_lock_api)]
unsafe fn guard_of(mutex: &lock_api::Mutex<real::RawMutex, ()>) -> BareGuard<'_> {
    const { assert!(size_of::<BareGuard<'_>>() == size_of::<&()>()) };
    // SAFETY: its only field with a size is this reference. The caller upholds the rest.
    unsafe { std::mem::transmute(mutex) }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Condvar { .. }")
    }
}
