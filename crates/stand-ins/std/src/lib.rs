//! std, with the locks of [`sync`] profiled.
//!
//! Names defined here take precedence over the glob imports. So a path such as `std::sync::Mutex`
//! finds ours, and every other path std's own. This includes macros, the prelude, and unstable
//! items, which stay unstable.

pub use ::std::*;

// Installs itself when the program is loaded.
#[cfg(feature = "serve")]
extern crate nexus_lockprof_serve as _;

/// `std::sync`, with `Mutex`, `RwLock` and `Condvar` profiled.
pub mod sync {
    pub use super::locks::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
    pub use ::std::sync::*;
}

#[cfg(feature = "profile")]
#[macro_use]
#[path = "../../../nexus-lockprof/src/from_value.rs"]
mod from_value;
#[path = "../../../nexus-lockprof/src/std_sync/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a part of it is used here"
)]
mod locks;

#[cfg(feature = "profile")]
#[path = "../../../nexus-lockprof/src/access.rs"]
mod access;
