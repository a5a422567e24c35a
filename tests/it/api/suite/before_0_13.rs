//! What parking_lot dropped in 0.13.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::locks::{
    FairMutex, Mutex, ReentrantMutex, RwLock, const_fair_mutex, const_mutex, const_reentrant_mutex,
    const_rwlock,
};

static MUTEX: Mutex<u32> = const_mutex(1);
static FAIR: FairMutex<u32> = const_fair_mutex(2);
static RWLOCK: RwLock<u32> = const_rwlock(3);
static REENTRANT: ReentrantMutex<u32> = const_reentrant_mutex(4);

#[test]
fn constants() {
    assert_eq!(*MUTEX.lock() + *FAIR.lock(), 3);
    assert_eq!(*RWLOCK.read() + *REENTRANT.lock(), 7);
}

/// A thread that reads may read again while a writer waits.
#[test]
fn read_recursive() {
    let lock = RwLock::new(1);
    let later = Instant::now() + Duration::from_secs(600);
    std::thread::scope(|scope| {
        let (waits, waiting) = mpsc::channel();
        let first = lock.read();
        let writer = scope.spawn({
            let lock = &lock;
            move || {
                assert!(waits.send(()).is_ok());
                *lock.write() += 1;
            }
        });
        assert!(waiting.recv().is_ok());
        while lock.try_read().is_some() {
            std::thread::yield_now();
        }
        let again = [
            Some(lock.read_recursive()),
            lock.try_read_recursive(),
            lock.try_read_recursive_for(Duration::ZERO),
            lock.try_read_recursive_until(later),
        ];
        drop(first);
        for read in again {
            assert_eq!(read.as_deref(), Some(&1));
        }
        assert!(writer.join().is_ok());
    });
    assert_eq!(*lock.read_recursive(), 2);
    let _writer = lock.write();
    assert!(lock.try_read_recursive().is_none());
    assert!(lock.try_read_recursive_for(Duration::ZERO).is_none());
    assert!(lock.try_read_recursive_until(Instant::now()).is_none());
}
