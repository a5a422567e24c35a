//! The lock types over any raw lock.
//!
//! [`Mutex`](crate::Mutex), [`FairMutex`](crate::FairMutex), [`RwLock`](crate::RwLock) and
//! [`RecursiveRwLock`](crate::RecursiveRwLock) are aliases of the two types here, just as
//! parking_lot's are aliases of `lock_api`'s. Each type here wraps `lock_api`'s type of the same
//! name, with the same methods and layout. It exists so that `new` can be our function and remember
//! its caller.
//!
//! For a raw lock of your own, start from [`Mutex::from_raw`] or [`RwLock::from_raw`].

#[cfg(feature = "arc_lock")]
mod arc;
mod mutex;
mod rwlock;
mod upgradable;

pub use mutex::Mutex;
pub use rwlock::RwLock;
