//! parking_lot 0.13 with every lock profiled: `nexus-lockprof`'s own locks, which have its API,
//! under its name.
//!
//! It differs from the real one in two ways. Locks are larger: a mutex's raw lock takes 24 bytes
//! instead of 1. And locks are this crate's types around lock_api's, so that they know where they
//! were created. Guards are lock_api's.

// Inside this crate, `parking_lot` means the real one.
extern crate real as parking_lot;
// parking_lot does not depend on serde, so only this line brings it in.
#[cfg(feature = "serde")]
extern crate serde;

#[macro_use]
#[path = "../../../nexus-lockprof/src/from_value.rs"]
mod from_value;
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
/// Selects the raw lock for [`RawRwLock`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Readers<const RECURSIVE: bool> {}

/// What [`Readers`] selects.
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
