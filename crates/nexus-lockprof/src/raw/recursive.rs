//! The raw lock under `RecursiveRwLock`: a read by a thread that already reads is not an
//! acquisition.

use std::panic::Location;
use std::time::{Duration, Instant};

use lock_api::{
    RawRwLock, RawRwLockDowngrade, RawRwLockFair, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};

use super::held::{Entry, Slot};
use crate::Profiled;

type Bare = parking_lot::RawRwLockRecursive;
type Inner = Profiled<Bare>;

/// The raw lock under [`RecursiveRwLock`](crate::RecursiveRwLock).
///
/// A thread that holds the lock for reading, or upgradably, and reads it again cannot have to wait,
/// so that read is not an acquisition: it is not counted, and has no hold of its own. The hold that
/// is recorded is the one of the first guard, and ends when that guard is dropped, even if a later
/// one still lives.
///
/// Two limits. A thread keeps track of eight such locks at once; reads of a ninth all count. With
/// the feature `send_guard`, where a guard may change threads, all reads count.
#[repr(transparent)]
pub struct RawRwLockRecursive(Inner);

/// What a read guard of a [`RawRwLockRecursive`] carries.
pub struct SharedGuard {
    read: Read,
    slot: Slot,
}

enum Read {
    /// This thread's first read.
    Recorded(<Inner as RawRwLock>::SharedGuard),
    /// A read under another guard of this thread; the profiler knows nothing of it.
    Recursive(<Bare as RawRwLock>::SharedGuard),
}

/// What an upgradable guard of a [`RawRwLockRecursive`] carries.
pub struct UpgradableGuard {
    recorded: <Inner as RawRwLockUpgrade>::UpgradableGuard,
    slot: Slot,
}

impl RawRwLockRecursive {
    /// A lock known by where it was created.
    #[inline]
    pub(crate) const fn created_at(created: &'static Location<'static>) -> Self {
        Self(Profiled::rwlock_created_at(created))
    }

    /// A lock known by a name.
    #[inline]
    pub(crate) const fn named(name: &'static str) -> Self {
        Self(Profiled::rwlock_named(name))
    }

    #[inline]
    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Counts a read in this thread's table.
    #[inline]
    fn enter(&self) -> Entry {
        Entry::new(self.address(), || {
            self.0.is_locked() && !self.0.is_locked_exclusive()
        })
    }

    /// The read that a guard with `slot` stands for; uncounted when dropped.
    ///
    /// Taken before the lock is released: afterwards the lock may be gone.
    #[inline]
    fn entry(&self, slot: Slot) -> Entry {
        Entry::kept(self.address(), slot)
    }

    #[inline]
    fn upgradable(
        entry: Entry,
        recorded: <Inner as RawRwLockUpgrade>::UpgradableGuard,
    ) -> UpgradableGuard {
        UpgradableGuard {
            recorded,
            slot: entry.keep(),
        }
    }

    /// The result of an upgrade attempt: on success the thread no longer reads, and `entry` ends.
    #[inline]
    fn upgraded(
        entry: Entry,
        result: Result<
            <Inner as RawRwLock>::ExclusiveGuard,
            <Inner as RawRwLockUpgrade>::UpgradableGuard,
        >,
    ) -> Result<<Inner as RawRwLock>::ExclusiveGuard, UpgradableGuard> {
        result.map_err(|recorded| Self::upgradable(entry, recorded))
    }
}

impl SharedGuard {
    #[inline]
    fn recorded(entry: Entry, guard: <Inner as RawRwLock>::SharedGuard) -> Self {
        Self {
            read: Read::Recorded(guard),
            slot: entry.keep(),
        }
    }

    #[inline]
    fn recursive(entry: Entry, guard: <Bare as RawRwLock>::SharedGuard) -> Self {
        Self {
            read: Read::Recursive(guard),
            slot: entry.keep(),
        }
    }
}

// The calls on `self.0` stand in the functions' own bodies, never in a closure: a closure would
// hide the caller.

