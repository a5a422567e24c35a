//! The suite on tokio: shows that the tests ask for what tokio does.

use ::tokio::sync as locks;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two crates")]
#[path = "suite/mod.rs"]
mod suite;
