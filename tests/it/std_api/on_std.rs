//! The suite on std: proves that the tests match std's behaviour.

use ::std::sync;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two modules")]
#[path = "suite/mod.rs"]
mod suite;
