//! `tokio::sync`'s [`Mutex`], [`RwLock`] and [`Semaphore`], profiled. Needs the feature `tokio`.
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
//! A wait lasts from the poll that first finds the lock taken to the poll that owns it. A hold may
//! span any number of `await`s, and may end in another thread. An acquisition is recorded at the
//! place of the call, not of the `await`.
//!
//! A future dropped while it waits counts as cancelled, and keeps its wait
//! ([`Point::cancellations`](crate::Point::cancellations),
//! [`Point::abandoned_wait_ns`](crate::Point::abandoned_wait_ns)). So does one whose semaphore is
//! closed while it waits. A future that was never polled does not count.
//!
//! When tokio makes a task yield because it used up its share of the processor, the task does not
//! wait for the lock. If the task also found the lock taken, its wait begins at its next poll.
//!
//! An acquisition of a semaphore is shared, whatever its number of permits. The hold lasts until
//! its permit is dropped or forgotten. Permits split off have no hold of their own. When two
//! permits merge, the first one's hold continues.
//!
//! # What is different
//! - The guards are types of this module. Guards that own their lock need its data to be `'static`.
//! - `blocking_lock` and its siblings check whether the lock is free before they call tokio's.

mod future;
mod held;
#[cfg(feature = "profile")]
mod meter;
#[cfg(not(feature = "profile"))]
#[path = "meter_off.rs"]
mod meter;
mod mutex;
mod rwlock;
mod rwlock_acquire;
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
