//! async-lock 2 and 3, with [`Mutex`], [`RwLock`] and [`Semaphore`] profiled. What is named here goes before what the glob brings.
//!
//! Async-lock's own locks are inside, without data, which is ours. So a guard that owns its lock needs nothing of the data's type.
//!
//! - A wait is from the poll that first finds the lock taken to the one that owns it; a future that is dropped meanwhile counts as cancelled.
//! - An acquisition of a semaphore is of mode shared.
//! - A reader that becomes the writer is a writer from then on: by `await`, its wait for the other readers counts as a hold of the reader.

mod future;
mod guard;
mod mutex;
mod rwlock;
mod semaphore;

use guard::{Guard, Reading, ReadingArc};
use std::sync::Arc;

pub use mutex::Mutex;
pub use real::*;
pub use rwlock::RwLock;
pub use semaphore::Semaphore;

/// Async-lock's own guards and futures, which are of locks without data.
mod own {
    pub(crate) type Mutex<'a> = real::MutexGuard<'a, ()>;
    pub(crate) type Read<'a> = real::RwLockReadGuard<'a, ()>;
    pub(crate) type Upgradable<'a> = real::RwLockUpgradableReadGuard<'a, ()>;
    pub(crate) type Write<'a> = real::RwLockWriteGuard<'a, ()>;
    pub(crate) type Permit<'a> = real::SemaphoreGuard<'a>;

    pub(crate) type MutexFuture<'a> = real::futures::Lock<'a, ()>;
    pub(crate) type ReadFuture<'a> = real::futures::Read<'a, ()>;
    pub(crate) type UpgradableFuture<'a> = real::futures::UpgradableRead<'a, ()>;
    pub(crate) type WriteFuture<'a> = real::futures::Write<'a, ()>;
    pub(crate) type PermitFuture<'a> = real::futures::Acquire<'a>;
    pub(crate) type UpgradeFuture<'a> = real::futures::Upgrade<'a, ()>;
}

/// Holds a [`Mutex`].
pub type MutexGuard<'a, T> = Guard<&'a Mutex<T>, own::Mutex<'static>>;
/// Holds a [`Mutex`], and owns it with others.
pub type MutexGuardArc<T> = Guard<Arc<Mutex<T>>, own::Mutex<'static>>;
/// Holds a [`RwLock`] for reading.
pub type RwLockReadGuard<'a, T> = Guard<Reading<'a, T>, own::Read<'static>>;
/// Holds a [`RwLock`] for reading, and owns it with others.
pub type RwLockReadGuardArc<T> = Guard<ReadingArc<T>, own::Read<'static>>;
/// Holds a [`RwLock`] for reading, and may become its writer.
pub type RwLockUpgradableReadGuard<'a, T> = Guard<&'a RwLock<T>, own::Upgradable<'static>>;
/// Holds a [`RwLock`] for reading, may become its writer, and owns it with others.
pub type RwLockUpgradableReadGuardArc<T> = Guard<Arc<RwLock<T>>, own::Upgradable<'static>>;
/// Holds a [`RwLock`] for writing.
pub type RwLockWriteGuard<'a, T> = Guard<&'a RwLock<T>, own::Write<'static>>;
/// Holds a [`RwLock`] for writing, and owns it with others.
pub type RwLockWriteGuardArc<T> = Guard<Arc<RwLock<T>>, own::Write<'static>>;
/// A permit of a [`Semaphore`].
pub type SemaphoreGuard<'a> = Guard<&'a Semaphore, own::Permit<'static>>;
/// A permit of a [`Semaphore`], which owns that with others.
pub type SemaphoreGuardArc = Guard<Arc<Semaphore>, own::Permit<'static>>;

/// The futures of acquisitions.
pub mod futures {
    use crate::future::{Acquiring, Reader, ReaderArc, Upgrading};
    use crate::{Mutex, RwLock, Semaphore, own};
    use std::sync::Arc;

    pub use real::futures::*;

    /// Of [`Mutex::lock`].
    pub type Lock<'a, T> = Acquiring<&'a Mutex<T>, own::MutexFuture<'static>>;
    /// Of [`Mutex::lock_arc`].
    pub type LockArc<T> = Acquiring<Arc<Mutex<T>>, own::MutexFuture<'static>>;
    /// Of [`RwLock::read`].
    pub type Read<'a, T> = Acquiring<Reader<'a, T>, own::ReadFuture<'static>>;
    /// Of [`RwLock::read_arc`].
    pub type ReadArc<'a, T> = Acquiring<ReaderArc<'a, T>, own::ReadFuture<'static>>;
    /// Of [`RwLock::upgradable_read`].
    pub type UpgradableRead<'a, T> = Acquiring<&'a RwLock<T>, own::UpgradableFuture<'static>>;
    /// Of [`RwLock::upgradable_read_arc`].
    pub type UpgradableReadArc<'a, T> =
        Acquiring<&'a Arc<RwLock<T>>, own::UpgradableFuture<'static>>;
    /// Of [`RwLock::write`].
    pub type Write<'a, T> = Acquiring<&'a RwLock<T>, own::WriteFuture<'static>>;
    /// Of [`RwLock::write_arc`].
    pub type WriteArc<'a, T> = Acquiring<&'a Arc<RwLock<T>>, own::WriteFuture<'static>>;
    /// Of a reader that becomes the writer.
    pub type Upgrade<'a, T> = Upgrading<&'a RwLock<T>>;
    /// Of a reader that becomes the writer, and owns the lock with others.
    pub type UpgradeArc<T> = Upgrading<Arc<RwLock<T>>>;
    /// Of [`Semaphore::acquire`].
    pub type Acquire<'a> = Acquiring<&'a Semaphore, own::PermitFuture<'static>>;
    /// Of [`Semaphore::acquire_arc`].
    pub type AcquireArc = Acquiring<Arc<Semaphore>, own::PermitFuture<'static>>;
}
