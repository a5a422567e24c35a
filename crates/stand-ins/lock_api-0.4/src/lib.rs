//! lock_api 0.4 with every lock profiled, over raw locks that know nothing of it.
//!
//! The traits are lock_api's own, so code that implements or uses them still works. Types with a
//! raw lock and data are ours: the profiler's part of a lock sits beside its raw lock, and the
//! measurement of an acquisition sits in the guard.
//!
//! - A lock is identified by its creation site, and an acquisition by its caller, in every version
//!   of lock_api.
//! - Direct use of a raw lock, through `raw()` or without these types, is not seen.
//! - The hold of a forgotten guard is unknown: `force_unlock` and its siblings have no measurement.
//! - A read under a read of the same thread is an acquisition of its own. A reentrant mutex is
//!   acquired once, until it is unlocked as often as it was locked.

mod guard;
mod lock;
mod mapped;
mod mutex;
mod raw;
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
mod remutex;
mod rwlock;
mod rwlock_guards;

use mapped::{Mapped, MappedRead};
use nexus_lockprof_adaptor::Profiled;
use raw::{OfMutex, Read, Upgradable, Write};
#[cfg(feature = "arc_lock")]
use std::sync::Arc;

pub use guard::Guard;
pub use mutex::Mutex;
pub use real::*;
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
pub use remutex::ReentrantMutex;
pub use rwlock::RwLock;

/// Holds a [`Mutex`].
pub type MutexGuard<'a, R, T> = Guard<&'a Mutex<R, T>, OfMutex>;
/// Holds a [`Mutex`], and gives access to a part of its data.
pub type MappedMutexGuard<'a, R, T> = Mapped<'a, Profiled<R>, T, OfMutex>;
/// Holds a [`Mutex`], and shares ownership of it.
#[cfg(feature = "arc_lock")]
pub type ArcMutexGuard<R, T> = Guard<Arc<Mutex<R, T>>, OfMutex>;

/// Holds a [`RwLock`] for reading.
pub type RwLockReadGuard<'a, R, T> = Guard<&'a RwLock<R, T>, Read>;
/// Holds a [`RwLock`] for writing.
pub type RwLockWriteGuard<'a, R, T> = Guard<&'a RwLock<R, T>, Write>;
/// Holds a [`RwLock`] for reading, and may become a writer.
pub type RwLockUpgradableReadGuard<'a, R, T> = Guard<&'a RwLock<R, T>, Upgradable>;
/// Holds a [`RwLock`] for reading, and gives access to a part of its data.
pub type MappedRwLockReadGuard<'a, R, T> = MappedRead<'a, Profiled<R>, T, Read>;
/// Holds a [`RwLock`] for writing, and gives access to a part of its data.
pub type MappedRwLockWriteGuard<'a, R, T> = Mapped<'a, Profiled<R>, T, Write>;
/// Holds a [`RwLock`] for reading, and shares ownership of it.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockReadGuard<R, T> = Guard<Arc<RwLock<R, T>>, Read>;
/// Holds a [`RwLock`] for writing, and shares ownership of it.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockWriteGuard<R, T> = Guard<Arc<RwLock<R, T>>, Write>;
/// Holds a [`RwLock`] for reading, may become a writer, and shares ownership of it.
#[cfg(feature = "arc_lock")]
pub type ArcRwLockUpgradableReadGuard<R, T> = Guard<Arc<RwLock<R, T>>, Upgradable>;

/// Holds a [`ReentrantMutex`].
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
pub type ReentrantMutexGuard<'a, R, G, T> = Guard<&'a ReentrantMutex<R, G, T>, remutex::Again>;
/// Holds a [`ReentrantMutex`], and gives access to a part of its data.
#[cfg(any(feature = "atomic_usize", lockprof_remutex))]
pub type MappedReentrantMutexGuard<'a, R, G, T> =
    MappedRead<'a, remutex::Reentrant<R, G>, T, remutex::Again>;
/// Holds a [`ReentrantMutex`], and shares ownership of it.
#[cfg(all(feature = "arc_lock", any(feature = "atomic_usize", lockprof_remutex)))]
pub type ArcReentrantMutexGuard<R, G, T> = Guard<Arc<ReentrantMutex<R, G, T>>, remutex::Again>;
