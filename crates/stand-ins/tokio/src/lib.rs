//! tokio, with the locks of [`sync`] profiled. Names defined here take precedence over the glob
//! imports.

pub use ::tokio::*;

/// `tokio::sync`, with `Mutex`, `RwLock` and `Semaphore` profiled.
pub mod sync {
    pub use super::locks::{
        MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
        OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard,
        OwnedSemaphorePermit, RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
        Semaphore, SemaphorePermit,
    };
    pub use ::tokio::sync::*;
}

#[path = "../../../nexus-lockprof/src/tokio/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    rustdoc::broken_intra_doc_links,
    reason = "a part of it is used here"
)]
mod locks;

#[path = "../../../nexus-lockprof/src/access.rs"]
mod access;
