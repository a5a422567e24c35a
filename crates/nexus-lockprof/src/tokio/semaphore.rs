//! The semaphore.

use super::future::{Acquire, Finish, is_for_the_lock};
use super::held::{self, Held, Look, Metered};
use super::meter::{self, HoldMode::Shared, Meter, PendingRef, ProfiledGuard};
use ::tokio::sync::{self, AcquireError, TryAcquireError};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// [`tokio::sync::Semaphore`](sync::Semaphore), profiled: an acquisition is of mode shared.
///
/// ```
/// use nexus_lockprof::tokio::Semaphore;
///
/// static DOWNLOADS: Semaphore = Semaphore::named("downloads", 2);
/// let one = DOWNLOADS.try_acquire()?;
/// assert_eq!(DOWNLOADS.available_permits(), 1);
/// # drop(one);
/// # Ok::<(), nexus_lockprof::tokio::TryAcquireError>(())
/// ```
pub struct Semaphore {
    meter: Meter,
    inner: sync::Semaphore,
}

impl Metered for Semaphore {
    fn meter(&self) -> &Meter {
        &self.meter
    }
}

impl Semaphore {
    /// The most permits that there can be.
    pub const MAX_PERMITS: usize = sync::Semaphore::MAX_PERMITS;

    /// A semaphore with so many permits, known by where this was called.
    ///
    /// # Panics
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Semaphore {
            meter: meter::created_at(Location::caller()),
            inner: sync::Semaphore::new(permits),
        }
    }

    /// [`new`](Self::new), in a constant.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[track_caller]
    pub const fn const_new(permits: usize) -> Self {
        Semaphore {
            meter: meter::created_at(Location::caller()),
            inner: sync::Semaphore::const_new(permits),
        }
    }

    /// A semaphore with so many permits, known by a name.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub const fn named(name: &'static str, permits: usize) -> Self {
        Semaphore {
            meter: meter::named(name),
            inner: sync::Semaphore::const_new(permits),
        }
    }

    /// How many permits are free.
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }

    /// Adds `n` permits.
    ///
    /// # Panics
    /// If there are more than [`MAX_PERMITS`](Self::MAX_PERMITS) then.
    pub fn add_permits(&self, n: usize) {
        self.inner.add_permits(n);
    }

    /// Takes away up to `n` free permits, and says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.inner.forget_permits(n)
    }

    /// Acquires a permit, in turn with all others who wait.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        let site = Location::caller();
        Acquire::new(&self.meter, site, Shared, self.inner.acquire(), self)
    }

    /// Acquires `n` permits, in turn with all others who wait.
    #[inline]
    #[track_caller]
    pub fn acquire_many(
        &self,
        n: u32,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        let site = Location::caller();
        Acquire::new(&self.meter, site, Shared, self.inner.acquire_many(n), self)
    }

    /// Acquires a permit if there is one.
    ///
    /// # Errors
    /// There is none, or the semaphore is closed.
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Acquires `n` permits if they are there.
    ///
    /// # Errors
    /// They are not, or the semaphore is closed.
    #[inline]
    #[track_caller]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let held = held::attempt(&self.meter, Location::caller(), Shared, || {
            self.inner.try_acquire_many(n)
        })?;
        Ok(SemaphorePermit {
            held,
            semaphore: self,
        })
    }

    /// Acquires a permit, and blocks the thread meanwhile.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// In a runtime.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking_acquire_many(1)
    }

    /// Acquires `n` permits, and blocks the thread meanwhile.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// In a runtime.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let held = held::blocking(
            &self.meter,
            Location::caller(),
            Shared,
            || self.look(n),
            || self.inner.blocking_acquire_many(n),
        )?;
        Ok(SemaphorePermit {
            held,
            semaphore: self,
        })
    }

    /// [`acquire`](Self::acquire), with a permit that owns the semaphore.
    #[track_caller]
    pub fn acquire_owned(
        self: Arc<Self>,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.acquire_owned_at(Location::caller(), 1)
    }

    /// [`acquire_many`](Self::acquire_many), with a permit that owns the semaphore.
    #[track_caller]
    pub fn acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>> {
        self.acquire_owned_at(Location::caller(), n)
    }

    async fn acquire_owned_at(
        self: Arc<Self>,
        site: &'static Location<'static>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let future = async {
            let permit = self.inner.acquire_many(n).await?;
            // SAFETY: dropped before the semaphore that the permit owns: see `Held`.
            Ok(unsafe { extended(permit) })
        };
        let guard = self
            .meter
            .acquire_task(site, Shared, future, is_for_the_lock)
            .await?;
        Ok(OwnedSemaphorePermit {
            held: Held::new(self, guard),
        })
    }

    /// [`try_acquire`](Self::try_acquire), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// As [`try_acquire`](Self::try_acquire).
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`try_acquire_many`](Self::try_acquire_many), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// As [`try_acquire_many`](Self::try_acquire_many).
    #[track_caller]
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let place = Arc::clone(&self);
        let held = held::attempt(place, Location::caller(), Shared, || {
            let permit = self.inner.try_acquire_many(n)?;
            // SAFETY: as in `acquire_owned_at`.
            Ok(unsafe { extended(permit) })
        })?;
        Ok(OwnedSemaphorePermit { held })
    }

    /// [`blocking_acquire`](Self::blocking_acquire), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// In a runtime.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_acquire_many_owned(1)
    }

    /// [`blocking_acquire_many`](Self::blocking_acquire_many), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// The semaphore is closed.
    ///
    /// # Panics
    /// In a runtime.
    #[track_caller]
    pub fn blocking_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let place = Arc::clone(&self);
        let held = held::blocking(
            place,
            Location::caller(),
            Shared,
            || self.look(n),
            || {
                let permit = self.inner.blocking_acquire_many(n)?;
                // SAFETY: as in `acquire_owned_at`.
                Ok(unsafe { extended(permit) })
            },
        )?;
        Ok(OwnedSemaphorePermit { held })
    }

    fn look(&self, n: u32) -> Look {
        if self.inner.is_closed() {
            return Look::Closed;
        }
        Look::free_if(usize::try_from(n).is_ok_and(|n| n <= self.inner.available_permits()))
    }

    /// Closes the semaphore: who waits fails, and who comes later.
    pub fn close(&self) {
        self.inner.close();
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
}

