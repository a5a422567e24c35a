//! The pull endpoint, if the feature `serve` is on: `LOCKPROF_SERVE`, and [`Engine::serve`](crate::Engine::serve).
//!
//! The server is `nexus-lockprof-export`'s; here is what it serves, and what becomes of it when the process ends or forks.

#[cfg(all(feature = "serve", unix))]
mod leftovers;
#[cfg(all(feature = "serve", unix))]
mod on;
#[cfg(all(feature = "serve", unix))]
pub(crate) use leftovers::{Still, after_fork, hold_still};
#[cfg(all(feature = "serve", unix))]
pub(crate) use on::{SUPPORTED, has_thread, start_again, watch};

#[cfg(not(all(feature = "serve", unix)))]
mod off;
#[cfg(not(all(feature = "serve", unix)))]
pub(crate) use off::{SUPPORTED, start_again, watch};
#[cfg(all(not(feature = "serve"), unix))]
pub(crate) use off::{Still, after_fork, has_thread, hold_still};

/// Why `LOCKPROF_SERVE` has no effect.
pub(crate) const MISSING: &str = if cfg!(unix) {
    "the program was built without the feature `serve`"
} else {
    "there is no endpoint on this platform"
};
