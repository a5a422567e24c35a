//! The guards of the reader-writer lock.

use super::held::{Held, map};
use super::meter::{HoldMode::Shared, Meter, held_on};
use super::rwlock::RwLock;
use crate::access::access;
use ::tokio::sync;
use std::panic::Location;
use std::sync::Arc;

/// Holds a [`RwLock`] for reading until dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) held: Held<&'a Meter, sync::RwLockReadGuard<'a, T>>,
}

/// Holds a [`RwLock`] for writing until dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) held: Held<&'a Meter, sync::RwLockWriteGuard<'a, T>>,
}

/// Holds a [`RwLock`] for writing until dropped, and gives access to a part of its data.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    held: Held<&'a Meter, sync::RwLockMappedWriteGuard<'a, T>>,
}

/// Holds a [`RwLock`] for reading until dropped, and shares ownership of it.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockReadGuard<T: ?Sized + 'static, U: ?Sized + 'static = T> {
    pub(super) held: Held<Arc<RwLock<T>>, sync::RwLockReadGuard<'static, U>>,
}

/// Holds a [`RwLock`] for writing until dropped, and shares ownership of it.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockWriteGuard<T: ?Sized + 'static> {
    pub(super) held: Held<Arc<RwLock<T>>, sync::RwLockWriteGuard<'static, T>>,
}

/// Holds a [`RwLock`] for writing until dropped, gives access to a part of its data, and shares
/// ownership of it.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized + 'static, U: ?Sized + 'static = T> {
    held: Held<Arc<RwLock<T>>, sync::RwLockMappedWriteGuard<'static, U>>,
}

access! {
    held:
    [T: ?Sized] RwLockReadGuard<'_, T> => T;
    [T: ?Sized + 'static, U: ?Sized + 'static] OwnedRwLockReadGuard<T, U> => U;
}
access! {
    mut held:
    [T: ?Sized] RwLockWriteGuard<'_, T> => T;
    [T: ?Sized] RwLockMappedWriteGuard<'_, T> => T;
    [T: ?Sized + 'static] OwnedRwLockWriteGuard<T> => T;
    [T: ?Sized + 'static, U: ?Sized + 'static] OwnedRwLockMappedWriteGuard<T, U> => U;
}

/// Writes the downgrades of a write guard.
macro_rules! downgrade {
    ($mapped:ident<$($whole:tt),*>, $read:ident<$($same:tt),*>, $part_of:ident<$($part:tt),*>) => {
        /// A guard of all the data, with the type of a mapped guard.
        pub fn into_mapped(this: Self) -> $mapped<$($whole),*> {
            $mapped {
                held: this.held.map(sync::RwLockWriteGuard::into_mapped),
            }
        }

        /// Lets other readers in: ends the hold for writing, and begins one for reading.
        #[track_caller]
        pub fn downgrade(self) -> $read<$($same),*> {
            let site = Location::caller();
            let mut held = self.held.map(sync::RwLockWriteGuard::downgrade);
            held.again(|meter, before| held_on(meter, site, Shared, before));
            $read { held }
        }

        /// [`downgrade`](Self::downgrade), with a guard of a part of the data.
        #[track_caller]
        pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> $part_of<$($part),*>
        where
            F: FnOnce(&T) -> &U,
        {
            let site = Location::caller();
            let mut held = this
                .held
                .map(|guard| sync::RwLockWriteGuard::downgrade_map(guard, f));
            held.again(|meter, before| held_on(meter, site, Shared, before));
            $part_of { held }
        }

        /// [`downgrade_map`](Self::downgrade_map), if there is such a part.
        ///
        /// # Errors
        /// The guard, unchanged.
        #[track_caller]
        pub fn try_downgrade_map<F, U: ?Sized>(
            this: Self,
            f: F,
        ) -> Result<$part_of<$($part),*>, Self>
        where
            F: FnOnce(&T) -> Option<&U>,
        {
            let site = Location::caller();
            let mapped = this
                .held
                .try_map(|guard| sync::RwLockWriteGuard::try_downgrade_map(guard, f));
            match mapped {
                Ok(mut held) => {
                    held.again(|meter, before| held_on(meter, site, Shared, before));
                    Ok($part_of { held })
                }
                Err(held) => Err(Self { held }),
            }
        }
    };
}

/// Writes the access to the guard's lock.
macro_rules! rwlock {
    () => {
        /// The guard's lock.
        pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
            this.held.place()
        }
    };
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    map!([F, U: ?Sized] RwLockReadGuard, T => U, RwLockReadGuard<'a, U>, &);
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    map!([F, U: ?Sized] RwLockWriteGuard, T => U, RwLockMappedWriteGuard<'a, U>, &mut);
    downgrade!(
        RwLockMappedWriteGuard<'a, T>,
        RwLockReadGuard<'a, T>,
        RwLockReadGuard<'a, U>
    );
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    map!([F, U: ?Sized] RwLockMappedWriteGuard, T => U, RwLockMappedWriteGuard<'a, U>, &mut);
}

impl<T: ?Sized + 'static, U: ?Sized + 'static> OwnedRwLockReadGuard<T, U> {
    map!([F, V: ?Sized] RwLockReadGuard, U => V, OwnedRwLockReadGuard<T, V>, &);
    rwlock!();
}

impl<T: ?Sized + 'static> OwnedRwLockWriteGuard<T> {
    map!([F, U: ?Sized] RwLockWriteGuard, T => U, OwnedRwLockMappedWriteGuard<T, U>, &mut);
    downgrade!(
        OwnedRwLockMappedWriteGuard<T, T>,
        OwnedRwLockReadGuard<T, T>,
        OwnedRwLockReadGuard<T, U>
    );
    rwlock!();
}

impl<T: ?Sized + 'static, U: ?Sized + 'static> OwnedRwLockMappedWriteGuard<T, U> {
    map!([F, V: ?Sized] RwLockMappedWriteGuard, U => V, OwnedRwLockMappedWriteGuard<T, V>, &mut);
    rwlock!();
}
