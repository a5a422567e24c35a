//! Readers of a [`RwLock`]: how their guards and futures find it.

use crate::future::Start;
use crate::guard::LockPtr;
use crate::lock::{Lock, Meter};
use crate::rwlock::RwLock;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

/// A place for readers. Like async-lock's, their guards are covariant in the data's type; a
/// reference to the lock would not be.
pub struct Reading<'a, T: ?Sized> {
    meter: &'a Meter,
    data: NonNull<T>,
    marker: PhantomData<&'a T>,
}

impl<'a, T: ?Sized> Reading<'a, T> {
    pub(crate) fn new(lock: &'a RwLock<T>) -> Self {
        Reading {
            meter: lock.meter(),
            // SAFETY: the pointer is not null.
            data: unsafe { NonNull::new_unchecked(lock.data()) },
            marker: PhantomData,
        }
    }
}

impl<T: ?Sized> LockPtr for Reading<'_, T> {
    type Data = T;

    fn meter(&self) -> &Meter {
        self.meter
    }

    fn data(&self) -> *mut T {
        self.data.as_ptr()
    }
}

/// [`Reading`], for readers that own the lock.
pub struct ReadingArc<T> {
    /// Points into an `Arc<RwLock<T>>`.
    lock: NonNull<()>,
    marker: PhantomData<T>,
}

impl<T> ReadingArc<T> {
    pub(crate) fn new(lock: Arc<RwLock<T>>) -> Self {
        ReadingArc {
            // SAFETY: the pointer is not null.
            lock: unsafe { NonNull::new_unchecked(Arc::into_raw(lock).cast_mut()) }.cast(),
            marker: PhantomData,
        }
    }

    fn lock(&self) -> &RwLock<T> {
        // SAFETY: this owns the lock. A lock has the same layout if its data has a longer lifetime,
        // and this only reads it.
        unsafe { self.lock.cast::<RwLock<T>>().as_ref() }
    }
}

impl<T> Drop for ReadingArc<T> {
    fn drop(&mut self) {
        // SAFETY: this owns the lock, and the pointer came from `into_raw`.
        drop(unsafe { Arc::from_raw(self.lock.cast::<RwLock<T>>().as_ptr()) });
    }
}

impl<T> LockPtr for ReadingArc<T> {
    type Data = T;

    fn meter(&self) -> &Meter {
        self.lock().meter()
    }

    fn data(&self) -> *mut T {
        self.lock().data()
    }
}

/// A lock as a reader's future sees it.
pub struct Reader<'a, T: ?Sized>(pub(crate) &'a RwLock<T>);

// SAFETY: like async-lock's own, it gives shared access to the data.
unsafe impl<T: ?Sized + Sync> Send for Reader<'_, T> {}

impl<'a, T: ?Sized> Start for Reader<'a, T> {
    type LockPtr = Reading<'a, T>;

    fn place(&self) -> Reading<'a, T> {
        Reading::new(self.0)
    }

    fn meter(&self) -> &Meter {
        self.0.meter()
    }
}

/// [`Reader`], for a guard that owns the lock.
pub struct ReaderArc<'a, T>(pub(crate) &'a Arc<RwLock<T>>);

impl<T> Start for ReaderArc<'_, T> {
    type LockPtr = ReadingArc<T>;

    fn place(&self) -> ReadingArc<T> {
        ReadingArc::new(Arc::clone(self.0))
    }

    fn meter(&self) -> &Meter {
        RwLock::meter(self.0)
    }
}
