//! The pull endpoint, if the feature `serve` is on: `LOCKPROF_SERVE`, and [`Engine::serve`](crate::Engine::serve).
//!
//! The server is `nexus-lockprof-export`'s; here is what it serves, and what becomes of it when the process ends or forks.

#[cfg(all(feature = "serve", unix))]
mod leftovers;
#[cfg(all(feature = "serve", unix))]
mod on;
#[cfg(all(feature = "serve", unix))]
pub(crate) use on::{SUPPORTED, after_fork, watch};

#[cfg(not(all(feature = "serve", unix)))]
mod off;
#[cfg(not(all(feature = "serve", unix)))]
#[cfg_attr(not(unix), allow(unused_imports, reason = "only Unix forks"))]
pub(crate) use off::{SUPPORTED, after_fork, watch};

/// Why `LOCKPROF_SERVE` has no effect.
pub(crate) const MISSING: &str = if cfg!(unix) {
    "the program was built without the feature `serve`"
} else {
    "there is no endpoint on this platform"
};
