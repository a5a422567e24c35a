//! The measured operations: each on our lock, on the bare one, and on a second bare one, which
//! shows the noise.
//!
//! The functions keep their names in the binary and are not inlined, because the gates look them
//! up. They find them in the disassembly, and as callgrind's start and end of a measurement. Each
//! contains a loop around the operation. A function for a single operation would add the cost of
//! its call to both sides of a ratio, and so flatter it.

#![allow(clippy::unwrap_used, reason = "as programs use std's locks")]

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync as std_sync;
use std::task::{Context, Poll, Waker};

use crate::placements::{Placed, begin_at};
use crate::points::POINTS;

use nexus_lockprof::std_sync as our_std_sync;
use nexus_lockprof::tokio as our_tokio_sync;
use tokio::sync as tokio_sync;

/// One uncontended operation.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Its name in tables, and the end of its functions' names in the binary.
    pub name: &'static str,
    /// How many operations the functions do at a time.
    pub operations: u64,
    /// Does it that many times on the bare lock: parking_lot's or std's.
    pub bare: fn(u64),
    /// The same again, on another lock and at another address.
    pub again: fn(u64),
    /// Does it that many times on ours.
    pub ours: fn(u64),
}

/// An operation whose loops are compiled at several offsets.
///
/// Only the benches use them. The gates do not, because so many copies change what is inlined.
#[derive(Clone, Copy, Debug)]
pub struct PlacedPath {
    /// Its name in tables.
    pub name: &'static str,
    /// The copies of the three loops: bare, bare again, ours.
    pub loops: [Placed; 3],
}

/// A lock on its own cache line, so that its neighbours in the binary do not matter.
#[repr(align(128))]
struct Alone<L>(L);

/// Uses a lock of its own `n` times.
macro_rules! repeat {
    ($n:ident, $locks:ident, {$($lock:tt)*}, {$($new:tt)*}, |$it:ident| $step:expr) => {
        static LOCK: Alone<$locks::$($lock)*> = Alone($locks::$($new)*);
        for _ in 0..$n {
            // Hides the lock from the compiler, which could otherwise keep knowledge about it
            // between rounds.
            let $it = black_box(&LOCK.0);
            $step;
        }
    };
}

/// One side of a path: a lock, and a function that uses it `n` times.
macro_rules! side {
    ($function:ident, $($what:tt)*) => {
        #[unsafe(no_mangle)] // the only function of this name: the prefix is this crate's
        #[inline(never)]
        fn $function(n: u64) {
            repeat!(n, $($what)*);
        }
    };
}

/// The same, in copies at several offsets.
macro_rules! placed_side {
    ($($what:tt)*) => {{
        #[inline(never)]
        fn placed<const OFFSET: usize>(n: u64) {
            begin_at::<OFFSET>();
            repeat!(n, $($what)*);
        }
        crate::placed!(placed)
    }};
}

macro_rules! paths {
    ($list:ident $(and $placed_list:ident)?: $bare_locks:ident, $our_locks:ident, $doc:literal; $(
        $name:literal => $bare:ident, $again:ident, $ours:ident:
        $lock:tt = $new:tt, |$it:ident| $step:expr;
    )*) => {
        $(
            side!($bare, $bare_locks, $lock, $new, |$it| $step);
            side!($again, $bare_locks, $lock, $new, |$it| $step);
            side!($ours, $our_locks, $lock, $new, |$it| $step);
        )*
        #[doc = $doc]
        pub const $list: &[Path] = &[$(Path { name: $name, operations: 1, bare: $bare, again: $again, ours: $ours }),*];
        placed_paths! { $($placed_list: $bare_locks, $our_locks, $doc;)? $(
            $name => $lock = $new, |$it| $step;
        )* }
    };
}

/// The copies of these loops, if they are wanted.
macro_rules! placed_paths {
    ($($name:literal => $lock:tt = $new:tt, |$it:ident| $step:expr;)*) => {};
    ($list:ident: $bare_locks:ident, $our_locks:ident, $doc:literal; $(
        $name:literal => $lock:tt = $new:tt, |$it:ident| $step:expr;
    )*) => {
        #[doc = $doc]
        pub const $list: &[PlacedPath] = &[$(PlacedPath {
            name: $name,
            loops: [
                placed_side!($bare_locks, $lock, $new, |$it| $step),
                placed_side!($bare_locks, $lock, $new, |$it| $step),
                placed_side!($our_locks, $lock, $new, |$it| $step),
            ],
        }),*];
    };
}

