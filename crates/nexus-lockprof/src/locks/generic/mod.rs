//! The lock types over any raw lock.
//!
//! [`Mutex`](crate::Mutex), [`FairMutex`](crate::FairMutex), [`RwLock`](crate::RwLock) and
//! [`RecursiveRwLock`](crate::RecursiveRwLock) are aliases of the two types here, as parking_lot's
//! are aliases of `lock_api`'s. Each type here is `lock_api`'s type of the same name and nothing
//! more: same methods, same layout. It is a type of its own so that `new` can be a function of
//! ours, one that remembers its caller.
//!
//! With a raw lock of your own, start from [`Mutex::from_raw`] or [`RwLock::from_raw`].

#[cfg(feature = "arc_lock")]
mod arc;
mod mutex;
mod rwlock;
mod upgradable;

pub use mutex::Mutex;
pub use rwlock::RwLock;
