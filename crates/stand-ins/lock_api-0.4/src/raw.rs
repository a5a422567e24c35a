//! Profiled raw locks in one form for all modes, so that guards are written once.

use nexus_lockprof_adaptor::{HoldMode, Profiled, ProfiledGuard};
use real::{
    RawMutex, RawMutexFair, RawMutexTimed, RawRwLock, RawRwLockDowngrade, RawRwLockFair,
    RawRwLockRecursive, RawRwLockRecursiveTimed, RawRwLockTimed, RawRwLockUpgrade,
    RawRwLockUpgradeDowngrade, RawRwLockUpgradeFair, RawRwLockUpgradeTimed,
};
use std::convert::Infallible;
use std::panic::Location;

/// The measurement of an acquisition.
pub(crate) type State = ProfiledGuard<()>;

/// A caller's place.
pub(crate) type Site = &'static Location<'static>;

/// The state of an unknown acquisition.
#[inline(always)]
pub(crate) fn unknown() -> State {
    ProfiledGuard::untracked(())
}

/// Takes a guard's state, which must be used once.
#[inline(always)]
pub(crate) fn taken(state: &mut State) -> State {
    std::mem::replace(state, unknown())
}

/// The mode of a held mutex.
#[derive(Debug)]
pub struct OfMutex;
/// The mode of a lock held for reading.
#[derive(Debug)]
pub struct Read;
/// The mode of a lock held for writing.
#[derive(Debug)]
pub struct Write;
/// The mode of a lock held for reading by a thread that may already read it.
#[derive(Debug)]
pub struct ReadAgain;
/// The mode of a lock held for reading that may become a writer's.
#[derive(Debug)]
pub struct Upgradable;

/// A mode that allows writing.
pub trait Writes {}
impl Writes for OfMutex {}
impl Writes for Write {}

/// A lock that can be acquired in mode `M`.
pub trait Raw<M> {
    /// Says whether guards are `Send`.
    type Marker;

    /// Acquires it.
    fn lock(&self, site: Site) -> State;

    /// Acquires it if that needs no wait.
    fn try_lock(&self, site: Site) -> Option<State>;

    /// Releases it.
    ///
    /// # Safety
    /// The lock must be held in this mode, by an acquisition with this state.
    unsafe fn unlock(&self, state: State);
}

/// [`Raw`] with a fair release.
pub trait RawFair<M>: Raw<M> {
    /// Releases it to a waiter, if there is one.
    ///
    /// # Safety
    /// As for [`Raw::unlock`].
    unsafe fn unlock_fair(&self, state: State);

    /// Yields it to a waiter, if there is one, and takes it back.
    ///
    /// # Safety
    /// As for [`Raw::unlock`].
    unsafe fn bump(&self, site: Site, state: &mut State);
}

/// [`Raw`] with timeouts.
pub trait RawTimed<M>: Raw<M> {
    /// A length of time.
    type Duration;
    /// A point in time.
    type Instant;

    /// Acquires it unless time runs out.
    fn try_lock_for(&self, timeout: Self::Duration, site: Site) -> Option<State>;

    /// Acquires it unless time runs out.
    fn try_lock_until(&self, timeout: Self::Instant, site: Site) -> Option<State>;
}

/// A raw lock may have no cheap way to tell whether it is free: the default in lock_api's trait
/// acquires it. So just try.
fn is_worth_a_try<R>(_: &R) -> bool {
    true
}

#[inline(always)]
fn acquire<R, E>(
    lock: &Profiled<R>,
    site: Site,
    mode: HoldMode,
    try_: impl Fn(&R) -> bool,
    block: impl FnOnce(&R) -> Result<(), E>,
) -> Result<State, E> {
    lock.acquire(
        site,
        mode,
        is_worth_a_try,
        |raw| try_(raw).then_some(()),
        block,
    )
}

#[inline(always)]
fn attempt<R>(
    lock: &Profiled<R>,
    site: Site,
    mode: HoldMode,
    try_: impl Fn(&R) -> bool,
) -> Option<State> {
    lock.try_acquire(site, mode, |raw| try_(raw).then_some(()))
}

/// The result of an attempt that did or did not succeed.
#[inline(always)]
fn in_time(succeeded: bool) -> Result<(), ()> {
    succeeded.then_some(()).ok_or(())
}

