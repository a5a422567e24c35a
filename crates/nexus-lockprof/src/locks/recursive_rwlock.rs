use super::generic;
use crate::raw;

/// A [`RwLock`](crate::RwLock) that a thread may read while it reads it already.
///
/// For this, readers go before writers that wait, so writers can starve.
///
/// A read by a thread that already holds the lock, for reading or upgradably, is not an
/// acquisition: it does not count and has no hold of its own. The recorded hold is that of the
/// guard that came first, and ends with that guard. Each thread keeps track of eight such locks at
/// a time; reads of a ninth all count. With the feature `send_guard`, where a guard may change
/// threads, all reads count.
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
