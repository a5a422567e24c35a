//! The mutex.

use crate::future::Acquiring;
use crate::guard::{Guard, WRITE, acquire, auto_traits, is_worth_a_try};
use crate::lock::{Lock, Meter, lock};
use crate::own;
use nexus_lockprof_adaptor::ProfiledGuard;
use std::cell::UnsafeCell;
use std::convert::{Infallible, identity};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

lock! {
    /// An asynchronous mutual exclusion lock.
    Mutex: [Send], "data" try_lock
}

acquire! {
    [T: ?Sized] Mutex<T>, WRITE, Mutex, MutexFuture, [&'l Self: identity] => [&'l Self: identity]:
    lock try_lock lock_blocking
}
acquire! {
    arc [T: ?Sized] Mutex<T>, WRITE, Mutex, MutexFuture, [Arc<Self>: Arc::clone] => [Arc<Self>: identity]:
    lock lock_arc, try_lock try_lock_arc, lock_blocking lock_arc_blocking
}

auto_traits! {
    Mutex &Mutex<T>: [Send + ?Sized] [Sync + ?Sized];
    Mutex Arc<Mutex<T>>: [Send + ?Sized] [Sync + ?Sized];
}

impl<'a, T: ?Sized> Guard<&'a Mutex<T>, own::Mutex<'static>> {
    /// The guard's mutex.
    pub fn source(guard: &Self) -> &'a Mutex<T> {
        Self::place(guard)
    }
}

impl<T: ?Sized> Guard<Arc<Mutex<T>>, own::Mutex<'static>> {
    /// The guard's mutex.
    pub fn source(guard: &Self) -> &Arc<Mutex<T>>
    where
        T: Send,
    {
        Self::place(guard)
    }
}
