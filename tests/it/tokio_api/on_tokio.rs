//! The suite on tokio: proves that the tests match tokio's behaviour.

use ::tokio::sync as locks;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two crates")]
#[path = "suite/mod.rs"]
mod suite;
