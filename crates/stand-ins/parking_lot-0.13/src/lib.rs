//! parking_lot 0.13 with every lock profiled: the same types of lock_api under the same names, over raw locks that report
//! to the nexus-lockprof engine.
//!
//! It takes the place of the package `parking_lot` in a whole dependency graph, by `cargo lockprof` or `[patch.crates-io]`.
//! What differs from the real one: locks are larger (24 bytes for a mutex's raw lock, where the real one has 1), and
//! [`RawMutex`] and its siblings are types of another crate.
//!
//! - A lock is known by where it is acquired: `new` is lock_api's, and cannot remember its caller.
//! - A reentrant mutex is acquired inside a closure of lock_api, which is the line that is recorded.
//! - After a wait on a [`Condvar`] the mutex is acquired again where it was acquired before.

use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar, ProfiledRecursive};

#[cfg(feature = "deadlock_detection")]
pub use real::deadlock;
pub use real::lock_api;
pub use real::{Once, OnceState, RawThreadId, WaitTimeoutResult};

#[cfg(feature = "arc_lock")]
pub use real::{
    ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard,
    ArcRwLockWriteGuard,
};

/// The raw lock under [`Mutex`].
pub type RawMutex = Profiled<real::RawMutex>;
/// The raw lock under [`FairMutex`].
pub type RawFairMutex = Profiled<real::RawFairMutex>;
/// The raw lock under [`RwLock`], or with `true` under [`RecursiveRwLock`].
///
/// In an expression its argument is not inferred: `<RawRwLock>::INIT`, not `RawRwLock::INIT`.
pub type RawRwLock<const RECURSIVE: bool = false> = <Readers<RECURSIVE> as Recursion>::Raw;
/// The raw lock under [`RecursiveRwLock`].
pub type RawRwLockRecursive = ProfiledRecursive<real::RawRwLockRecursive>;
/// The raw condition variable under [`Condvar`].
pub type RawCondvar = ProfiledCondvar<real::RawCondvar>;

/// Picks the raw lock for [`RawRwLock`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Readers<const RECURSIVE: bool> {}

/// What [`Readers`] picks.
#[doc(hidden)]
pub trait Recursion {
    /// The raw lock.
    type Raw;
}

impl Recursion for Readers<false> {
    type Raw = Profiled<real::RawRwLock>;
}

impl Recursion for Readers<true> {
    type Raw = RawRwLockRecursive;
}

/// A mutual exclusion lock.
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;
/// Holds a [`Mutex`].
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, RawMutex, T>;
/// Holds a [`Mutex`], for a part of its data.
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawMutex, T>;

/// A mutual exclusion lock that is handed to waiters in turn.
pub type FairMutex<T> = lock_api::Mutex<RawFairMutex, T>;
/// Holds a [`FairMutex`].
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, RawFairMutex, T>;
/// Holds a [`FairMutex`], for a part of its data.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, RawFairMutex, T>;

/// A mutual exclusion lock that its thread may lock again.
pub type ReentrantMutex<T> = lock_api::ReentrantMutex<RawMutex, RawThreadId, T>;
/// Holds a [`ReentrantMutex`].
pub type ReentrantMutexGuard<'a, T> = lock_api::ReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;
/// Holds a [`ReentrantMutex`], for a part of its data.
pub type MappedReentrantMutexGuard<'a, T> =
    lock_api::MappedReentrantMutexGuard<'a, RawMutex, RawThreadId, T>;

/// A reader-writer lock.
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;
/// Holds a [`RwLock`] for reading.
pub type RwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLock, T>;
/// Holds a [`RwLock`] for writing.
pub type RwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLock, T>;
/// Holds a [`RwLock`] for reading, and may become a writer.
pub type RwLockUpgradableReadGuard<'a, T> = lock_api::RwLockUpgradableReadGuard<'a, RawRwLock, T>;
/// Holds a [`RwLock`] for reading, for a part of its data.
pub type MappedRwLockReadGuard<'a, T> = lock_api::MappedRwLockReadGuard<'a, RawRwLock, T>;
/// Holds a [`RwLock`] for writing, for a part of its data.
pub type MappedRwLockWriteGuard<'a, T> = lock_api::MappedRwLockWriteGuard<'a, RawRwLock, T>;

/// A reader-writer lock that a thread may read while it reads it.
pub type RecursiveRwLock<T> = lock_api::RwLock<RawRwLockRecursive, T>;
/// Holds a [`RecursiveRwLock`] for reading.
pub type RecursiveRwLockReadGuard<'a, T> = lock_api::RwLockReadGuard<'a, RawRwLockRecursive, T>;
/// Holds a [`RecursiveRwLock`] for writing.
pub type RecursiveRwLockWriteGuard<'a, T> = lock_api::RwLockWriteGuard<'a, RawRwLockRecursive, T>;
/// Holds a [`RecursiveRwLock`] for reading, and may become a writer.
pub type RecursiveRwLockUpgradableReadGuard<'a, T> =
    lock_api::RwLockUpgradableReadGuard<'a, RawRwLockRecursive, T>;
/// Holds a [`RecursiveRwLock`] for reading, for a part of its data.
pub type MappedRecursiveRwLockReadGuard<'a, T> =
    lock_api::MappedRwLockReadGuard<'a, RawRwLockRecursive, T>;
/// Holds a [`RecursiveRwLock`] for writing, for a part of its data.
pub type MappedRecursiveRwLockWriteGuard<'a, T> =
    lock_api::MappedRwLockWriteGuard<'a, RawRwLockRecursive, T>;

/// A condition variable for a [`Mutex`].
pub type Condvar = lock_api::Condvar<RawCondvar>;
