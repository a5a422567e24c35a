//! Which types are `Send` and `Sync`.

use super::locks::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit,
    RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

/// The answer if a bound does not hold: an inherent constant takes precedence over a trait's.
trait Otherwise {
    const IS: bool = false;
}

struct IsSend<T: ?Sized>(std::marker::PhantomData<T>);
impl<T: ?Sized> Otherwise for IsSend<T> {}
impl<T: ?Sized + Send> IsSend<T> {
    const IS: bool = true;
}

struct IsSync<T: ?Sized>(std::marker::PhantomData<T>);
impl<T: ?Sized> Otherwise for IsSync<T> {}
impl<T: ?Sized + Sync> IsSync<T> {
    const IS: bool = true;
}

macro_rules! check {
    ($($type:ty => $send:literal, $sync:literal;)*) => {$(
        assert_eq!(IsSend::<$type>::IS, $send, "Send: {}", stringify!($type));
        assert_eq!(IsSync::<$type>::IS, $sync, "Sync: {}", stringify!($type));
    )*};
}

/// `Send`, but not `Sync`.
type Sent = Cell<u32>;
/// Neither `Send` nor `Sync`.
type Stuck = Rc<u32>;

#[test]
fn types() {
    check! {
        Mutex<u32> => true, true;
        Mutex<Sent> => true, true;
        Mutex<Stuck> => false, false;
        MutexGuard<'static, u32> => true, true;
        MutexGuard<'static, Sent> => true, false;
        MutexGuard<'static, Stuck> => false, false;
        MappedMutexGuard<'static, u32> => true, true;
        MappedMutexGuard<'static, Sent> => true, false;
        MappedMutexGuard<'static, Stuck> => false, false;
        OwnedMutexGuard<u32> => true, true;
        OwnedMutexGuard<Sent> => true, false;
        OwnedMutexGuard<Stuck> => false, false;
        OwnedMappedMutexGuard<u32, u32> => true, true;
        OwnedMappedMutexGuard<u32, Stuck> => false, false;
        RwLock<u32> => true, true;
        RwLock<Sent> => true, false;
        RwLock<Stuck> => false, false;
        RwLockReadGuard<'static, u32> => true, true;
        RwLockReadGuard<'static, Stuck> => false, false;
        RwLockWriteGuard<'static, u32> => true, true;
        RwLockWriteGuard<'static, Sent> => false, false;
        RwLockMappedWriteGuard<'static, u32> => true, true;
        RwLockMappedWriteGuard<'static, Sent> => false, false;
        OwnedRwLockReadGuard<u32, u32> => true, true;
        OwnedRwLockReadGuard<u32, Stuck> => false, false;
        OwnedRwLockWriteGuard<u32> => true, true;
        OwnedRwLockMappedWriteGuard<u32, u32> => true, true;
        OwnedRwLockMappedWriteGuard<u32, Stuck> => false, false;
        Semaphore => true, true;
        SemaphorePermit<'static> => true, true;
        OwnedSemaphorePermit => true, true;
    }
}

/// Futures can go wherever tasks go.
#[test]
fn futures() {
    fn sent<T: Send>(_: T) {}
    let mutex = Arc::new(Mutex::new(1));
    let rwlock = Arc::new(RwLock::new(1));
    let semaphore = Arc::new(Semaphore::new(1));
    sent(mutex.lock());
    sent(Arc::clone(&mutex).lock_owned());
    sent(rwlock.read());
    sent(rwlock.write());
    sent(Arc::clone(&rwlock).read_owned());
    sent(Arc::clone(&rwlock).write_owned());
    sent(semaphore.acquire());
    sent(semaphore.acquire_many(1));
    sent(Arc::clone(&semaphore).acquire_owned());
    sent(Arc::clone(&semaphore).acquire_many_owned(1));
}
