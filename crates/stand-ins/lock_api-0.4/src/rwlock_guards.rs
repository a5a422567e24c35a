//! Changes of reader-writer guards into one another.

use crate::guard::{Guard, LockPtr};
use crate::raw::{
    Downgrade, RawTimed, Read, Site, State, Upgradable, Upgrade, UpgradeDowngrade, UpgradeTimed,
    Write, taken,
};
use crate::rwlock::RwLock;
use real::{RawRwLock, RawRwLockUpgrade};
use std::panic::Location;
#[cfg(feature = "arc_lock")]
use std::sync::Arc;

/// Writes the access to a guard's lock.
macro_rules! rwlock {
    ($bound:ident, $mode:ty) => {
        impl<'a, R: $bound, T: ?Sized> Guard<&'a RwLock<R, T>, $mode> {
            /// The guard's lock.
            pub fn rwlock(s: &Self) -> &'a RwLock<R, T> {
                Self::place(s)
            }
        }

        #[cfg(feature = "arc_lock")]
        impl<R: $bound, T: ?Sized> Guard<Arc<RwLock<R, T>>, $mode> {
            /// The guard's lock.
            pub fn rwlock(s: &Self) -> &Arc<RwLock<R, T>> {
                Self::place(s)
            }
        }
    };
}
rwlock! { RawRwLock, Read }
rwlock! { RawRwLock, Write }
rwlock! { RawRwLockUpgrade, Upgradable }

impl<P: LockPtr> Guard<P, Write>
where
    P::Core: Downgrade,
{
    /// Turns the writer into a reader, and lets other readers in.
    #[track_caller]
    pub fn downgrade(s: Self) -> Guard<P, Read> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: the guard held it for writing; now the new one holds it for reading.
        unsafe {
            let state = place.core().downgrade(Location::caller(), state);
            Guard::new(place, state)
        }
    }
}

impl<P: LockPtr> Guard<P, Write>
where
    P::Core: UpgradeDowngrade,
{
    /// Turns the writer into an upgradable reader, and lets readers in.
    #[track_caller]
    pub fn downgrade_to_upgradable(s: Self) -> Guard<P, Upgradable> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: the guard held it for writing; now the new one holds it upgradably.
        unsafe {
            let state = place
                .core()
                .downgrade_to_upgradable(Location::caller(), state);
            Guard::new(place, state)
        }
    }
}

type Upgraded<P> = Result<Guard<P, Write>, Guard<P, Upgradable>>;

impl<P: LockPtr> Guard<P, Upgradable>
where
    P::Core: Upgrade,
{
    /// Waits until no other reader is left, and becomes the writer.
    #[track_caller]
    pub fn upgrade(s: Self) -> Guard<P, Write> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: the guard held it upgradably; now the new one holds it for writing.
        unsafe {
            let state = place.core().upgrade(Location::caller(), state);
            Guard::new(place, state)
        }
    }

    /// Becomes the writer if there is no other reader.
    ///
    /// # Errors
    /// The guard, unchanged.
    #[track_caller]
    pub fn try_upgrade(s: Self) -> Upgraded<P> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably.
        Self::upgraded(s, |core, state| unsafe { core.try_upgrade(site, state) })
    }

    #[inline]
    fn upgraded(
        s: Self,
        upgrade: impl FnOnce(&P::Core, State) -> Result<State, State>,
    ) -> Upgraded<P> {
        let (place, state) = Self::into_parts(s);
        match upgrade(place.core(), state) {
            // SAFETY: the new guard now holds it for writing.
            Ok(state) => Ok(unsafe { Guard::new(place, state) }),
            // SAFETY: it is still held as before.
            Err(state) => Err(unsafe { Guard::new(place, state) }),
        }
    }
}

impl<P: LockPtr> Guard<P, Upgradable>
where
    P::Core: UpgradeTimed,
{
    /// Becomes the writer, unless time runs out.
    ///
    /// # Errors
    /// The guard, unchanged.
    #[track_caller]
    pub fn try_upgrade_for(
        s: Self,
        timeout: <P::Core as RawTimed<Upgradable>>::Duration,
    ) -> Upgraded<P> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably.
        Self::upgraded(s, |core, state| unsafe {
            core.try_upgrade_for(timeout, site, state)
        })
    }

    /// Becomes the writer, unless time runs out.
    ///
    /// # Errors
    /// The guard, unchanged.
    #[track_caller]
    pub fn try_upgrade_until(
        s: Self,
        timeout: <P::Core as RawTimed<Upgradable>>::Instant,
    ) -> Upgraded<P> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably.
        Self::upgraded(s, |core, state| unsafe {
            core.try_upgrade_until(timeout, site, state)
        })
    }
}

