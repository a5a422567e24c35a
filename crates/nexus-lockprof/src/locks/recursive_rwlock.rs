use super::generic;
use crate::raw;

/// A [`RwLock`](crate::RwLock) that a thread may read again while it already reads it.
///
/// To allow this, readers overtake waiting writers, so writers can starve.
///
/// A read by a thread that already holds the lock, for reading or upgradably, is not an
/// acquisition: it does not count and has no hold of its own. The recorded hold belongs to the
/// first guard, and ends with it. Each thread tracks up to eight such locks at a time; beyond that,
/// every read counts. With the feature `send_guard`, guards may change threads, so every read
/// counts.
///
/// All of [`generic::RwLock`]'s methods are here.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::RecursiveRwLock;
///
/// let tree = RecursiveRwLock::named("tree", [3, 4]);
/// let all = tree.read();
/// let one = tree.read();
/// assert_eq!(all[0] + one[1], 7);
/// ```
pub type RecursiveRwLock<T> = generic::RwLock<raw::RawRwLockRecursive, T>;

/// Holds a [`RecursiveRwLock`] for reading until dropped.
pub type RecursiveRwLockReadGuard<'a, T> =
    lock_api::RwLockReadGuard<'a, raw::RawRwLockRecursive, T>;

/// Holds a [`RecursiveRwLock`] for writing until dropped.
pub type RecursiveRwLockWriteGuard<'a, T> =
    lock_api::RwLockWriteGuard<'a, raw::RawRwLockRecursive, T>;

/// Holds a [`RecursiveRwLock`] for an upgradable read until dropped.
pub type RecursiveRwLockUpgradableReadGuard<'a, T> =
    lock_api::RwLockUpgradableReadGuard<'a, raw::RawRwLockRecursive, T>;

/// Holds a [`RecursiveRwLock`] for reading until dropped, and gives access to a part of its data.
pub type MappedRecursiveRwLockReadGuard<'a, T> =
    lock_api::MappedRwLockReadGuard<'a, raw::RawRwLockRecursive, T>;

/// Holds a [`RecursiveRwLock`] for writing until dropped, and gives access to a part of its data.
pub type MappedRecursiveRwLockWriteGuard<'a, T> =
    lock_api::MappedRwLockWriteGuard<'a, raw::RawRwLockRecursive, T>;

constructors!(RecursiveRwLock, raw::recursive_at, raw::recursive_named);
