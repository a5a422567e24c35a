//! What makes a lock a profiled one, for the crates that have locks: the adaptor between the engine and
//! [`lock_api`]'s raw locks, or locks of any other kind.
//!
//! - [`Profiled<R>`] wraps a raw lock and is one, with every trait of `lock_api` that `R` has.
//! - [`ProfiledRecursive<R>`] is the same for locks that a thread may read while it reads them, and [`ProfiledCondvar<C>`] for
//!   condition variables.
//! - For locks that are not `lock_api`'s, [`Profiled`]'s own methods take the parts of an acquisition as functions.
//!
//! Users of locks find all they need in `nexus-lockprof`.

mod condvar;
mod held;
mod profiled;
mod recursive;

pub use condvar::{ProfiledCondvar, WaitCall, condvar_at};
pub use lock_api;
pub use nexus_lockprof_engine::adaptor::{HoldMode, PendingRef, PendingRefCell};
pub use nexus_lockprof_engine::{EngineRef, Global};
pub use profiled::{Profiled, ProfiledGuard, TaskWait};
pub use recursive::{ProfiledRecursive, SharedGuard, UpgradableGuard};
