//! The raw condition variable, and the one-call condition variable that carries a wait's site.

use std::cell::Cell;
use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::RawCondvarTimed;

use super::RawMutex;

type Bare = parking_lot::RawCondvar;
type Guard = <RawMutex as lock_api::RawMutex>::Guard;
type Site = &'static Location<'static>;

/// The raw condition variable under [`Condvar`](crate::Condvar), for those who build a
/// `lock_api::Condvar` on it.
///
/// A wait ends the hold of the mutex; the time asleep is neither wait nor hold; the re-acquisition
/// is recorded. As `lock_api::Condvar` does not pass its caller on, it is recorded at a line inside
/// `lock_api`: [`Condvar`](crate::Condvar) knows better.
///
/// ```
/// use nexus_lockprof::{Mutex, RawCondvar, lock_api};
/// use std::time::Duration;
///
/// let mutex = Mutex::new(());
/// let condvar = lock_api::Condvar::<RawCondvar>::new();
/// assert!(condvar.wait_for(&mut mutex.lock(), Duration::ZERO).timed_out());
/// ```
pub struct RawCondvar(Bare);

impl RawCondvar {
    /// Waits with `sleep`, recording the re-acquisition at `site`.
    ///
    /// # Safety
    ///
    /// `guard` is the state of an acquisition of `mutex` held by the caller.
    #[inline]
    unsafe fn suspend<T>(
        &self,
        mutex: &RawMutex,
        guard: &mut Guard,
        site: Site,
        sleep: impl FnOnce(
            &Bare,
            &parking_lot::RawMutex,
            &mut <parking_lot::RawMutex as lock_api::RawMutex>::Guard,
        ) -> T,
    ) -> T {
        // SAFETY: the caller's promise. `sleep` re-acquires the bare mutex before it returns or
        // unwinds.
        unsafe {
            mutex.suspended(guard, site, |bare_mutex, bare_guard| {
                sleep(&self.0, bare_mutex, bare_guard)
            })
        }
    }
}

// SAFETY: the waits are parking_lot's, on the bare mutex under `mutex`; `suspended` keeps `guard`
// in step with it.
unsafe impl lock_api::RawCondvar for RawCondvar {
    const INIT: Self = Self(<Bare as lock_api::RawCondvar>::INIT);

    type RawMutex = RawMutex;

    #[inline]
    #[track_caller]
    unsafe fn wait(&self, mutex: &RawMutex, guard: &mut Guard) {
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, Location::caller(), |bare, mutex, guard| {
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

// SAFETY: as above.
unsafe impl RawCondvarTimed for RawCondvar {
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        Bare::checked_duration_to_instant(timeout)
    }

    #[inline]
    #[track_caller]
    unsafe fn wait_until(&self, mutex: &RawMutex, guard: &mut Guard, timeout: &Instant) -> bool {
        let site = Location::caller();
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, site, |bare, mutex, guard| {
                bare.wait_until(mutex, guard, timeout)
            })
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn wait_for(&self, mutex: &RawMutex, guard: &mut Guard, timeout: &Duration) -> bool {
        let site = Location::caller();
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            self.suspend(mutex, guard, site, |bare, mutex, guard| {
                bare.wait_for(mutex, guard, timeout)
            })
        }
    }
}

/// One call of a `wait` method: the condition variable it is about, and the line it stands in.
///
/// `lock_api::Condvar` reaches into the guard for the state that a wait must replace, and it alone
/// can. It hands that state to whatever raw condition variable it is built on, so we build one on
/// the stack, for one call, that knows the caller.
pub(crate) struct WaitCall<'a>(Cell<Option<(&'a RawCondvar, Site)>>);

/// `condvar`, with waits that are recorded at `site`.
#[inline]
pub(crate) fn condvar_at(
    condvar: &lock_api::Condvar<RawCondvar>,
    site: Site,
) -> lock_api::Condvar<WaitCall<'_>> {
    let call = lock_api::Condvar::<WaitCall<'_>>::new();
    call.raw().0.set(Some((condvar.raw(), site)));
    call
}

// SAFETY: every wait is one of the condition variable that `condvar_at` has set. Were there none,
// returning at once with the mutex still held would be a spurious wakeup, which the contract
// permits.
unsafe impl lock_api::RawCondvar for WaitCall<'_> {
    const INIT: Self = Self(Cell::new(None));

    type RawMutex = RawMutex;

    #[inline]
    unsafe fn wait(&self, mutex: &RawMutex, guard: &mut Guard) {
        if let Some((condvar, site)) = self.0.get() {
            // SAFETY: the caller holds `mutex` with `guard`.
            unsafe {
                condvar.suspend(mutex, guard, site, |bare, mutex, guard| {
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

// SAFETY: as above.
unsafe impl RawCondvarTimed for WaitCall<'_> {
    #[inline]
    fn checked_duration_to_instant(timeout: &Duration) -> Option<Instant> {
        Bare::checked_duration_to_instant(timeout)
    }

    #[inline]
    unsafe fn wait_until(&self, mutex: &RawMutex, guard: &mut Guard, timeout: &Instant) -> bool {
        let Some((condvar, site)) = self.0.get() else {
            return false;
        };
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            condvar.suspend(mutex, guard, site, |bare, mutex, guard| {
                bare.wait_until(mutex, guard, timeout)
            })
        }
    }

    #[inline]
    unsafe fn wait_for(&self, mutex: &RawMutex, guard: &mut Guard, timeout: &Duration) -> bool {
        let Some((condvar, site)) = self.0.get() else {
            return false;
        };
        // SAFETY: the caller holds `mutex` with `guard`.
        unsafe {
            condvar.suspend(mutex, guard, site, |bare, mutex, guard| {
                bare.wait_for(mutex, guard, timeout)
            })
        }
    }
}
