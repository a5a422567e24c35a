use super::generic;
use crate::raw;

/// A mutual exclusion lock. [`lock`](generic::Mutex::lock) gives access to the data, until the
/// guard is dropped.
///
/// This is parking_lot's mutex with its acquisitions recorded. After a release, any thread may take
/// it, even the one that released it. That is fast, but can starve a waiter.
/// `MutexGuard::unlock_fair` hands the mutex to a waiter; [`FairMutex`](crate::FairMutex) always
/// does. A panic while it is held releases it: there is no poisoning.
///
/// All of [`generic::Mutex`]'s methods are here.
///
/// # Examples
///
/// ```
/// use nexus_lockprof::{Mutex, MutexGuard};
///
/// static SESSIONS: Mutex<Vec<u32>> = Mutex::named("sessions", Vec::new());
///
/// std::thread::scope(|scope| {
///     for id in 0..4 {
///         scope.spawn(move || SESSIONS.lock().push(id));
///     }
/// });
///
/// let sessions = SESSIONS.lock();
/// assert_eq!(sessions.len(), 4);
/// MutexGuard::unlock_fair(sessions);
/// ```
pub type Mutex<T> = generic::Mutex<raw::RawMutex, T>;

/// Holds a [`Mutex`] until dropped, and gives access to its data.
///
/// This is `lock_api`'s guard, with all its functions. `MutexGuard::mutex` returns `lock_api`'s
/// mutex; [`Mutex::from_lock_api_ref`](generic::Mutex::from_lock_api_ref) turns it into ours.
///
/// A guard does not outlive its mutex:
///
/// ```compile_fail,E0505
/// let mutex = nexus_lockprof::Mutex::new(1);
/// let guard = mutex.lock();
/// drop(mutex);
/// drop(guard);
/// ```
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, raw::RawMutex, T>;

/// Holds a [`Mutex`] until dropped, and gives access to a part of its data.
///
/// `MutexGuard::map` and its siblings make it.
///
/// ```
/// use nexus_lockprof::{MappedMutexGuard, Mutex, MutexGuard};
///
/// let pair = Mutex::new((1, 'a'));
/// let letter: MappedMutexGuard<'_, char> = MutexGuard::map(pair.lock(), |pair| &mut pair.1);
/// assert_eq!(*letter, 'a');
/// ```
pub type MappedMutexGuard<'a, T> = lock_api::MappedMutexGuard<'a, raw::RawMutex, T>;

constructors!(Mutex, raw::mutex_at, raw::mutex_named);
