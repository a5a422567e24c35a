//! The raw condition variable, and the one that carries a wait's site for a single call.

use std::cell::Cell;
use std::panic::Location;

use lock_api::{RawCondvar, RawCondvarTimed, RawMutex, RawMutexTimed};

use crate::{Profiled, ProfiledGuard};

/// Per-acquisition state of the mutex that a condition variable `C` works with.
type Guard<C> = ProfiledGuard<<<C as RawCondvar>::RawMutex as RawMutex>::Guard>;
/// Duration type of the mutex that a condition variable `C` works with.
type Duration<C> = <<C as RawCondvar>::RawMutex as RawMutexTimed>::Duration;
type Instant<C> = <<C as RawCondvar>::RawMutex as RawMutexTimed>::Instant;
type Site = &'static Location<'static>;

/// A raw condition variable `C` for profiled mutexes.
///
/// A wait ends the hold of the mutex. The time asleep is neither wait nor hold. The re-acquisition
/// is recorded. `lock_api::Condvar` does not pass on its caller, so the re-acquisition is recorded
/// where the mutex was acquired before the wait. [`condvar_at`] records it at the line of the wait
/// instead.
///
/// ```
/// use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar};
/// use std::time::Duration;
///
/// let mutex = lock_api::Mutex::<Profiled<parking_lot::RawMutex>, _>::new(());
/// let condvar = lock_api::Condvar::<ProfiledCondvar<parking_lot::RawCondvar>>::new();
/// assert!(condvar.wait_for(&mut mutex.lock(), Duration::ZERO).timed_out());
/// ```
pub struct ProfiledCondvar<C>(C);

impl<C: RawCondvar> ProfiledCondvar<C> {
    /// Waits with `sleep`, and records the re-acquisition at `site`, or where the mutex was
    /// acquired.
    ///
    /// # Safety
    ///
    /// `guard` must be the state of an acquisition of `mutex` that the caller holds.
    #[inline]
    unsafe fn suspend<T>(
        &self,
        mutex: &Profiled<C::RawMutex>,
        guard: &mut Guard<C>,
        site: Option<Site>,
        sleep: impl FnOnce(&C, &C::RawMutex, &mut <C::RawMutex as RawMutex>::Guard) -> T,
    ) -> T {
        // SAFETY: the caller upholds this function's contract. `sleep` re-acquires the bare mutex
        // before it returns or unwinds.
        unsafe {
            mutex.suspended(guard, site, |bare_mutex, bare_guard| {
                sleep(&self.0, bare_mutex, bare_guard)
            })
        }
    }
}

// SAFETY: the waits are the bare condition variable's, on the bare mutex under `mutex`; `suspended`
// updates `guard` to match.
unsafe impl<C: RawCondvar> RawCondvar for ProfiledCondvar<C> {
    // Interior mutability in a const: as in lock_api, each use creates a new one.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Self(C::INIT);

    type RawMutex = Profiled<C::RawMutex>;

    #[inline]
    unsafe fn wait(&self, mutex: &Self::RawMutex, guard: &mut Guard<C>) {
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, None, |bare, mutex, guard| {
                bare.wait(mutex, guard)
            })
        }
    }

    #[inline]
    fn notify_one(&self) -> bool {
        self.0.notify_one()
    }

    #[inline]
    fn notify_all(&self) -> usize {
        self.0.notify_all()
    }
}

// SAFETY: the waits are the bare condition variable's, on the bare mutex under `mutex`.
unsafe impl<C: RawCondvarTimed> RawCondvarTimed for ProfiledCondvar<C>
where
    C::RawMutex: RawMutexTimed,
{
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration<C>) -> Option<Instant<C>> {
        C::checked_duration_to_instant(timeout)
    }

    #[inline]
    unsafe fn wait_until(
        &self,
        mutex: &Self::RawMutex,
        guard: &mut Guard<C>,
        timeout: &Instant<C>,
    ) -> bool {
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, None, |bare, mutex, guard| {
                bare.wait_until(mutex, guard, timeout)
            })
        }
    }

    #[inline]
    unsafe fn wait_for(
        &self,
        mutex: &Self::RawMutex,
        guard: &mut Guard<C>,
        timeout: &Duration<C>,
    ) -> bool {
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, None, |bare, mutex, guard| {
                bare.wait_for(mutex, guard, timeout)
            })
        }
    }
}

