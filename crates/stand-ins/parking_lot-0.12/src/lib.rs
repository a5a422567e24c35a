//! parking_lot 0.12 (and 0.11) with every lock profiled: the same types of lock_api under the same names, over raw locks
//! that report to the nexus-lockprof engine.
//!
//! It takes the place of the package `parking_lot` in a whole dependency graph, by `cargo lockprof` or `[patch.crates-io]`.
//! What differs from the real one: locks are larger (32 bytes for a mutex's raw lock, where the real one has 1), and
//! [`RawMutex`] and its siblings are types of another crate.
//!
//! - A lock is known by where it is acquired: `new` is lock_api's, and cannot remember its caller. [`const_mutex`] and
//!   its siblings can.
//! - A reentrant mutex is acquired inside a closure of lock_api, which is the line that is recorded.
//! - A read under a read of the same thread is an acquisition of its own.

mod condvar;
mod mutex;
mod raw;
mod reads;
mod rwlock;

use real::lock_api::{RawMutex as _, RawRwLock as _};
use std::panic::Location;

pub use condvar::{Condvar, WaitTimeoutResult};
pub use raw::Raw;
#[cfg(feature = "deadlock_detection")]
pub use real::deadlock;
pub use real::lock_api;
pub use real::{Once, OnceState, RawThreadId};

#[cfg(feature = "arc_lock")]
pub use real::lock_api::{
    ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard, ArcRwLockUpgradableReadGuard,
    ArcRwLockWriteGuard,
};

/// The raw lock under [`Mutex`].
pub type RawMutex = Raw<real::RawMutex>;
/// The raw lock under [`FairMutex`].
pub type RawFairMutex = Raw<real::RawFairMutex>;
/// The raw lock under [`RwLock`].
pub type RawRwLock = Raw<real::RawRwLock>;

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

/// A [`Mutex`], from a constant; known by where this was called.
#[track_caller]
pub const fn const_mutex<T>(val: T) -> Mutex<T> {
    Mutex::const_new(
        Raw::created_at(real::RawMutex::INIT, Location::caller()),
        val,
    )
}

/// A [`FairMutex`], from a constant; known by where this was called.
#[track_caller]
pub const fn const_fair_mutex<T>(val: T) -> FairMutex<T> {
    FairMutex::const_new(
        Raw::created_at(real::RawFairMutex::INIT, Location::caller()),
        val,
    )
}

/// A [`RwLock`], from a constant; known by where this was called.
#[track_caller]
pub const fn const_rwlock<T>(val: T) -> RwLock<T> {
    RwLock::const_new(
        Raw::created_at(real::RawRwLock::INIT, Location::caller()),
        val,
    )
}

/// A [`ReentrantMutex`], from a constant; known by where this was called.
#[track_caller]
pub const fn const_reentrant_mutex<T>(val: T) -> ReentrantMutex<T> {
    ReentrantMutex::const_new(
        Raw::created_at(real::RawMutex::INIT, Location::caller()),
        RawThreadId,
        val,
    )
}
