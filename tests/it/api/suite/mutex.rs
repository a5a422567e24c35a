//! `Mutex`.

use super::locks::{
    MappedMutexGuard as Mapped, Mutex as Lock, MutexGuard as Guard, RawMutex as Raw,
};

#[path = "mutex_like.rs"]
mod mutex_like;

use super::locks::Condvar;

/// A fair unlock hands the mutex over: the thread that released it cannot take it back.
///
/// The waiter is certainly queued on the mutex, because `notify_one` moves it there from the
/// condition variable while the mutex is held.
#[test]
fn unlock_fair_hands_over() {
    let mutex = Lock::new(0);
    let condvar = Condvar::new();
    let done = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let mut guard = mutex.lock();
        scope.spawn(|| {
            let mut guard = mutex.lock();
            *guard = 1;
            condvar.notify_one();
            condvar.wait(&mut guard);
            *guard = 2;
            done.wait();
        });
        while *guard == 0 {
            condvar.wait(&mut guard);
        }
        assert!(condvar.notify_one());
        Guard::unlock_fair(guard);
        assert!(mutex.is_locked());
        assert!(mutex.try_lock().is_none());
        done.wait();
    });
    assert_eq!(mutex.into_inner(), 2);
}

/// `bump` lets a queued waiter have the mutex in between.
#[test]
fn bump_lets_the_waiter_go_first() {
    let mutex = Lock::new(0);
    let condvar = Condvar::new();
    std::thread::scope(|scope| {
        let mut guard = mutex.lock();
        scope.spawn(|| {
            let mut guard = mutex.lock();
            *guard = 1;
            condvar.notify_one();
            condvar.wait(&mut guard);
            *guard = 2;
        });
        while *guard == 0 {
            condvar.wait(&mut guard);
        }
        Guard::bump(&mut guard);
        assert_eq!(*guard, 1, "nobody is queued on the mutex");
        assert!(condvar.notify_one());
        Guard::bump(&mut guard);
        assert_eq!(*guard, 2);
    });
}
