//! Our locks, with guards that record how long they lived.

use super::clock::ticks;
use super::log;
use nexus_lockprof::tokio as async_locks;
use nexus_lockprof::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
use std::ops::{Deref, DerefMut};
use std::panic::Location;

/// A guard, and the start of its hold.
#[derive(Debug)]
pub struct Held<G> {
    /// `None` only during the drop.
    guard: Option<G>,
    site: &'static Location<'static>,
    start: u64,
}

impl<G> Held<G> {
    #[inline]
    fn new(guard: G, site: &'static Location<'static>) -> Self {
        Held {
            guard: Some(guard),
            site,
            start: ticks(),
        }
    }
}

impl<G> Drop for Held<G> {
    #[inline]
    fn drop(&mut self) {
        let end = ticks();
        drop(self.guard.take());
        log::add(self.site, end.saturating_sub(self.start));
    }
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        match &self.guard {
            Some(guard) => guard,
            None => unreachable!("used during the drop"),
        }
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        match &mut self.guard {
            Some(guard) => guard,
            None => unreachable!("used during the drop"),
        }
    }
}

/// [`nexus_lockprof::Mutex`].
#[derive(Debug)]
pub struct Mutex<T>(nexus_lockprof::Mutex<T>);

impl<T> Mutex<T> {
    /// Creates an unlocked mutex with a name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Mutex(nexus_lockprof::Mutex::named(name, value))
    }

    /// Acquires it.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> Held<MutexGuard<'_, T>> {
        Held::new(self.0.lock(), Location::caller())
    }

    /// Acquires it if it is free.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<Held<MutexGuard<'_, T>>> {
        let site = Location::caller();
        self.0.try_lock().map(|guard| Held::new(guard, site))
    }
}

/// [`nexus_lockprof::RwLock`].
#[derive(Debug)]
pub struct RwLock<T>(nexus_lockprof::RwLock<T>);

impl<T> RwLock<T> {
    /// Creates an unlocked lock with a name.
    pub const fn named(name: &'static str, value: T) -> Self {
        RwLock(nexus_lockprof::RwLock::named(name, value))
    }

    /// Acquires it for reading.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> Held<RwLockReadGuard<'_, T>> {
        Held::new(self.0.read(), Location::caller())
    }

    /// Acquires it for writing.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> Held<RwLockWriteGuard<'_, T>> {
        Held::new(self.0.write(), Location::caller())
    }
}

/// [`nexus_lockprof::Condvar`].
#[derive(Debug, Default)]
pub struct Condvar(nexus_lockprof::Condvar);

impl Condvar {
    /// Creates a condition variable without waiters.
    #[must_use]
    pub const fn new() -> Self {
        Condvar(nexus_lockprof::Condvar::new())
    }

    /// Waits for a notification. The hold ends here. After the wait, another hold begins at this
    /// place.
    #[track_caller]
    pub fn wait<T>(&self, held: &mut Held<MutexGuard<'_, T>>) {
        let end = ticks();
        if let Some(guard) = &mut held.guard {
            self.0.wait(guard);
        }
        let start = std::mem::replace(&mut held.start, ticks());
        let site = std::mem::replace(&mut held.site, Location::caller());
        log::add(site, end.saturating_sub(start));
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}

/// [`nexus_lockprof::tokio::Mutex`].
pub struct AsyncMutex<T>(async_locks::Mutex<T>);

impl<T> AsyncMutex<T> {
    /// Creates an unlocked mutex with a name.
    pub const fn named(name: &'static str, value: T) -> Self {
        AsyncMutex(async_locks::Mutex::named(name, value))
    }

    /// Acquires it after all earlier waiters.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = Held<async_locks::MutexGuard<'_, T>>> {
        let (site, acquired) = (Location::caller(), self.0.lock());
        async move { Held::new(acquired.await, site) }
    }
}
