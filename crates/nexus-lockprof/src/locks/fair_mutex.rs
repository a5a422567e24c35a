use super::generic;
use crate::raw;

/// A [`Mutex`](crate::Mutex) whose release hands it to a waiting thread, if there is one.
///
/// No thread can starve the others by taking it again and again. The price is a thread switch per
/// release under contention. Waiters are not served strictly first come, first served: a thread may
/// take the mutex while it spins, before it queues.
///
/// All of [`generic::Mutex`]'s methods are here.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::FairMutex;
///
/// static TURN: FairMutex<u32> = FairMutex::named("turn", 0);
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| *TURN.lock() += 1);
///     }
/// });
/// assert_eq!(*TURN.lock(), 4);
/// ```
pub type FairMutex<T> = generic::Mutex<raw::RawFairMutex, T>;

/// Holds a [`FairMutex`] until dropped, and gives access to its data.
pub type FairMutexGuard<'a, T> = lock_api::MutexGuard<'a, raw::RawFairMutex, T>;

/// Holds a [`FairMutex`] until dropped, and gives access to a part of its data.
pub type MappedFairMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, raw::RawFairMutex, T>;

constructors!(FairMutex, raw::fair_mutex_at, raw::fair_mutex_named);
