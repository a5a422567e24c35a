//! The suite on our locks.

use ::nexus_lockprof::tokio as locks;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two crates")]
#[path = "suite/mod.rs"]
mod suite;
