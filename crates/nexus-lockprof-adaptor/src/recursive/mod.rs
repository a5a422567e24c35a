//! A raw lock with recursive reads: a read by a thread that already reads is not an acquisition.

mod upgradable;

use std::panic::Location;

use lock_api::{RawRwLock, RawRwLockDowngrade, RawRwLockFair, RawRwLockTimed};

use nexus_lockprof_engine::adaptor::{HoldMode::SharedPassing, LockClass};

use crate::held::{PlannedRead, Slot};
use crate::{Profiled, ProfiledGuard};

pub use upgradable::UpgradableGuard;

/// A profiled raw lock `R` that a thread may read while it already reads it.
///
/// A thread that holds the lock for reading, or upgradably, never has to wait to read it again. So
/// such a read is not an acquisition: it is not counted, and has no hold of its own. The recorded
/// hold belongs to the first guard, and ends when that guard is dropped, even if a later guard
/// still lives.
///
/// There are two limits. A thread tracks eight such locks at once; every read of a ninth counts.
/// With the feature `send_guard`, guards may change threads, so every read counts.
#[repr(transparent)]
pub struct ProfiledRecursive<R>(Profiled<R>);

/// The state in a read guard of a [`ProfiledRecursive`].
///
/// A read under another guard of its thread is untracked: the profiler does not see it.
pub struct SharedGuard<G> {
    guard: ProfiledGuard<G>,
    slot: Slot,
}

impl<R: RawRwLock> ProfiledRecursive<R> {
    /// A lock identified by its creation site.
    #[inline]
    #[must_use]
    pub const fn created_at(created: &'static Location<'static>) -> Self {
        Self(Profiled::rwlock_of(LockClass::created_at(created)))
    }

    /// A lock identified by a name.
    #[inline]
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(Profiled::rwlock_of(LockClass::named(name)))
    }

    #[inline(always)]
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Counts a read in this thread's table.
    #[inline(always)]
    fn enter(&self) -> PlannedRead {
        PlannedRead::new(self.address(), || {
            self.0.is_locked() && !self.0.is_locked_exclusive()
        })
    }

    /// The read that a guard with `slot` stands for. Dropping it ends the count.
    ///
    /// Take it before the release: afterwards the lock may be gone.
    #[inline(always)]
    fn entry(&self, slot: Slot) -> PlannedRead {
        PlannedRead::kept(self.address(), slot)
    }
}

impl<G> SharedGuard<G> {
    #[inline(always)]
    fn recorded(entry: PlannedRead, guard: ProfiledGuard<G>) -> Self {
        Self {
            guard,
            slot: entry.keep(),
        }
    }

    #[inline(always)]
    fn recursive(entry: PlannedRead, guard: G) -> Self {
        Self::recorded(entry, ProfiledGuard::untracked(guard))
    }
}

/// Tries to read: by the first function again, or for the first time by the second one.
macro_rules! try_read {
    ($self:ident.$try_lock:ident($($timeout:ident)?), $passing:ident($($argument:ident),*)) => {{
        let entry = $self.enter();
        if entry.recursive {
            let guard = $self.0.raw().$try_lock($($timeout)?)?;
            Some(SharedGuard::recursive(entry, guard))
        } else {
            let guard = $self.0.$passing($($argument),*)?;
            Some(SharedGuard::recorded(entry, guard))
        }
    }};
}

// The calls on `self.0` stand in the functions' own bodies, never in a closure, which would hide
// the caller.

// SAFETY: the wrapped lock gives mutual exclusion. A recursive read acquires the same bare lock for
// reading, and the wrapped lock releases it.
unsafe impl<R: RawRwLock> RawRwLock for ProfiledRecursive<R> {
    // Interior mutability in a const: as in lock_api, each use creates a lock.
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "copied at each use, as in lock_api"
    )]
    const INIT: Self = Self(Profiled::rwlock_of(LockClass::anonymous()));

    type SharedGuard = SharedGuard<R::SharedGuard>;
    type ExclusiveGuard = ProfiledGuard<R::ExclusiveGuard>;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) -> Self::SharedGuard {
        let entry = self.enter();
        if entry.recursive {
            SharedGuard::recursive(entry, self.0.raw().lock_shared())
        } else {
            SharedGuard::recorded(entry, self.0.lock_shared_in(SharedPassing))
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> Option<Self::SharedGuard> {
        try_read!(self.try_lock_shared(), try_lock_shared())
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_shared(&self, guard: Self::SharedGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller passes the state of a read of this lock. The profiled lock releases
        // an untracked one as the bare lock does.
        unsafe { self.0.unlock_shared(guard.guard) }
    }

    #[inline]
    #[track_caller]
    fn lock_exclusive(&self) -> Self::ExclusiveGuard {
        self.0.lock_exclusive()
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive(&self) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive()
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_exclusive(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        unsafe { self.0.unlock_exclusive(guard) }
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        self.0.is_locked_exclusive()
    }
}

// SAFETY: each operation is the wrapped lock's same operation.
unsafe impl<R: RawRwLockFair> RawRwLockFair for ProfiledRecursive<R> {
    #[inline]
    #[track_caller]
    unsafe fn unlock_shared_fair(&self, guard: Self::SharedGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller holds the lock for reading with this state.
        unsafe { self.0.unlock_shared_fair(guard.guard) }
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_exclusive_fair(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        unsafe { self.0.unlock_exclusive_fair(guard) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_shared(&self, guard: &mut Self::SharedGuard) {
        // SAFETY: the caller passes the state of a read of this lock. The thread reads again on
        // return, so the table stays unchanged.
        unsafe { self.0.bump_shared(&mut guard.guard) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_exclusive(&self, guard: &mut Self::ExclusiveGuard) {
        // SAFETY: the caller lends the state of an exclusive acquisition of this lock.
        unsafe { self.0.bump_exclusive(guard) }
    }
}

// SAFETY: each operation is the wrapped lock's same operation.
unsafe impl<R: RawRwLockDowngrade> RawRwLockDowngrade for ProfiledRecursive<R> {
    #[inline]
    #[track_caller]
    unsafe fn downgrade(&self, guard: Self::ExclusiveGuard) -> Self::SharedGuard {
        let entry = self.enter();
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        let shared = unsafe { self.0.downgrade(guard) };
        SharedGuard::recorded(entry, shared)
    }
}

// SAFETY: each operation is the wrapped lock's same operation.
unsafe impl<R: RawRwLockTimed> RawRwLockTimed for ProfiledRecursive<R> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Self::Duration) -> Option<Self::SharedGuard> {
        try_read!(
            self.try_lock_shared_for(timeout),
            lock_shared_for_in(SharedPassing, timeout)
        )
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_until(&self, timeout: Self::Instant) -> Option<Self::SharedGuard> {
        try_read!(
            self.try_lock_shared_until(timeout),
            lock_shared_until_in(SharedPassing, timeout)
        )
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Self::Duration) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_for(timeout)
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_until(&self, timeout: Self::Instant) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_until(timeout)
    }
}
