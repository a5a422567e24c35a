//! The locks: parking_lot 0.13's API under its own names.
//!
//! The guards are `lock_api`'s own. The lock types are ours, with `lock_api`'s methods, so that
//! `new` can remember its caller. They differ from parking_lot in three ways:
//!
//! - Functions that lead from a guard back to its lock (`MutexGuard::mutex`,
//!   `RwLockReadGuard::rwlock`, `ArcMutexGuard::into_arc`, ...) return `lock_api`'s lock.
//!   `from_lock_api_ref` and `arc_from_lock_api` turn it into ours.
//! - [`Condvar`] is not a `lock_api::Condvar`; [`Condvar::as_lock_api`] returns one.
//! - The raw lock of [`ReentrantMutex`] is [`RawReentrant`], not [`RawMutex`].

#[macro_use]
mod macros;

mod condvar;
mod fair_mutex;
pub mod generic;
mod mutex;
mod recursive_rwlock;
mod reentrant_mutex;
mod rwlock;

pub use condvar::Condvar;
pub use fair_mutex::{FairMutex, FairMutexGuard, MappedFairMutexGuard};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use recursive_rwlock::{
    MappedRecursiveRwLockReadGuard, MappedRecursiveRwLockWriteGuard, RecursiveRwLock,
    RecursiveRwLockReadGuard, RecursiveRwLockUpgradableReadGuard, RecursiveRwLockWriteGuard,
};
pub use reentrant_mutex::{MappedReentrantMutexGuard, ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};

pub use crate::raw::{
    RawCondvar, RawFairMutex, RawMutex, RawReentrant, RawRwLock, RawRwLockRecursive,
};

#[cfg(feature = "arc_lock")]
pub use lock_api::{
    ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard,
    ArcRwLockWriteGuard,
};
#[cfg(feature = "deadlock_detection")]
pub use parking_lot::deadlock;
pub use parking_lot::{Once, OnceState, RawThreadId, WaitTimeoutResult};