paths! { COMMON and PLACED_COMMON: parking_lot, nexus_lockprof, "The operations that the tables of the documentation show.";
    "mutex" => lockprof_bare_mutex, lockprof_again_mutex, lockprof_ours_mutex:
        {Mutex<u64>} = {Mutex::new(0)}, |it| *it.lock() += 1;
    "read" => lockprof_bare_read, lockprof_again_read, lockprof_ours_read:
        {RwLock<u64>} = {RwLock::new(0)}, |it| black_box(*it.read());
    "write" => lockprof_bare_write, lockprof_again_write, lockprof_ours_write:
        {RwLock<u64>} = {RwLock::new(0)}, |it| *it.write() += 1;
    "reentrant" => lockprof_bare_reentrant, lockprof_again_reentrant, lockprof_ours_reentrant:
        {ReentrantMutex<Cell<u64>>} = {ReentrantMutex::new(Cell::new(0))}, |it| it.lock().update(|x| x + 1);
    "fair" => lockprof_bare_fair, lockprof_again_fair, lockprof_ours_fair:
        {FairMutex<u64>} = {FairMutex::new(0)}, |it| *it.lock() += 1;
}

paths! { OTHERS: parking_lot, nexus_lockprof, "Operations that only the gates look at.";
    "try-lock" => lockprof_bare_try_lock, lockprof_again_try_lock, lockprof_ours_try_lock:
        {Mutex<u64>} = {Mutex::new(0)}, |it| if let Some(mut it) = it.try_lock() { *it += 1 };
    "unlock-fair" => lockprof_bare_unlock_fair, lockprof_again_unlock_fair, lockprof_ours_unlock_fair:
        {Mutex<u64>} = {Mutex::new(0)}, |it| lock_api::MutexGuard::unlock_fair(it.lock());
    "upgradable" => lockprof_bare_upgradable, lockprof_again_upgradable, lockprof_ours_upgradable:
        {RwLock<u64>} = {RwLock::new(0)}, |it| black_box(*it.upgradable_read());
    "downgrade" => lockprof_bare_downgrade, lockprof_again_downgrade, lockprof_ours_downgrade:
        {RwLock<u64>} = {RwLock::new(0)},
        |it| black_box(*lock_api::RwLockWriteGuard::downgrade(it.write()));
    "recursive-read" => lockprof_bare_recursive_read, lockprof_again_recursive_read, lockprof_ours_recursive_read:
        {RecursiveRwLock<u64>} = {RecursiveRwLock::new(0)}, |it| black_box(*it.read());
    "recursive-write" => lockprof_bare_recursive_write, lockprof_again_recursive_write, lockprof_ours_recursive_write:
        {RecursiveRwLock<u64>} = {RecursiveRwLock::new(0)}, |it| *it.write() += 1;
    "notify" => lockprof_bare_notify, lockprof_again_notify, lockprof_ours_notify:
        {Condvar} = {Condvar::new()}, |it| it.notify_one();
}

paths! { STD and PLACED_STD: std_sync, our_std_sync, "Std's locks, which the tables show too.";
    "std-mutex" => lockprof_bare_std_mutex, lockprof_again_std_mutex, lockprof_ours_std_mutex:
        {Mutex<u64>} = {Mutex::new(0)}, |it| *it.lock().unwrap() += 1;
    "std-read" => lockprof_bare_std_read, lockprof_again_std_read, lockprof_ours_std_read:
        {RwLock<u64>} = {RwLock::new(0)}, |it| black_box(*it.read().unwrap());
    "std-write" => lockprof_bare_std_write, lockprof_again_std_write, lockprof_ours_std_write:
        {RwLock<u64>} = {RwLock::new(0)}, |it| *it.write().unwrap() += 1;
}

paths! { STD_OTHERS: std_sync, our_std_sync, "Operations on std's locks that only the gates look at.";
    "std-try-lock" => lockprof_bare_std_try_lock, lockprof_again_std_try_lock, lockprof_ours_std_try_lock:
        {Mutex<u64>} = {Mutex::new(0)}, |it| if let Ok(mut it) = it.try_lock() { *it += 1 };
    "std-notify" => lockprof_bare_std_notify, lockprof_again_std_notify, lockprof_ours_std_notify:
        {Condvar} = {Condvar::new()}, |it| it.notify_one();
}

paths! { SHIM_0_13 and PLACED_SHIM_0_13: parking_lot, shim_0_13, "What takes parking_lot 0.13's place: the locks of lock_api's own types.";
    "0.13-mutex" => lockprof_bare_13_mutex, lockprof_again_13_mutex, lockprof_ours_13_mutex:
        {Mutex<u64>} = {Mutex::new(0)}, |it| *it.lock() += 1;
    "0.13-read" => lockprof_bare_13_read, lockprof_again_13_read, lockprof_ours_13_read:
        {RwLock<u64>} = {RwLock::new(0)}, |it| black_box(*it.read());
    "0.13-write" => lockprof_bare_13_write, lockprof_again_13_write, lockprof_ours_13_write:
        {RwLock<u64>} = {RwLock::new(0)}, |it| *it.write() += 1;
}

