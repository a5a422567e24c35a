//! What our lock types add to parking_lot's.

use nexus_lockprof::{
    Condvar, FairMutex, Mutex, MutexGuard, RecursiveRwLock, ReentrantMutex, ReentrantMutexGuard,
    RwLock, RwLockReadGuard, lock_api,
};

#[test]
fn named() {
    static MUTEX: Mutex<u8> = Mutex::named("mutex", 1);
    static FAIR: FairMutex<u8> = FairMutex::named("fair", 2);
    static RWLOCK: RwLock<u8> = RwLock::named("rwlock", 3);
    static RECURSIVE: RecursiveRwLock<u8> = RecursiveRwLock::named("recursive", 4);
    static REENTRANT: ReentrantMutex<u8> = ReentrantMutex::named("reentrant", 5);
    assert_eq!((*MUTEX.lock(), *FAIR.lock(), *RWLOCK.read()), (1, 2, 3));
    assert_eq!((*RECURSIVE.read(), *REENTRANT.lock()), (4, 5));
}

/// From a guard back to the type of its lock.
#[test]
fn back_from_lock_api() {
    let mutex = Mutex::new(1);
    let guard = mutex.lock();
    assert!(std::ptr::eq(
        Mutex::from_lock_api_ref(MutexGuard::mutex(&guard)),
        &mutex
    ));

    let rwlock = RwLock::new(2);
    let read = rwlock.read();
    assert!(std::ptr::eq(
        RwLock::from_lock_api_ref(RwLockReadGuard::rwlock(&read)),
        &rwlock
    ));

    let reentrant = ReentrantMutex::new(3);
    let guard = reentrant.lock();
    let inner = ReentrantMutexGuard::remutex(&guard);
    assert!(std::ptr::eq(
        ReentrantMutex::from_lock_api_ref(inner),
        &reentrant
    ));
}

#[test]
fn there_and_back() {
    let mutex: lock_api::Mutex<_, _> = Mutex::new(1).into_lock_api();
    assert_eq!(Mutex::from_lock_api(mutex).into_inner(), 1);
    let rwlock: lock_api::RwLock<_, _> = RwLock::new(2).into_lock_api();
    assert_eq!(RwLock::from_lock_api(rwlock).into_inner(), 2);
    let reentrant: lock_api::ReentrantMutex<_, _, _> = ReentrantMutex::new(3).into_lock_api();
    assert_eq!(ReentrantMutex::from_lock_api(reentrant).into_inner(), 3);
}

/// Code that is generic over `lock_api` takes our locks.
#[test]
fn generic_code() {
    fn increment<R: lock_api::RawMutex>(mutex: &lock_api::Mutex<R, u32>) {
        *mutex.lock() += 1;
    }
    let (mutex, fair) = (Mutex::new(0), FairMutex::new(0));
    increment(mutex.as_lock_api());
    increment(fair.as_lock_api());
    assert_eq!((mutex.into_inner(), fair.into_inner()), (1, 1));

    let lock = RwLock::new(1);
    assert_eq!(*lock.as_lock_api().read(), 1);
    assert_eq!(*ReentrantMutex::new(1).as_lock_api().lock(), 1);
    assert_eq!(Condvar::new().as_lock_api().notify_all(), 0);
}

/// Each lock contains the raw lock of its kind.
#[cfg(feature = "profile")]
#[test]
fn raw_locks() {
    // SAFETY: the raw locks are only read.
    unsafe {
        let _: &parking_lot::RawMutex = Mutex::new(()).raw().raw();
        let _: &parking_lot::RawFairMutex = FairMutex::new(()).raw().raw();
        let _: &parking_lot::RawRwLock = RwLock::new(()).raw().raw();
    }
}

/// A wrapper of a lock is as large as the lock.
#[test]
fn sizes() {
    fn same<A, B>() {
        assert_eq!(
            (size_of::<A>(), align_of::<A>()),
            (size_of::<B>(), align_of::<B>())
        );
    }
    same::<Mutex<u8>, lock_api::Mutex<nexus_lockprof::RawMutex, u8>>();
    same::<RwLock<u8>, lock_api::RwLock<nexus_lockprof::RawRwLock, u8>>();
    if cfg!(not(feature = "profile")) {
        same::<Mutex<u8>, parking_lot::Mutex<u8>>();
        same::<FairMutex<u8>, parking_lot::FairMutex<u8>>();
        same::<RwLock<u8>, parking_lot::RwLock<u8>>();
        same::<RecursiveRwLock<u8>, parking_lot::RecursiveRwLock<u8>>();
        same::<ReentrantMutex<u8>, parking_lot::ReentrantMutex<u8>>();
        same::<Condvar, parking_lot::Condvar>();
        same::<MutexGuard<'_, u8>, parking_lot::MutexGuard<'_, u8>>();
        same::<RwLockReadGuard<'_, u8>, parking_lot::RwLockReadGuard<'_, u8>>();
    }
}

#[cfg(feature = "arc_lock")]
#[test]
fn back_from_an_arc_guard() {
    use std::sync::Arc;

    use nexus_lockprof::{ArcMutexGuard, ArcReentrantMutexGuard, ArcRwLockReadGuard};

    let mutex: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1, 2]));
    let same = Mutex::arc_from_lock_api(ArcMutexGuard::into_arc(mutex.lock_arc()));
    assert!(Arc::ptr_eq(&same, &mutex));
    assert_eq!((Arc::strong_count(&mutex), same.lock().len()), (2, 2));

    let rwlock = Arc::new(RwLock::new(1));
    let same = RwLock::arc_from_lock_api(ArcRwLockReadGuard::into_arc(rwlock.read_arc()));
    assert!(Arc::ptr_eq(&same, &rwlock));

    let reentrant = Arc::new(ReentrantMutex::new(1));
    let inner = ArcReentrantMutexGuard::into_arc(reentrant.lock_arc());
    assert!(Arc::ptr_eq(
        &ReentrantMutex::arc_from_lock_api(inner),
        &reentrant
    ));
    assert_eq!(Arc::strong_count(&reentrant), 1);
}