impl<P: LockPtr> Guard<P, Upgradable>
where
    P::Core: UpgradeDowngrade,
{
    /// Turns the upgradable reader into a reader, so that another one can upgrade.
    #[track_caller]
    pub fn downgrade(s: Self) -> Guard<P, Read> {
        let (place, state) = Self::into_parts(s);
        // SAFETY: the guard held it upgradably; now the new one holds it for reading.
        unsafe {
            let state = place.core().downgrade_upgradable(Location::caller(), state);
            Guard::new(place, state)
        }
    }

    /// Becomes the writer while `f` runs.
    #[track_caller]
    pub fn with_upgraded<Ret, F: FnOnce(&mut P::Data) -> Ret>(&mut self, f: F) -> Ret {
        let site = Location::caller();
        let (core, state) = Self::lockprof_parts(self);
        // SAFETY: the guard holds it upgradably. It is downgraded again before the guard is used.
        *state = unsafe { core.upgrade(site, taken(state)) };
        self.while_upgraded(site, f)
    }

    /// Becomes the writer while `f` runs, if there is no other reader.
    #[track_caller]
    pub fn try_with_upgraded<Ret, F: FnOnce(&mut P::Data) -> Ret>(&mut self, f: F) -> Option<Ret> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably. It is downgraded again before the guard is used.
        self.if_upgraded(site, f, |core, state| unsafe {
            core.try_upgrade(site, state)
        })
    }

    fn if_upgraded<Ret>(
        &mut self,
        site: Site,
        f: impl FnOnce(&mut P::Data) -> Ret,
        upgrade: impl FnOnce(&P::Core, State) -> Result<State, State>,
    ) -> Option<Ret> {
        let (core, state) = Self::lockprof_parts(self);
        match upgrade(core, taken(state)) {
            Ok(upgraded) => {
                *state = upgraded;
                Some(self.while_upgraded(site, f))
            }
            Err(before) => {
                *state = before;
                None
            }
        }
    }

    /// Runs `f` while the lock is upgraded, and downgrades it afterwards.
    fn while_upgraded<Ret>(&mut self, site: Site, f: impl FnOnce(&mut P::Data) -> Ret) -> Ret {
        struct Back<'g, P: LockPtr>(&'g mut Guard<P, Upgradable>, Site)
        where
            P::Core: UpgradeDowngrade;
        impl<P: LockPtr> Drop for Back<'_, P>
        where
            P::Core: UpgradeDowngrade,
        {
            fn drop(&mut self) {
                let (core, state) = Guard::lockprof_parts(self.0);
                // SAFETY: it was upgraded.
                *state = unsafe { core.downgrade_to_upgradable(self.1, taken(state)) };
            }
        }
        let back = Back(self, site);
        // SAFETY: the lock is held for writing.
        f(unsafe { &mut *Guard::place(&*back.0).data() })
    }
}

impl<P: LockPtr> Guard<P, Upgradable>
where
    P::Core: UpgradeDowngrade + UpgradeTimed,
{
    /// Becomes the writer while `f` runs, unless time runs out.
    #[track_caller]
    pub fn try_with_upgraded_for<Ret, F: FnOnce(&mut P::Data) -> Ret>(
        &mut self,
        timeout: <P::Core as RawTimed<Upgradable>>::Duration,
        f: F,
    ) -> Option<Ret> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably. It is downgraded again before the guard is used.
        self.if_upgraded(site, f, |core, state| unsafe {
            core.try_upgrade_for(timeout, site, state)
        })
    }

    /// Becomes the writer while `f` runs, unless time runs out.
    #[track_caller]
    pub fn try_with_upgraded_until<Ret, F: FnOnce(&mut P::Data) -> Ret>(
        &mut self,
        timeout: <P::Core as RawTimed<Upgradable>>::Instant,
        f: F,
    ) -> Option<Ret> {
        let site = Location::caller();
        // SAFETY: the guard holds it upgradably. It is downgraded again before the guard is used.
        self.if_upgraded(site, f, |core, state| unsafe {
            core.try_upgrade_until(timeout, site, state)
        })
    }
}
