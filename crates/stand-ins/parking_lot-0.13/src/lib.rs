//! parking_lot 0.13 with every lock profiled: `nexus-lockprof`'s own locks, which have its API, under its name.
//!
//! What differs from the real one: locks are larger (24 bytes for a mutex's raw lock, where the real one has 1), and locks are types of
//! this crate around lock_api's, so that they know where they were made. Guards are lock_api's.

// What is used here says so: in its own crate it is the real one.
extern crate real as parking_lot;
// parking_lot itself does not depend on it: there is no name for it but this.
#[cfg(feature = "serde")]
extern crate serde;

#[path = "../../../nexus-lockprof/src/locks/mod.rs"]
#[allow(
    unreachable_pub,
    unused_imports,
    rustdoc::broken_intra_doc_links,
    reason = "a part of another crate"
)]
mod locks;
#[path = "../../../nexus-lockprof/src/raw/mod.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    rustdoc::broken_intra_doc_links,
    reason = "a part of another crate"
)]
mod raw;

use nexus_lockprof_adaptor::Profiled;

pub use locks::*;
pub use real::lock_api;

/// The raw lock under [`RwLock`], or with `true` under [`RecursiveRwLock`].
///
/// In an expression its argument is not inferred: `<RawRwLock>::INIT`, not `RawRwLock::INIT`.
pub type RawRwLock<const RECURSIVE: bool = false> = <Readers<RECURSIVE> as Recursion>::Raw;
/// Picks the raw lock for [`RawRwLock`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Readers<const RECURSIVE: bool> {}

/// What [`Readers`] picks.
#[doc(hidden)]
pub trait Recursion {
    /// The raw lock.
    type Raw;
}

impl Recursion for Readers<false> {
    type Raw = Profiled<real::RawRwLock>;
}

impl Recursion for Readers<true> {
    type Raw = RawRwLockRecursive;
}