paths! { SHIM_0_12 and PLACED_SHIM_0_12: parking_lot_0_12, shim_0_12, "What takes parking_lot 0.12's place: what takes lock_api's, over its raw locks.";
    "0.12-mutex" => lockprof_bare_12_mutex, lockprof_again_12_mutex, lockprof_ours_12_mutex:
        {Mutex<u64>} = {Mutex::new(0)}, |it| *it.lock() += 1;
    "0.12-read" => lockprof_bare_12_read, lockprof_again_12_read, lockprof_ours_12_read:
        {RwLock<u64>} = {RwLock::new(0)}, |it| black_box(*it.read());
    "0.12-write" => lockprof_bare_12_write, lockprof_again_12_write, lockprof_ours_12_write:
        {RwLock<u64>} = {RwLock::new(0)}, |it| *it.write() += 1;
}

paths! { TOKIO and PLACED_TOKIO: tokio_sync, our_tokio_sync, "Tokio's locks, acquired by one poll.";
    "tokio-mutex" => lockprof_bare_tokio_mutex, lockprof_again_tokio_mutex, lockprof_ours_tokio_mutex:
        {Mutex<u64>} = {Mutex::const_new(0)}, |it| if let Some(mut it) = polled(it.lock()) { *it += 1 };
    "tokio-read" => lockprof_bare_tokio_read, lockprof_again_tokio_read, lockprof_ours_tokio_read:
        {RwLock<u64>} = {RwLock::const_new(0)}, |it| if let Some(it) = polled(it.read()) { black_box(*it); };
    "tokio-semaphore" => lockprof_bare_tokio_semaphore, lockprof_again_tokio_semaphore, lockprof_ours_tokio_semaphore:
        {Semaphore} = {Semaphore::const_new(1)}, |it| drop(polled(it.acquire()));
}

/// The result of a future's first poll.
#[inline(always)]
fn polled<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The paths that are the bare lock with the feature `profile` off.
pub fn all() -> impl Iterator<Item = &'static Path> {
    [COMMON, OTHERS, STD, STD_OTHERS].into_iter().flatten()
}

/// The paths whose instructions are counted.
pub fn counted() -> impl Iterator<Item = &'static Path> {
    all().chain([SHIM_0_13, SHIM_0_12, TOKIO, POINTS].into_iter().flatten())
}

/// The sizes of our lock types, and parking_lot's of the same name: (name, bytes of ours, bytes of
/// theirs).
#[must_use]
pub fn sizes() -> Vec<(&'static str, usize, usize)> {
    macro_rules! sizes {
        ($($name:literal: {$($lock:tt)*};)*) => {
            vec![$((
                $name,
                size_of::<nexus_lockprof::$($lock)*>(),
                size_of::<parking_lot::$($lock)*>(),
            )),*]
        };
    }
    sizes! {
        "Mutex": {Mutex<u64>};
        "MutexGuard": {MutexGuard<'static, u64>};
        "FairMutex": {FairMutex<u64>};
        "ReentrantMutex": {ReentrantMutex<u64>};
        "ReentrantMutexGuard": {ReentrantMutexGuard<'static, u64>};
        "RwLock": {RwLock<u64>};
        "RwLockReadGuard": {RwLockReadGuard<'static, u64>};
        "RwLockWriteGuard": {RwLockWriteGuard<'static, u64>};
        "RwLockUpgradableReadGuard": {RwLockUpgradableReadGuard<'static, u64>};
        "RecursiveRwLock": {RecursiveRwLock<u64>};
        "Condvar": {Condvar};
    }
}

/// The same for std's lock types.
#[must_use]
pub fn std_sizes() -> Vec<(&'static str, usize, usize)> {
    macro_rules! sizes {
        ($($name:literal: {$($lock:tt)*};)*) => {
            vec![$((
                $name,
                size_of::<our_std_sync::$($lock)*>(),
                size_of::<std_sync::$($lock)*>(),
            )),*]
        };
    }
    sizes! {
        "std Mutex": {Mutex<u64>};
        "std MutexGuard": {MutexGuard<'static, u64>};
        "std RwLock": {RwLock<u64>};
        "std RwLockReadGuard": {RwLockReadGuard<'static, u64>};
        "std RwLockWriteGuard": {RwLockWriteGuard<'static, u64>};
        "std Condvar": {Condvar};
    }
}
