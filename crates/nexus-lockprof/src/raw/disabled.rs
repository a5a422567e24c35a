//! Feature `profile` off: parking_lot's own raw locks, without name or creation site.

use std::panic::Location;

use lock_api::{RawMutex as _, RawRwLock as _};

pub use parking_lot::{RawCondvar, RawFairMutex, RawMutex, RawRwLockRecursive};

/// The raw lock under [`RwLock`](crate::RwLock).
pub type RawRwLock = parking_lot::RawRwLock;

/// The raw lock under [`ReentrantMutex`](crate::ReentrantMutex).
pub type RawReentrant = parking_lot::RawMutex;

/// Writes the two constructors of a raw lock. They have nothing to remember here.
macro_rules! constructors {
    ($($at:ident, $named:ident -> $raw:ty;)*) => {$(
        #[inline]
        pub(crate) const fn $at(_created: &'static Location<'static>) -> $raw {
            <$raw>::INIT
        }

        #[inline]
        pub(crate) const fn $named(_name: &'static str) -> $raw {
            <$raw>::INIT
        }
    )*};
}

constructors! {
    mutex_at, mutex_named -> RawMutex;
    fair_mutex_at, fair_mutex_named -> RawFairMutex;
    rwlock_at, rwlock_named -> RawRwLock;
    recursive_at, recursive_named -> RawRwLockRecursive;
    reentrant_at, reentrant_named -> RawReentrant;
}

/// What [`reentrant_site`] returns; see the enabled twin.
pub(crate) struct ReentrantSite;

/// Keeps no site, because nothing is recorded.
#[inline]
pub(crate) fn reentrant_site(_site: &'static Location<'static>) -> ReentrantSite {
    ReentrantSite
}

/// The condition variable itself: a wait has no site to carry.
#[inline]
pub(crate) fn condvar_at<'a>(
    condvar: &'a lock_api::Condvar<RawCondvar>,
    _site: &'static Location<'static>,
) -> &'a lock_api::Condvar<RawCondvar> {
    condvar
}
