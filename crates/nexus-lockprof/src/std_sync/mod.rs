//! `std::sync`, with [`Mutex`], [`RwLock`] and [`Condvar`] profiled.
//!
//! `use nexus_lockprof::std_sync as sync;` replaces `use std::sync;`. The three types have
//! everything that is stable on them in Rust 1.95, including poisoning and std's own errors.
//! Everything else that is stable in `std::sync` is re-exported under the same name. In addition,
//! `named` gives a lock a name, and `new` remembers where it was called.
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
//! `lock`, `read`, `write`, the `try_` methods, `downgrade`, and the end of each wait of a
//! [`Condvar`]. Methods that do not acquire the lock (`get_mut`, `into_inner`, `is_poisoned`,
//! `clear_poison`) are not recorded. Neither is formatting with `{:?}`, which tries the lock.
//! Acquiring a poisoned lock counts like any other, though the result is an error.
//!
//! # What is different
//! - The guards are types of this module. Code that names `std::sync::MutexGuard` must name this
//!   one instead.
//! - A contended acquisition tries std's lock a few times, for about a microsecond, before it lets
//!   std wait.
//! - rustc's lint `let_underscore_lock` knows only std's types.

// Each type is std's lock beside what the profiler keeps per lock. Each guard is std's guard and
// the measurement. Std does the locking itself: exclusion, waiting and poisoning.
//
// With the feature `profile` off, guards and `Condvar` are std's own types. `Mutex` and `RwLock`
// cannot be, because std's have no `named`. An alias cannot add it, and neither can an extension
// trait: its functions are not `const`, so no static could use them. So they are transparent
// newtypes whose methods call std's and vanish with inlining: same size, same machine code.

#[cfg(feature = "profile")]
mod condvar;
#[cfg(not(feature = "profile"))]
mod disabled;
#[cfg(feature = "profile")]
mod held;
#[cfg(feature = "profile")]
mod lock;
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
