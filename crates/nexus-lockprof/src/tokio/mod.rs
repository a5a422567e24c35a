//! `tokio::sync`'s [`Mutex`], [`RwLock`] and [`Semaphore`], profiled. With the feature `tokio`.
//!
//! ```
//! use nexus_lockprof::tokio::Mutex;
//!
//! static SESSIONS: Mutex<Vec<u32>> = Mutex::named("sessions", Vec::new());
//!
//! async fn open(id: u32) {
//!     SESSIONS.lock().await.push(id);
//! }
//! # let _ = open;
//! ```
//!
//! # What is recorded
//! A wait is from the poll that first finds the lock taken to the one that owns it, and a hold may go on over any number of
//! `await`s, and end in another thread. A future that is dropped while it waits is counted as cancelled, with its wait
//! ([`Point::cancellations`](crate::Point::cancellations), [`Point::vain_wait_ns`](crate::Point::vain_wait_ns)); one that was never
//! polled is nothing. One that waited for a semaphore that was closed counts as cancelled, too. The place of an acquisition is that of the call,
//! not of the `await`.
//!
//! A task that tokio has wait for another turn, since it has had its share of the processor, does not wait for the lock. Should it also have found the lock taken, its
//! wait is from its next poll.
//!
//! An acquisition of a semaphore is of mode shared, whatever the number of permits, and is held until its permit is dropped or forgotten.
//! What is split off a permit is not held by itself; of two that are merged the hold of the first goes on.
//!
//! # What is different
//! - The guards are types of this module, and those that own their lock need its data to be `'static`.
//! - `blocking_lock` and its like look whether the lock is free before they call tokio's.

mod future;
mod held;
#[cfg(feature = "profile")]
mod meter;
#[cfg(not(feature = "profile"))]
#[path = "meter_off.rs"]
mod meter;
mod mutex;
mod rwlock;
mod rwlock_guards;
mod semaphore;

pub use ::tokio::sync::{AcquireError, TryAcquireError, TryLockError};
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
pub use rwlock::RwLock;
pub use rwlock_guards::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
