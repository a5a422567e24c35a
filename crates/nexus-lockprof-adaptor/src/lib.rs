//! Turns locks into profiled locks, for crates that provide locks. It sits between the engine and
//! [`lock_api`]'s raw locks, or locks of any other kind.
//!
//! - [`Profiled<R>`] wraps a raw lock and is one itself, with every trait of `lock_api` that `R`
//!   has.
//! - [`ProfiledRecursive<R>`] does the same for locks that allow recursive reads, and
//!   [`ProfiledCondvar<C>`] for condition variables.
//! - For locks other than `lock_api`'s, [`Profiled`]'s own methods take the parts of an acquisition
//!   as functions.
//!
//! If you only use locks, you want `nexus-lockprof` instead.

mod condvar;
mod held;
mod profiled;
mod recursive;

pub use condvar::{ProfiledCondvar, WaitCall, condvar_at};
pub use lock_api;
pub use nexus_lockprof_engine::adaptor::{HoldMode, PendingRef, PendingRefCell, closing};
pub use nexus_lockprof_engine::{EngineRef, Global};
pub use profiled::{BeforeWaking, Profiled, ProfiledGuard, TaskWait};
pub use recursive::{ProfiledRecursive, SharedGuard, UpgradableGuard};