/// One call of a `wait` method: its condition variable and its line.
///
/// Only `lock_api::Condvar` can reach the guard's state, which a wait must replace. It passes that
/// state to the raw condition variable it is built on. So [`condvar_at`] builds one on the stack
/// for a single call, and that one knows the caller.
pub struct WaitCall<'a, C>(Cell<Option<(&'a ProfiledCondvar<C>, Site)>>);

/// `condvar`, with its waits recorded at `site`.
///
/// ```
/// use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar, condvar_at};
/// use std::{panic::Location, time::Duration};
///
/// let mutex = lock_api::Mutex::<Profiled<parking_lot::RawMutex>, _>::new(());
/// let condvar = lock_api::Condvar::<ProfiledCondvar<parking_lot::RawCondvar>>::new();
/// let here = condvar_at(&condvar, Location::caller());
/// assert!(here.wait_for(&mut mutex.lock(), Duration::ZERO).timed_out());
/// ```
#[inline]
pub fn condvar_at<C: RawCondvar>(
    condvar: &lock_api::Condvar<ProfiledCondvar<C>>,
    site: Site,
) -> lock_api::Condvar<WaitCall<'_, C>> {
    let call = lock_api::Condvar::<WaitCall<'_, C>>::new();
    call.raw().0.set(Some((condvar.raw(), site)));
    call
}

// SAFETY: every wait is one of the condition variable that `condvar_at` set. If there were none,
// the wait would return at once with the mutex still held. That is a spurious wakeup, which the
// contract allows.
unsafe impl<C: RawCondvar> RawCondvar for WaitCall<'_, C> {
    // Interior mutability in a const: as in lock_api, each use creates a new one.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Self(Cell::new(None));

    type RawMutex = Profiled<C::RawMutex>;

    #[inline]
    unsafe fn wait(&self, mutex: &Self::RawMutex, guard: &mut Guard<C>) {
        if let Some((condvar, site)) = self.0.get() {
            // SAFETY: the caller holds `mutex` with `guard`.
            unsafe {
                condvar.suspend(mutex, guard, Some(site), |bare, mutex, guard| {
                    bare.wait(mutex, guard)
                })
            }
        }
    }

    fn notify_one(&self) -> bool {
        false
    }

    fn notify_all(&self) -> usize {
        0
    }
}

// SAFETY: every wait is one of the condition variable that `condvar_at` set.
unsafe impl<C: RawCondvarTimed> RawCondvarTimed for WaitCall<'_, C>
where
    C::RawMutex: RawMutexTimed,
{
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration<C>) -> Option<Instant<C>> {
        C::checked_duration_to_instant(timeout)
    }

    #[inline]
    unsafe fn wait_until(
        &self,
        mutex: &Self::RawMutex,
        guard: &mut Guard<C>,
        timeout: &Instant<C>,
    ) -> bool {
        let Some((condvar, site)) = self.0.get() else {
            return false;
        };
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            condvar.suspend(mutex, guard, Some(site), |bare, mutex, guard| {
                bare.wait_until(mutex, guard, timeout)
            })
        }
    }

    #[inline]
    unsafe fn wait_for(
        &self,
        mutex: &Self::RawMutex,
        guard: &mut Guard<C>,
        timeout: &Duration<C>,
    ) -> bool {
        let Some((condvar, site)) = self.0.get() else {
            return false;
        };
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            condvar.suspend(mutex, guard, Some(site), |bare, mutex, guard| {
                bare.wait_for(mutex, guard, timeout)
            })
        }
    }
}
