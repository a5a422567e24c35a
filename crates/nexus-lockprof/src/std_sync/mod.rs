//! `std::sync`, with [`Mutex`], [`RwLock`] and [`Condvar`] profiled.
//!
//! `use nexus_lockprof::std_sync as sync;` takes the place of `use std::sync;`. What is stable on the three types in
//! Rust 1.95 is here, with poisoning, and with the errors being std's own; all else that is stable in `std::sync` is std's, under the same
//! name. In addition, `named` gives a lock a name, and `new` remembers where it was called.
//!
//! ```
//! use nexus_lockprof::std_sync as sync;
//!
//! static SESSIONS: sync::Mutex<Vec<u32>> = sync::Mutex::named("sessions", Vec::new());
//!
//! SESSIONS.lock()?.push(7);
//!
//! let snapshot = nexus_lockprof::snapshot();
//! # #[cfg(feature = "profile")] {
//! let point = snapshot.point("sessions").ok_or("not recorded")?;
//! assert_eq!((point.acquisitions, point.contentions), (1, 0));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is recorded
//! `lock`, `read`, `write`, what begins with `try_`, `downgrade`, and the end of each wait of a [`Condvar`]. What does not acquire the lock
//! (`get_mut`, `into_inner`, `is_poisoned`, `clear_poison`) is not, nor is formatting with `{:?}`, which
//! tries the lock. A poisoned lock is acquired like any other, though the result is an error.
//!
//! # What is different
//! - The guards are types of this module. Code that names `std::sync::MutexGuard` has to name this one instead.
//! - A contended acquisition tries std's lock a few times, for about a microsecond, before it asks std to wait.
//! - rustc's lint `let_underscore_lock` knows std's types only.

// The types are std's lock beside what the profiler keeps of a lock; their guards are std's guard and the measurement.
// std's does all that is a lock's: exclusion, waiting and poisoning.
//
// Feature `profile` off: guards and `Condvar` are std's own types. `Mutex` and `RwLock` cannot be, as std's have no `named`,
// and neither an extension trait (its functions are not `const`, and so of no use to a static) nor an alias can add it. They are
// transparent newtypes, whose methods call std's and are gone after inlining: same size, same machine code.

#[cfg(feature = "profile")]
mod condvar;
#[cfg(not(feature = "profile"))]
mod disabled;
#[cfg(feature = "profile")]
mod held;
#[cfg(feature = "profile")]
mod mutex;
#[cfg(feature = "profile")]
mod rwlock;

#[cfg(feature = "profile")]
pub use condvar::Condvar;
#[cfg(not(feature = "profile"))]
pub use disabled::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(feature = "profile")]
pub use mutex::{Mutex, MutexGuard};
#[cfg(feature = "profile")]
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};

#[allow(deprecated, reason = "as in std")]
pub use std::sync::ONCE_INIT;
pub use std::sync::{
    Arc, Barrier, BarrierWaitResult, LazyLock, LockResult, Once, OnceLock, OnceState, PoisonError,
    TryLockError, TryLockResult, WaitTimeoutResult, Weak, atomic, mpsc,
};
