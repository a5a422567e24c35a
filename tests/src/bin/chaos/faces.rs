//! Single acquisitions of locks of other kinds.

use crate::truth::Book;
use nexus_lockprof::{FairMutex, ReentrantMutex, std_sync};
use std::hint::black_box;

static FAIR: FairMutex<u64> = FairMutex::named("fair", 0);
static REENTRANT: ReentrantMutex<u64> = ReentrantMutex::named("reentrant", 0);
static STD: std_sync::Mutex<u64> = std_sync::Mutex::named("std", 0);
static STD_RWLOCK: std_sync::RwLock<u64> = std_sync::RwLock::named("std rwlock", 0);
#[rustfmt::skip] // one line: it is the lock's name
static IN_PLACE: (shim_0_12::Mutex<u64>, &str) = (shim_0_12::const_mutex(0), concat!("new@", file!(), ":", line!()));

/// Acquires one of them.
pub(crate) fn lock_one(rng: &mut fastrand::Rng, book: &mut Book) {
    match rng.u8(..6) {
        0 => {
            *FAIR.lock() += 1;
            book.locked("fair");
        }
        1 => {
            // The inner lock is no acquisition.
            let outer = REENTRANT.lock();
            black_box(*REENTRANT.lock() + *outer);
            book.locked("reentrant");
        }
        2 => {
            drop(STD.lock());
            book.locked("std");
        }
        3 if rng.bool() => {
            drop(STD_RWLOCK.write());
            book.locked("std rwlock");
        }
        3 => {
            drop(STD_RWLOCK.read());
            book.shared("std rwlock");
        }
        4 => {
            *IN_PLACE.0.lock() += 1;
            book.locked(IN_PLACE.1);
        }
        _ => lock_async(rng, book),
    }
}

#[cfg(feature = "tokio")]
fn lock_async(rng: &mut fastrand::Rng, book: &mut Book) {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};
    static ASYNC: nexus_lockprof::tokio::Mutex<u64> =
        nexus_lockprof::tokio::Mutex::named("async", 0);
    if rng.bool() {
        *ASYNC.blocking_lock() += 1;
        book.locked("async");
        return;
    }
    let guard = ASYNC.try_lock();
    book.tried("async", guard.is_ok());
    // A dropped future: while it waits, or with the lock.
    let mut waits = pin!(ASYNC.lock());
    let polled = waits.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if polled.is_ready() {
        book.locked("async");
    }
    drop(guard);
}

#[cfg(not(feature = "tokio"))]
fn lock_async(_: &mut fastrand::Rng, _: &mut Book) {}
