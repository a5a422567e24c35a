//! `Semaphore`.

use super::super::super::{Task, now};
use super::locks::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};
use super::{in_runtime, unwinds};
use std::sync::Arc;

static IN_A_STATIC: Semaphore = Semaphore::const_new(1);

#[test]
fn create() {
    assert!(IN_A_STATIC.try_acquire().is_ok());
    assert_eq!(Semaphore::new(3).available_permits(), 3);
    assert_eq!(
        Semaphore::MAX_PERMITS,
        ::tokio::sync::Semaphore::MAX_PERMITS
    );
    unwinds(|| Semaphore::new(Semaphore::MAX_PERMITS + 1));
}

#[test]
fn acquire_and_try() {
    let semaphore = Semaphore::new(3);
    let one: SemaphorePermit<'_> = now(semaphore.acquire()).unwrap();
    let two = now(semaphore.acquire_many(2)).unwrap();
    assert_eq!((one.num_permits(), two.num_permits()), (1, 2));
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    assert!(std::ptr::eq(one.semaphore(), &semaphore));
    drop(two);
    assert!(semaphore.try_acquire_many(2).is_ok());
    assert!(semaphore.try_acquire_many(3).is_err());
    drop(one);
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn in_turn() {
    let semaphore = Semaphore::new(2);
    let held = now(semaphore.acquire_many(2)).unwrap();
    let (mut many, mut one) = (
        Task::new(semaphore.acquire_many(2)),
        Task::new(semaphore.acquire()),
    );
    many.pending();
    one.pending();
    drop(held);
    let permits = many.ready().unwrap();
    one.pending();
    drop(permits);
    drop(one.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn close() {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut waiting = Task::new(semaphore.acquire());
    let mut owned = Task::new(Arc::clone(&semaphore).acquire_owned());
    waiting.pending();
    owned.pending();
    assert!(!semaphore.is_closed());
    semaphore.close();
    assert!(semaphore.is_closed());
    let refused: AcquireError = waiting.ready().unwrap_err();
    assert_eq!(refused.to_string(), "semaphore closed");
    assert!(owned.ready().is_err());
    assert!(now(semaphore.acquire()).is_err());
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(semaphore.blocking_acquire().is_err());
}

#[test]
fn permits_come_and_go() {
    let semaphore = Semaphore::new(1);
    semaphore.add_permits(2);
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!(semaphore.forget_permits(1), 1);
    now(semaphore.acquire()).unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.forget_permits(5), 1);
}

#[test]
fn merge_and_split() {
    let (semaphore, other) = (Semaphore::new(5), Semaphore::new(1));
    let mut permits = now(semaphore.acquire_many(2)).unwrap();
    permits.merge(semaphore.try_acquire().unwrap());
    assert_eq!(permits.num_permits(), 3);
    assert!(permits.split(4).is_none());
    let two = permits.split(2).unwrap();
    assert_eq!((permits.num_permits(), two.num_permits()), (1, 2));
    drop(permits);
    assert_eq!(semaphore.available_permits(), 3);
    drop(two);
    assert_eq!(semaphore.available_permits(), 5);
    unwinds(|| {
        semaphore
            .try_acquire()
            .unwrap()
            .merge(other.try_acquire().unwrap())
    });
    assert_eq!(semaphore.available_permits() + other.available_permits(), 6);
}

#[test]
fn owned() {
    let semaphore = Arc::new(Semaphore::new(4));
    let mut permit: OwnedSemaphorePermit = now(Arc::clone(&semaphore).acquire_owned()).unwrap();
    permit.merge(now(Arc::clone(&semaphore).acquire_many_owned(2)).unwrap());
    assert!(Arc::ptr_eq(permit.semaphore(), &semaphore));
    assert!(Arc::clone(&semaphore).try_acquire_many_owned(2).is_err());
    let split = permit.split(1).unwrap();
    assert_eq!((permit.num_permits(), split.num_permits()), (2, 1));
    drop(permit);
    split.forget();
    assert_eq!(semaphore.available_permits(), 3);
    let last = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    drop(semaphore);
    assert_eq!(
        last.semaphore().available_permits(),
        2,
        "it keeps the semaphore"
    );
}

#[test]
fn block() {
    let semaphore = Arc::new(Semaphore::new(1));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100 {
                    drop(semaphore.blocking_acquire().unwrap());
                    drop(semaphore.blocking_acquire_many(1).unwrap());
                    drop(Arc::clone(&semaphore).blocking_acquire_owned().unwrap());
                    drop(
                        Arc::clone(&semaphore)
                            .blocking_acquire_many_owned(1)
                            .unwrap(),
                    );
                }
            });
        }
    });
    in_runtime(|| unwinds(|| semaphore.blocking_acquire()));
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn format() {
    let semaphore = Semaphore::new(1);
    assert!(
        format!("{semaphore:?}").starts_with("Semaphore {"),
        "{semaphore:?}"
    );
    let permit = now(semaphore.acquire()).unwrap();
    assert!(
        format!("{permit:?}").starts_with("SemaphorePermit {"),
        "{permit:?}"
    );
}
