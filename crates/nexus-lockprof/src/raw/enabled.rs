//! Feature `profile` on: parking_lot's raw locks, wrapped to record their acquisitions.

use std::panic::Location;

use nexus_lockprof_adaptor::{Profiled, ProfiledCondvar, ProfiledRecursive};

pub use super::reentrant::RawReentrant;
pub(crate) use super::reentrant::reentrant_site;
pub(crate) use nexus_lockprof_adaptor::condvar_at;

/// The raw lock under [`Mutex`](crate::Mutex).
pub type RawMutex = Profiled<parking_lot::RawMutex>;

const _: () = assert!(size_of::<RawMutex>() == 24);

/// The raw lock under [`FairMutex`](crate::FairMutex).
pub type RawFairMutex = Profiled<parking_lot::RawFairMutex>;

/// The raw lock under [`RwLock`](crate::RwLock).
pub type RawRwLock = Profiled<parking_lot::RawRwLock>;

/// The raw lock under [`RecursiveRwLock`](crate::RecursiveRwLock).
pub type RawRwLockRecursive = ProfiledRecursive<parking_lot::RawRwLockRecursive>;

/// The raw condition variable under [`Condvar`](crate::Condvar), for building a
/// `lock_api::Condvar`.
pub type RawCondvar = ProfiledCondvar<parking_lot::RawCondvar>;

/// Writes the two constructors of a raw lock: by creation site, or by name.
macro_rules! constructors {
    ($($at:ident, $named:ident -> $raw:ty;)*) => {$(
        #[inline]
        pub(crate) const fn $at(created: &'static Location<'static>) -> $raw {
            <$raw>::created_at(created)
        }

        #[inline]
        pub(crate) const fn $named(name: &'static str) -> $raw {
            <$raw>::named(name)
        }
    )*};
}

constructors! {
    mutex_at, mutex_named -> RawMutex;
    fair_mutex_at, fair_mutex_named -> RawFairMutex;
    recursive_at, recursive_named -> RawRwLockRecursive;
    reentrant_at, reentrant_named -> RawReentrant;
}

#[inline]
pub(crate) const fn rwlock_at(created: &'static Location<'static>) -> RawRwLock {
    Profiled::rwlock_created_at(created)
}

#[inline]
pub(crate) const fn rwlock_named(name: &'static str) -> RawRwLock {
    Profiled::rwlock_named(name)
}
