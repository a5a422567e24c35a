//! The suite on std: shows that the tests ask for what std does.

use ::std::sync;

#[allow(clippy::duplicate_mod, reason = "the point: one suite, two modules")]
#[path = "suite/mod.rs"]
mod suite;