// SAFETY: the wrapped lock gives the mutual exclusion. A recursive read is a read of the same bare
// lock, released on the same bare lock, which is what its guard says.
unsafe impl RawRwLock for RawRwLockRecursive {
    const INIT: Self = Self(<Inner as RawRwLock>::INIT);

    type SharedGuard = SharedGuard;
    type ExclusiveGuard = <Inner as RawRwLock>::ExclusiveGuard;

    #[inline]
    #[track_caller]
    fn lock_shared(&self) -> SharedGuard {
        let entry = self.enter();
        if entry.recursive {
            SharedGuard::recursive(entry, self.0.raw().lock_shared())
        } else {
            SharedGuard::recorded(entry, self.0.lock_shared())
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared(&self) -> Option<SharedGuard> {
        let entry = self.enter();
        if entry.recursive {
            let guard = self.0.raw().try_lock_shared()?;
            Some(SharedGuard::recursive(entry, guard))
        } else {
            let guard = self.0.try_lock_shared()?;
            Some(SharedGuard::recorded(entry, guard))
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_shared(&self, guard: SharedGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of a read of this lock; each variant goes back
        // where it came from.
        unsafe {
            match guard.read {
                Read::Recorded(recorded) => self.0.unlock_shared(recorded),
                Read::Recursive(bare) => self.0.raw().unlock_shared(bare),
            }
        }
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

// SAFETY: as above.
unsafe impl RawRwLockFair for RawRwLockRecursive {
    #[inline]
    #[track_caller]
    unsafe fn unlock_shared_fair(&self, guard: SharedGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: as in `unlock_shared`.
        unsafe {
            match guard.read {
                Read::Recorded(recorded) => self.0.unlock_shared_fair(recorded),
                Read::Recursive(bare) => self.0.raw().unlock_shared_fair(bare),
            }
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_exclusive_fair(&self, guard: Self::ExclusiveGuard) {
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        unsafe { self.0.unlock_exclusive_fair(guard) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_shared(&self, guard: &mut SharedGuard) {
        // SAFETY: the caller lends the state of a read of this lock. The thread reads again on
        // return, so the table stays as it is.
        unsafe {
            match &mut guard.read {
                Read::Recorded(recorded) => self.0.bump_shared(recorded),
                Read::Recursive(bare) => self.0.raw().bump_shared(bare),
            }
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_exclusive(&self, guard: &mut Self::ExclusiveGuard) {
        // SAFETY: the caller lends the state of an exclusive acquisition of this lock.
        unsafe { self.0.bump_exclusive(guard) }
    }
}

// SAFETY: as above.
unsafe impl RawRwLockDowngrade for RawRwLockRecursive {
    #[inline]
    #[track_caller]
    unsafe fn downgrade(&self, guard: Self::ExclusiveGuard) -> SharedGuard {
        let entry = self.enter();
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        let shared = unsafe { self.0.downgrade(guard) };
        SharedGuard::recorded(entry, shared)
    }
}

// SAFETY: as above.
unsafe impl RawRwLockTimed for RawRwLockRecursive {
    type Duration = Duration;
    type Instant = Instant;

    #[inline]
    #[track_caller]
    fn try_lock_shared_for(&self, timeout: Duration) -> Option<SharedGuard> {
        let entry = self.enter();
        if entry.recursive {
            let guard = self.0.raw().try_lock_shared_for(timeout)?;
            Some(SharedGuard::recursive(entry, guard))
        } else {
            let guard = self.0.try_lock_shared_for(timeout)?;
            Some(SharedGuard::recorded(entry, guard))
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock_shared_until(&self, timeout: Instant) -> Option<SharedGuard> {
        let entry = self.enter();
        if entry.recursive {
            let guard = self.0.raw().try_lock_shared_until(timeout)?;
            Some(SharedGuard::recursive(entry, guard))
        } else {
            let guard = self.0.try_lock_shared_until(timeout)?;
            Some(SharedGuard::recorded(entry, guard))
        }
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_for(&self, timeout: Duration) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_for(timeout)
    }

    #[inline]
    #[track_caller]
    fn try_lock_exclusive_until(&self, timeout: Instant) -> Option<Self::ExclusiveGuard> {
        self.0.try_lock_exclusive_until(timeout)
    }
}

// An upgradable acquisition can have to wait for another upgradable holder even when this thread
// reads already, so it is always recorded. It is also always a hold under which further reads are
// recursive.

// SAFETY: as above.
unsafe impl RawRwLockUpgrade for RawRwLockRecursive {
    type UpgradableGuard = UpgradableGuard;

    #[inline]
    #[track_caller]
    fn lock_upgradable(&self) -> UpgradableGuard {
        let entry = self.enter();
        Self::upgradable(entry, self.0.lock_upgradable())
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable(&self) -> Option<UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable()?;
        Some(Self::upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock_upgradable(&self, guard: UpgradableGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.unlock_upgradable(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn upgrade(&self, guard: UpgradableGuard) -> Self::ExclusiveGuard {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.upgrade(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade(
        &self,
        guard: UpgradableGuard,
    ) -> Result<Self::ExclusiveGuard, UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade(guard.recorded) };
        Self::upgraded(entry, result)
    }
}

// SAFETY: as above.
unsafe impl RawRwLockUpgradeFair for RawRwLockRecursive {
    #[inline]
    #[track_caller]
    unsafe fn unlock_upgradable_fair(&self, guard: UpgradableGuard) {
        let _entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        unsafe { self.0.unlock_upgradable_fair(guard.recorded) }
    }

    #[inline]
    #[track_caller]
    unsafe fn bump_upgradable(&self, guard: &mut UpgradableGuard) {
        // SAFETY: the caller lends the state of an upgradable acquisition of this lock.
        unsafe { self.0.bump_upgradable(&mut guard.recorded) }
    }
}

// SAFETY: as above.
unsafe impl RawRwLockUpgradeDowngrade for RawRwLockRecursive {
    #[inline]
    #[track_caller]
    unsafe fn downgrade_upgradable(&self, guard: UpgradableGuard) -> SharedGuard {
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let shared = unsafe { self.0.downgrade_upgradable(guard.recorded) };
        SharedGuard {
            read: Read::Recorded(shared),
            slot: guard.slot,
        }
    }

    #[inline]
    #[track_caller]
    unsafe fn downgrade_to_upgradable(&self, guard: Self::ExclusiveGuard) -> UpgradableGuard {
        let entry = self.enter();
        // SAFETY: the caller hands over the state of an exclusive acquisition of this lock.
        let recorded = unsafe { self.0.downgrade_to_upgradable(guard) };
        Self::upgradable(entry, recorded)
    }
}

// SAFETY: as above.
unsafe impl RawRwLockUpgradeTimed for RawRwLockRecursive {
    #[inline]
    #[track_caller]
    fn try_lock_upgradable_for(&self, timeout: Duration) -> Option<UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable_for(timeout)?;
        Some(Self::upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    fn try_lock_upgradable_until(&self, timeout: Instant) -> Option<UpgradableGuard> {
        let entry = self.enter();
        let recorded = self.0.try_lock_upgradable_until(timeout)?;
        Some(Self::upgradable(entry, recorded))
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_for(
        &self,
        guard: UpgradableGuard,
        timeout: Duration,
    ) -> Result<Self::ExclusiveGuard, UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade_for(guard.recorded, timeout) };
        Self::upgraded(entry, result)
    }

    #[inline]
    #[track_caller]
    unsafe fn try_upgrade_until(
        &self,
        guard: UpgradableGuard,
        timeout: Instant,
    ) -> Result<Self::ExclusiveGuard, UpgradableGuard> {
        let entry = self.entry(guard.slot);
        // SAFETY: the caller hands over the state of an upgradable acquisition of this lock.
        let result = unsafe { self.0.try_upgrade_until(guard.recorded, timeout) };
        Self::upgraded(entry, result)
    }
}
