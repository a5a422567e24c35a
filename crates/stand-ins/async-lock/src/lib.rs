//! async-lock 2 and 3, with [`Mutex`], [`RwLock`] and [`Semaphore`] profiled. Names defined here
//! take precedence over the glob import.
//!
//! Each lock wraps async-lock's own lock without data, and keeps the data itself. So a guard that
//! owns its lock requires nothing of the data's type.
//!
//! - A wait lasts from the poll that first finds the lock taken to the poll that owns it. A future
//!   dropped in between counts as cancelled.
//! - An acquisition of a semaphore is shared.
//! - A reader that upgrades is a writer from then on. With `await`, its wait for the other readers
//!   counts as a hold of the reader.

mod change;
mod future;
mod guard;
mod lock;
mod mutex;
mod own;
mod reading;
mod rwlock;
mod rwlock_acquire;
mod semaphore;

use guard::Guard;
use reading::{Reading, ReadingArc};
use std::sync::Arc;

pub use mutex::Mutex;
pub use real::*;
pub use rwlock::RwLock;
pub use semaphore::Semaphore;

/// Holds a [`Mutex`].
pub type MutexGuard<'a, T> = Guard<&'a Mutex<T>, own::Mutex<'static>>;
/// Holds a [`Mutex`], and shares ownership of it.
pub type MutexGuardArc<T> = Guard<Arc<Mutex<T>>, own::Mutex<'static>>;
/// Holds a [`RwLock`] for reading.
pub type RwLockReadGuard<'a, T> = Guard<Reading<'a, T>, own::Read<'static>>;
/// Holds a [`RwLock`] for reading, and shares ownership of it.
pub type RwLockReadGuardArc<T> = Guard<ReadingArc<T>, own::Read<'static>>;
/// Holds a [`RwLock`] for reading, and may become its writer.
pub type RwLockUpgradableReadGuard<'a, T> = Guard<&'a RwLock<T>, own::Upgradable<'static>>;
/// Holds a [`RwLock`] for reading, may become its writer, and shares ownership of it.
pub type RwLockUpgradableReadGuardArc<T> = Guard<Arc<RwLock<T>>, own::Upgradable<'static>>;
/// Holds a [`RwLock`] for writing.
pub type RwLockWriteGuard<'a, T> = Guard<&'a RwLock<T>, own::Write<'static>>;
/// Holds a [`RwLock`] for writing, and shares ownership of it.
pub type RwLockWriteGuardArc<T> = Guard<Arc<RwLock<T>>, own::Write<'static>>;
/// A permit of a [`Semaphore`].
pub type SemaphoreGuard<'a> = Guard<&'a Semaphore, own::Permit<'static>>;
/// A permit of a [`Semaphore`], which shares ownership of it.
pub type SemaphoreGuardArc = Guard<Arc<Semaphore>, own::Permit<'static>>;

/// The futures of acquisitions.
pub mod futures {
    use crate::change::Upgrading;
    use crate::future::Acquiring;
    use crate::reading::{Reader, ReaderArc};
    use crate::{Mutex, RwLock, Semaphore, own};
    use std::sync::Arc;

    pub use real::futures::*;

    /// Future of [`Mutex::lock`].
    pub type Lock<'a, T> = Acquiring<&'a Mutex<T>, own::MutexFuture<'static>>;
    /// Future of [`Mutex::lock_arc`].
    pub type LockArc<T> = Acquiring<Arc<Mutex<T>>, own::MutexFuture<'static>>;
    /// Future of [`RwLock::read`].
    pub type Read<'a, T> = Acquiring<Reader<'a, T>, own::ReadFuture<'static>>;
    /// Future of [`RwLock::read_arc`].
    pub type ReadArc<'a, T> = Acquiring<ReaderArc<'a, T>, own::ReadFuture<'static>>;
    /// Future of [`RwLock::upgradable_read`].
    pub type UpgradableRead<'a, T> = Acquiring<&'a RwLock<T>, own::UpgradableFuture<'static>>;
    /// Future of [`RwLock::upgradable_read_arc`].
    pub type UpgradableReadArc<'a, T> =
        Acquiring<&'a Arc<RwLock<T>>, own::UpgradableFuture<'static>>;
    /// Future of [`RwLock::write`].
    pub type Write<'a, T> = Acquiring<&'a RwLock<T>, own::WriteFuture<'static>>;
    /// Future of [`RwLock::write_arc`].
    pub type WriteArc<'a, T> = Acquiring<&'a Arc<RwLock<T>>, own::WriteFuture<'static>>;
    /// Future of a reader that becomes the writer.
    pub type Upgrade<'a, T> = Upgrading<&'a RwLock<T>>;
    /// Future of a reader that becomes the writer, and shares ownership of the lock.
    pub type UpgradeArc<T> = Upgrading<Arc<RwLock<T>>>;
    /// Future of [`Semaphore::acquire`].
    pub type Acquire<'a> = Acquiring<&'a Semaphore, own::PermitFuture<'static>>;
    /// Future of [`Semaphore::acquire_arc`].
    pub type AcquireArc = Acquiring<Arc<Semaphore>, own::PermitFuture<'static>>;
}