/// Writes the traits for a mode: [`RawFair`] only if it has a fair release of its own. The
/// arguments are the names of lock_api's functions.
macro_rules! mode {
    (
        $tag:ident, $mode:ident: $raw:ident $lock:ident $try_lock:ident $unlock:ident,
        $timed:ident $clock:ident $try_lock_for:ident $try_lock_until:ident
        $(, $fair:ident $unlock_fair:ident $bump:ident $is_bump_seen:literal)?
    ) => {
        impl<R: $raw> Raw<$tag> for Profiled<R> {
            type Marker = R::GuardMarker;

            #[inline]
            fn lock(&self, site: Site) -> State {
                let Ok(state) = acquire(self, site, HoldMode::$mode, R::$try_lock, |raw| {
                    raw.$lock();
                    Ok::<_, Infallible>(())
                });
                state
            }

            #[inline]
            fn try_lock(&self, site: Site) -> Option<State> {
                attempt(self, site, HoldMode::$mode, R::$try_lock)
            }

            #[inline]
            unsafe fn unlock(&self, state: State) {
                // SAFETY: the caller upholds the contract; all locks here are on the global engine.
                unsafe { self.release(state, |raw, ()| raw.$unlock()) };
            }
        }

        impl<R: $timed> RawTimed<$tag> for Profiled<R> {
            type Duration = <R as $clock>::Duration;
            type Instant = <R as $clock>::Instant;

            #[inline]
            fn try_lock_for(&self, timeout: Self::Duration, site: Site) -> Option<State> {
                acquire(self, site, HoldMode::$mode, R::$try_lock, |raw| {
                    in_time(raw.$try_lock_for(timeout))
                })
                .ok()
            }

            #[inline]
            fn try_lock_until(&self, timeout: Self::Instant, site: Site) -> Option<State> {
                acquire(self, site, HoldMode::$mode, R::$try_lock, |raw| {
                    in_time(raw.$try_lock_until(timeout))
                })
                .ok()
            }
        }

        $(
            impl<R: $fair> RawFair<$tag> for Profiled<R> {
                #[inline]
                unsafe fn unlock_fair(&self, state: State) {
                    // SAFETY: the caller upholds the contract; all locks here are on the global
                    // engine.
                    unsafe { self.release_fair(state, |raw, ()| raw.$unlock_fair()) };
                }

                #[inline]
                unsafe fn bump(&self, site: Site, state: &mut State) {
                    if $is_bump_seen {
                        // SAFETY: the caller upholds the contract; all locks here are on the global
                        // engine.
                        unsafe { self.bump_with(site, state, |raw, ()| raw.$bump()) };
                    } else {
                        // Beside other readers, the caller cannot see whether it yielded.
                        // SAFETY: the caller upholds this function's contract.
                        unsafe { self.raw().$bump() };
                    }
                }
            }
        )?
    };
}

mode! {
    OfMutex, Exclusive: RawMutex lock try_lock unlock,
    RawMutexTimed RawMutexTimed try_lock_for try_lock_until,
    RawMutexFair unlock_fair bump true
}
mode! {
    Read, Shared: RawRwLock lock_shared try_lock_shared unlock_shared,
    RawRwLockTimed RawRwLockTimed try_lock_shared_for try_lock_shared_until,
    RawRwLockFair unlock_shared_fair bump_shared false
}
mode! {
    ReadAgain, SharedPassing: RawRwLockRecursive
    lock_shared_recursive try_lock_shared_recursive unlock_shared,
    RawRwLockRecursiveTimed RawRwLockTimed
    try_lock_shared_recursive_for try_lock_shared_recursive_until
}
mode! {
    Write, Exclusive: RawRwLock lock_exclusive try_lock_exclusive unlock_exclusive,
    RawRwLockTimed RawRwLockTimed try_lock_exclusive_for try_lock_exclusive_until,
    RawRwLockFair unlock_exclusive_fair bump_exclusive true
}
mode! {
    Upgradable, Upgradable: RawRwLockUpgrade lock_upgradable try_lock_upgradable unlock_upgradable,
    RawRwLockUpgradeTimed RawRwLockTimed try_lock_upgradable_for try_lock_upgradable_until,
    RawRwLockUpgradeFair unlock_upgradable_fair bump_upgradable false
}

/// A lock whose writer may become a reader.
pub trait Downgrade: Raw<Read> + Raw<Write> {
    /// # Safety
    /// The lock must be held for writing, by an acquisition with this state.
    unsafe fn downgrade(&self, site: Site, state: State) -> State;
}

impl<R: RawRwLockDowngrade> Downgrade for Profiled<R> {
    #[inline]
    unsafe fn downgrade(&self, site: Site, state: State) -> State {
        // SAFETY: the caller upholds the contract; all locks here are on the global engine.
        unsafe { self.change_with(site, HoldMode::Shared, state, |raw, ()| raw.downgrade()) }
    }
}

