//! The suite on our locks.

use ::nexus_lockprof::std_sync as sync;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two modules")]
#[path = "suite/mod.rs"]
mod suite;
