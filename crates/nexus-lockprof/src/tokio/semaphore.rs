//! The semaphore.

use super::future::{Acquire, Finish, is_for_the_lock};
use super::held::{self, Held, Look, Metered};
use super::meter::{self, HoldMode::Shared, Meter, PendingRef, ProfiledGuard};
use ::tokio::sync::{self, AcquireError, TryAcquireError};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// [`tokio::sync::Semaphore`](sync::Semaphore), profiled. Its acquisitions have the mode shared.
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
    /// The largest possible number of permits.
    pub const MAX_PERMITS: usize = sync::Semaphore::MAX_PERMITS;

    /// Creates a semaphore with `permits` permits, identified by the place of this call.
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
    /// As for [`new`](Self::new).
    #[track_caller]
    pub const fn const_new(permits: usize) -> Self {
        Semaphore {
            meter: meter::created_at(Location::caller()),
            inner: sync::Semaphore::const_new(permits),
        }
    }

    /// Creates a semaphore with `permits` permits, identified by a name.
    ///
    /// # Panics
    /// As for [`new`](Self::new).
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
    /// If there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS).
    pub fn add_permits(&self, n: usize) {
        self.inner.add_permits(n);
    }

    /// Removes up to `n` free permits, and returns how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.inner.forget_permits(n)
    }

    /// Acquires a permit, in turn with all other waiters.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        let site = Location::caller();
        Acquire::new(&self.meter, site, Shared, self.inner.acquire(), self)
    }

    /// Acquires `n` permits, in turn with all other waiters.
    #[inline]
    #[track_caller]
    pub fn acquire_many(
        &self,
        n: u32,
    ) -> impl Future<Output = Result<SemaphorePermit<'_>, AcquireError>> {
        let site = Location::caller();
        Acquire::new(&self.meter, site, Shared, self.inner.acquire_many(n), self)
    }

    /// Acquires a permit if one is free.
    ///
    /// # Errors
    /// If none is free, or the semaphore is closed.
    #[inline]
    #[track_caller]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Acquires `n` permits if they are free.
    ///
    /// # Errors
    /// If they are not, or the semaphore is closed.
    #[inline]
    #[track_caller]
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let held = held::attempt(self, Location::caller(), Shared, || {
            self.inner.try_acquire_many(n)
        })?;
        Ok(SemaphorePermit { held })
    }

    /// Acquires a permit, blocking the thread.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// Inside a runtime.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking_acquire_many(1)
    }

    /// Acquires `n` permits, blocking the thread.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// Inside a runtime.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let held = held::blocking(
            self,
            Location::caller(),
            Shared,
            || self.look(n),
            || self.inner.blocking_acquire_many(n),
        )?;
        Ok(SemaphorePermit { held })
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
            // SAFETY: tokio's permit is dropped before the semaphore that ours owns: see `Held`.
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
    /// As for [`try_acquire`](Self::try_acquire).
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`try_acquire_many`](Self::try_acquire_many), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// As for [`try_acquire_many`](Self::try_acquire_many).
    #[track_caller]
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        n: u32,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let place = Arc::clone(&self);
        let held = held::attempt(place, Location::caller(), Shared, || {
            let permit = self.inner.try_acquire_many(n)?;
            // SAFETY: tokio's permit is dropped before the semaphore that ours owns: see `Held`.
            Ok(unsafe { extended(permit) })
        })?;
        Ok(OwnedSemaphorePermit { held })
    }

    /// [`blocking_acquire`](Self::blocking_acquire), with a permit that owns the semaphore.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// Inside a runtime.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_acquire_many_owned(1)
    }

    /// [`blocking_acquire_many`](Self::blocking_acquire_many), with a permit that owns the
    /// semaphore.
    ///
    /// # Errors
    /// If the semaphore is closed.
    ///
    /// # Panics
    /// Inside a runtime.
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
                // SAFETY: tokio's permit is dropped before the semaphore that ours owns: see
                // `Held`.
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

    /// Closes the semaphore: current waiters and later acquisitions fail.
    pub fn close(&self) {
        meter::closing(|| self.inner.close());
    }

    /// Returns whether it is closed.
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
            held: Held::new(self, guard),
        })
    }
}

/// # Safety
/// The semaphore must outlive the permit.
unsafe fn extended(permit: sync::SemaphorePermit<'_>) -> sync::SemaphorePermit<'static> {
    // SAFETY: the caller guarantees it; only the lifetime changes.
    unsafe {
        std::mem::transmute::<sync::SemaphorePermit<'_>, sync::SemaphorePermit<'static>>(permit)
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Permits of a [`Semaphore`], returned when dropped.
#[must_use]
#[clippy::has_significant_drop]
pub struct SemaphorePermit<'a> {
    held: Held<&'a Semaphore, sync::SemaphorePermit<'a>>,
}

/// Permits of a [`Semaphore`], returned when dropped. They share ownership of it.
#[must_use]
#[clippy::has_significant_drop]
pub struct OwnedSemaphorePermit {
    held: Held<Arc<Semaphore>, sync::SemaphorePermit<'static>>,
}

/// Writes what the two kinds of permits share.
macro_rules! permit {
    ($permit:ident $(<$life:lifetime>)?, $semaphore:ty) => {
        impl $permit $(<$life>)? {
            /// Never returns the permits. The hold ends now.
            pub fn forget(self) {
                self.held.forget(sync::SemaphorePermit::forget);
            }

            /// Takes over another's permits. That one's hold ends now; this one's continues.
            ///
            /// # Panics
            /// If they belong to different semaphores.
            #[track_caller]
            pub fn merge(&mut self, other: Self) {
                let (ours, theirs): (&Semaphore, &Semaphore) = (self.semaphore(), other.semaphore());
                assert!(
                    std::ptr::eq(ours, theirs),
                    "merging permits from different semaphore instances"
                );
                other.held.forget(|permit| self.held.merge(permit));
            }

            /// Splits off `n` permits, if there are that many. They have no hold of their own.
            pub fn split(&mut self, n: usize) -> Option<Self> {
                let guard = ProfiledGuard::new(self.held.split(n)?, PendingRef::default());
                Some(Self {
                    held: Held::new(self.held.place().clone(), guard),
                })
            }

            /// The number of permits.
            pub fn num_permits(&self) -> usize {
                self.held.num_permits()
            }

            /// The permits' semaphore.
            pub fn semaphore(&self) -> &$semaphore {
                self.held.place()
            }
        }

        impl fmt::Debug for $permit $(<$life>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($permit))
                    .field("sem", self.semaphore())
                    .field("permits", &self.num_permits())
                    .finish()
            }
        }
    };
}
permit! { SemaphorePermit<'_>, Semaphore }
permit! { OwnedSemaphorePermit, Arc<Semaphore> }