/// A lock with a reader that may become its writer.
pub trait Upgrade: Raw<Upgradable> + Raw<Write> {
    /// # Safety
    /// The lock must be held upgradably, by an acquisition with this state.
    unsafe fn upgrade(&self, site: Site, state: State) -> State;

    /// # Safety
    /// As for [`upgrade`](Self::upgrade).
    unsafe fn try_upgrade(&self, site: Site, state: State) -> Result<State, State>;
}

impl<R: RawRwLockUpgrade> Upgrade for Profiled<R> {
    #[inline]
    unsafe fn upgrade(&self, site: Site, state: State) -> State {
        // SAFETY: the caller upholds the contract; all locks here are on the global engine.
        let upgraded = unsafe {
            self.upgrade_with::<_, _, Infallible>(
                site,
                state,
                |raw, ()| in_time(raw.try_upgrade()),
                |raw, ()| {
                    raw.upgrade();
                    Ok(())
                },
            )
        };
        let Ok(state) = upgraded;
        state
    }

    #[inline]
    unsafe fn try_upgrade(&self, site: Site, state: State) -> Result<State, State> {
        // SAFETY: the caller upholds the contract; all locks here are on the global engine.
        unsafe { self.try_upgrade_with(site, state, |raw, ()| in_time(raw.try_upgrade())) }
    }
}

/// [`Upgrade`] with timeouts.
pub trait UpgradeTimed: Upgrade + RawTimed<Upgradable> {
    /// # Safety
    /// As for [`Upgrade::upgrade`].
    unsafe fn try_upgrade_for(
        &self,
        timeout: Self::Duration,
        site: Site,
        state: State,
    ) -> Result<State, State>;

    /// # Safety
    /// As for [`Upgrade::upgrade`].
    unsafe fn try_upgrade_until(
        &self,
        timeout: Self::Instant,
        site: Site,
        state: State,
    ) -> Result<State, State>;
}

impl<R: RawRwLockUpgradeTimed> UpgradeTimed for Profiled<R> {
    #[inline]
    unsafe fn try_upgrade_for(
        &self,
        timeout: R::Duration,
        site: Site,
        state: State,
    ) -> Result<State, State> {
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { upgrade_in_time(self, site, state, |raw| raw.try_upgrade_for(timeout)) }
    }

    #[inline]
    unsafe fn try_upgrade_until(
        &self,
        timeout: R::Instant,
        site: Site,
        state: State,
    ) -> Result<State, State> {
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { upgrade_in_time(self, site, state, |raw| raw.try_upgrade_until(timeout)) }
    }
}

/// # Safety
/// The lock must be held upgradably, by an acquisition with this state.
#[inline(always)]
unsafe fn upgrade_in_time<R: RawRwLockUpgrade>(
    lock: &Profiled<R>,
    site: Site,
    state: State,
    block: impl FnOnce(&R) -> bool,
) -> Result<State, State> {
    // SAFETY: the caller upholds the contract; all locks here are on the global engine.
    let upgraded = unsafe {
        lock.upgrade_with(
            site,
            state,
            |raw, ()| in_time(raw.try_upgrade()),
            |raw, ()| in_time(block(raw)),
        )
    };
    upgraded.map_err(|((), before)| State::new((), before))
}

/// A lock that can change from any mode to any weaker one.
pub trait UpgradeDowngrade: Upgrade + Downgrade {
    /// # Safety
    /// The lock must be held upgradably, by an acquisition with this state.
    unsafe fn downgrade_upgradable(&self, site: Site, state: State) -> State;

    /// # Safety
    /// The lock must be held for writing, by an acquisition with this state.
    unsafe fn downgrade_to_upgradable(&self, site: Site, state: State) -> State;
}

impl<R: RawRwLockUpgradeDowngrade> UpgradeDowngrade for Profiled<R> {
    #[inline]
    unsafe fn downgrade_upgradable(&self, site: Site, state: State) -> State {
        // SAFETY: the caller upholds the contract; all locks here are on the global engine.
        unsafe {
            self.change_with(site, HoldMode::Shared, state, |raw, ()| {
                raw.downgrade_upgradable()
            })
        }
    }

    #[inline]
    unsafe fn downgrade_to_upgradable(&self, site: Site, state: State) -> State {
        // SAFETY: the caller upholds the contract; all locks here are on the global engine.
        unsafe {
            self.change_with(site, HoldMode::Upgradable, state, |raw, ()| {
                raw.downgrade_to_upgradable()
            })
        }
    }
}