impl<'a> Finish<Result<sync::SemaphorePermit<'a>, AcquireError>> for &'a Semaphore {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    #[inline(always)]
    fn is_owned(result: &Result<sync::SemaphorePermit<'a>, AcquireError>) -> bool {
        result.is_ok()
    }

    #[inline(always)]
    fn finish(
        self,
        result: Result<sync::SemaphorePermit<'a>, AcquireError>,
        pending_ref: PendingRef,
    ) -> Self::Output {
        let guard = ProfiledGuard::new(result?, pending_ref);
        Ok(SemaphorePermit {
            held: Held::new(&self.meter, guard),
            semaphore: self,
        })
    }
}

/// # Safety
/// The semaphore outlives the permit.
unsafe fn extended(permit: sync::SemaphorePermit<'_>) -> sync::SemaphorePermit<'static> {
    // SAFETY: the caller's; only the lifetime is another.
    unsafe {
        std::mem::transmute::<sync::SemaphorePermit<'_>, sync::SemaphorePermit<'static>>(permit)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Permits of a [`Semaphore`], given back when dropped.
#[must_use]
#[clippy::has_significant_drop]
pub struct SemaphorePermit<'a> {
    held: Held<&'a Meter, sync::SemaphorePermit<'a>>,
    semaphore: &'a Semaphore,
}

/// Permits of a [`Semaphore`], given back when dropped, which own it with others.
#[must_use]
#[clippy::has_significant_drop]
pub struct OwnedSemaphorePermit {
    held: Held<Arc<Semaphore>, sync::SemaphorePermit<'static>>,
}

/// Writes what the two kinds of permits have in common.
macro_rules! permit {
    () => {
        /// Gives nothing back, ever. The hold ends now.
        pub fn forget(self) {
            self.held.forget(sync::SemaphorePermit::forget);
        }

        /// Takes another's permits over. Its hold ends now, and this one's goes on.
        ///
        /// # Panics
        /// If that is of another semaphore.
        #[track_caller]
        pub fn merge(&mut self, other: Self) {
            assert!(
                std::ptr::eq(self.semaphore_ref(), other.semaphore_ref()),
                "merging permits from different semaphore instances"
            );
            other.held.forget(|permit| self.held.merge(permit));
        }

        /// How many permits these are.
        pub fn num_permits(&self) -> usize {
            self.held.num_permits()
        }
    };
}

impl SemaphorePermit<'_> {
    permit!();

    fn semaphore_ref(&self) -> &Semaphore {
        self.semaphore
    }
}

impl<'a> SemaphorePermit<'a> {
    /// `n` of the permits, if there are so many. They have no hold of their own.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let permit = self.held.split(n)?;
        Some(SemaphorePermit {
            held: Held::new(
                &self.semaphore.meter,
                ProfiledGuard::new(permit, PendingRef::default()),
            ),
            semaphore: self.semaphore,
        })
    }

    /// Their semaphore.
    pub fn semaphore(&self) -> &Semaphore {
        self.semaphore
    }
}

impl OwnedSemaphorePermit {
    permit!();

    fn semaphore_ref(&self) -> &Semaphore {
        self.held.place()
    }

    /// `n` of the permits, if there are so many. They have no hold of their own.
    pub fn split(&mut self, n: usize) -> Option<Self> {
        let permit = self.held.split(n)?;
        let place = Arc::clone(self.held.place());
        Some(OwnedSemaphorePermit {
            held: Held::new(place, ProfiledGuard::new(permit, PendingRef::default())),
        })
    }

    /// Their semaphore.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        self.held.place()
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit")
            .field("sem", &self.semaphore)
            .field("permits", &self.num_permits())
            .finish()
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit")
            .field("sem", self.held.place())
            .field("permits", &self.num_permits())
            .finish()
    }
}
