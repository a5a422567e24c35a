use super::generic;
use crate::raw;

/// A lock for many readers or one writer.
///
/// This is parking_lot's reader-writer lock with its acquisitions recorded by mode: shared
/// ([`read`](generic::RwLock::read)), upgradable
/// ([`upgradable_read`](generic::RwLock::upgradable_read)) or exclusive
/// ([`write`](generic::RwLock::write)). A downgrade or an upgrade ends one hold and begins another.
/// A writer that waits for several readers blames the one that came last.
///
/// A reader waits behind a waiting writer. So a thread that reads twice can deadlock with a writer
/// in between; [`RecursiveRwLock`](crate::RecursiveRwLock) allows it.
///
/// All of [`generic::RwLock`]'s methods are here.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::{RwLock, RwLockWriteGuard};
///
/// let settings = RwLock::named("settings", vec!["quiet"]);
/// assert_eq!(settings.read().len(), 1);
///
/// let mut write = settings.write();
/// write.push("fast");
/// let read = RwLockWriteGuard::downgrade(write);
/// assert_eq!(read.len(), 2);
/// ```
pub type RwLock<T> = generic::RwLock<raw::RawRwLock, T>;

/// Holds a [`RwLock`] for reading until dropped.
///
/// This is `lock_api`'s guard, with all its functions. The guards' `rwlock` returns `lock_api`'s
/// lock; [`RwLock::from_lock_api_ref`](generic::RwLock::from_lock_api_ref) turns it into ours.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, raw::RawRwLock, T>;

/// Holds a [`RwLock`] for writing until dropped.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, raw::RawRwLock, T>;

/// Holds a [`RwLock`] for an upgradable read until dropped.
pub type RwLockUpgradableReadGuard<'a, T> =
    lock_api::RwLockUpgradableReadGuard<'a, raw::RawRwLock, T>;

/// Holds a [`RwLock`] for reading until dropped, and gives access to a part of its data.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, raw::RawRwLock, T>;

/// Holds a [`RwLock`] for writing until dropped, and gives access to a part of its data.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, raw::RawRwLock, T>;

constructors!(RwLock, raw::rwlock_at, raw::rwlock_named);
