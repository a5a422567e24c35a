//! The reentrant mutex. A thread acquires it with its first lock, and releases it when it has
//! unlocked as often as it locked.

use crate::guard::Guard;
use crate::lock::{Lock, acquire, debug, lock};
use crate::raw::{OfMutex, Raw, RawFair, RawTimed, Site, State, unknown};
use nexus_lockprof_adaptor::{PendingRefCell, Profiled};
use real::{GetThreadId, GuardNoSend, RawMutex, RawMutexFair, RawMutexTimed};
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::panic::Location;
#[cfg(feature = "arc_lock")]
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The mode of a held reentrant mutex.
#[derive(Debug)]
pub struct Again;

/// A raw lock that its owner may lock again.
#[derive(Debug)]
pub struct Reentrant<R, G> {
    lock: Profiled<R>,
    /// Relaxed: a thread that finds its own number wrote it itself while it held the lock.
    owner: AtomicUsize,
    /// Only the owner uses it.
    count: Cell<usize>,
    /// The measurement of the acquisition. It is here because any of the guards may be the last
    /// one.
    pending_ref: PendingRefCell,
    thread_id: G,
}

// SAFETY: it owns all its fields.
unsafe impl<R: RawMutex + Send, G: GetThreadId + Send> Send for Reentrant<R, G> {}
// SAFETY: only the thread that holds the lock uses the count.
unsafe impl<R: RawMutex + Sync, G: GetThreadId + Sync> Sync for Reentrant<R, G> {}

impl<R: RawMutex, G: GetThreadId> Reentrant<R, G> {
    #[inline(always)]
    fn acquire(&self, lock: impl FnOnce() -> Option<State>) -> Option<State> {
        let id = self.thread_id.nonzero_thread_id().get();
        if self.owner.load(Relaxed) == id {
            let Some(count) = self.count.get().checked_add(1) else {
                panic!("ReentrantMutex lock count overflow");
            };
            self.count.set(count);
        } else {
            self.pending_ref.put(lock()?.into_parts().1);
            self.owner.store(id, Relaxed);
            self.count.set(1);
        }
        Some(unknown())
    }

    /// Leaves once, and returns the state of the acquisition if it is over.
    #[inline(always)]
    fn leave(&self) -> Option<State> {
        let count = self.count.get() - 1;
        self.count.set(count);
        (count == 0).then(|| {
            self.owner.store(0, Relaxed);
            State::new((), self.pending_ref.take())
        })
    }
}

impl<R: RawMutex, G: GetThreadId> Raw<Again> for Reentrant<R, G> {
    type Marker = GuardNoSend;

    #[inline]
    fn lock(&self, site: Site) -> State {
        let locked = self.acquire(|| Some(Raw::<OfMutex>::lock(&self.lock, site)));
        locked.unwrap_or_else(unknown)
    }

    #[inline]
    fn try_lock(&self, site: Site) -> Option<State> {
        self.acquire(|| Raw::<OfMutex>::try_lock(&self.lock, site))
    }

    #[inline]
    unsafe fn unlock(&self, _: State) {
        if let Some(state) = self.leave() {
            // SAFETY: the caller upholds the contract, and this was its last guard.
            unsafe { Raw::<OfMutex>::unlock(&self.lock, state) };
        }
    }
}

impl<R: RawMutexFair, G: GetThreadId> RawFair<Again> for Reentrant<R, G> {
    #[inline]
    unsafe fn unlock_fair(&self, _: State) {
        if let Some(state) = self.leave() {
            // SAFETY: the caller upholds the contract, and this was its last guard.
            unsafe { RawFair::<OfMutex>::unlock_fair(&self.lock, state) };
        }
    }

    #[inline]
    unsafe fn bump(&self, site: Site, _: &mut State) {
        if self.count.get() != 1 {
            return;
        }
        let id = self.owner.load(Relaxed);
        if let Some(mut state) = self.leave() {
            // SAFETY: the caller upholds the contract; the lock is held again afterwards.
            unsafe { RawFair::<OfMutex>::bump(&self.lock, site, &mut state) };
            self.pending_ref.put(state.into_parts().1);
            self.owner.store(id, Relaxed);
            self.count.set(1);
        }
    }
}

impl<R: RawMutexTimed, G: GetThreadId> RawTimed<Again> for Reentrant<R, G> {
    type Duration = R::Duration;
    type Instant = R::Instant;

    #[inline]
    fn try_lock_for(&self, timeout: R::Duration, site: Site) -> Option<State> {
        self.acquire(|| RawTimed::<OfMutex>::try_lock_for(&self.lock, timeout, site))
    }

    #[inline]
    fn try_lock_until(&self, timeout: R::Instant, site: Site) -> Option<State> {
        self.acquire(|| RawTimed::<OfMutex>::try_lock_until(&self.lock, timeout, site))
    }
}

/// A mutual exclusion lock that its owner may lock again, over a raw lock `R`.
pub struct ReentrantMutex<R, G, T: ?Sized> {
    core: Reentrant<R, G>,
    data: UnsafeCell<T>,
}

lock! { ReentrantMutex [R: RawMutex, G: GetThreadId], Reentrant<R, G>, [Send] }

impl<R: RawMutex, G: GetThreadId, T> ReentrantMutex<R, G, T> {
    /// Creates an unlocked mutex, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn new(val: T) -> ReentrantMutex<R, G, T> {
        Self::from_raw(R::INIT, G::INIT, val)
    }
}

impl<R, G, T> ReentrantMutex<R, G, T> {
    /// Creates a mutex from this raw lock, identified by the place of this call.
    #[inline]
    #[track_caller]
    pub const fn from_raw(raw_mutex: R, get_thread_id: G, val: T) -> ReentrantMutex<R, G, T> {
        ReentrantMutex {
            core: Reentrant {
                lock: Profiled::from_raw_created_at(raw_mutex, Location::caller()),
                owner: AtomicUsize::new(0),
                count: Cell::new(0),
                pending_ref: PendingRefCell::new(),
                thread_id: get_thread_id,
            },
            data: UnsafeCell::new(val),
        }
    }

    /// The older name of [`from_raw`](Self::from_raw).
    #[inline]
    #[track_caller]
    pub const fn const_new(raw_mutex: R, get_thread_id: G, val: T) -> ReentrantMutex<R, G, T> {
        Self::from_raw(raw_mutex, get_thread_id, val)
    }
}

acquire! { [R: RawMutex, G: GetThreadId, T: ?Sized] ReentrantMutex<R, G, T>, Again, Raw<Again>: lock try_lock lock_arc try_lock_arc }
acquire! { timed [R: RawMutexTimed, G: GetThreadId, T: ?Sized] ReentrantMutex<R, G, T>, Again, RawTimed<Again>: try_lock_for try_lock_until try_lock_arc_for try_lock_arc_until }

impl<R: RawMutex, G: GetThreadId, T: ?Sized> ReentrantMutex<R, G, T> {
    /// Makes a guard of a locked mutex.
    ///
    /// # Safety
    /// This thread must hold the mutex, without a guard for this lock.
    #[inline]
    pub unsafe fn make_guard_unchecked(&self) -> Guard<&Self, Again> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { Guard::new(self, unknown()) }
    }

    /// Makes a guard of a locked mutex, which owns the mutex.
    ///
    /// # Safety
    /// This thread must hold the mutex, without a guard for this lock.
    #[cfg(feature = "arc_lock")]
    #[inline]
    pub unsafe fn make_arc_guard_unchecked(self: &Arc<Self>) -> Guard<Arc<Self>, Again> {
        // SAFETY: the caller upholds this function's contract.
        unsafe { Guard::new(Arc::clone(self), unknown()) }
    }

    /// Returns whether the mutex is locked.
    #[inline]
    #[track_caller]
    pub fn is_locked(&self) -> bool {
        self.core.lock.raw().is_locked()
    }

    /// Returns whether this thread has locked the mutex.
    #[inline]
    #[track_caller]
    pub fn is_owned_by_current_thread(&self) -> bool {
        self.core.owner.load(Relaxed) == self.core.thread_id.nonzero_thread_id().get()
    }

    /// Unlocks the mutex, once.
    ///
    /// # Safety
    /// This thread must hold the mutex by a forgotten guard.
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.core.unlock(unknown()) };
    }

    /// The raw lock. Its use is not seen.
    ///
    /// # Safety
    /// The mutex must not be unlocked while there is a guard.
    #[inline]
    pub unsafe fn raw(&self) -> &R {
        self.core.lock.raw()
    }
}

impl<R: RawMutexFair, G: GetThreadId, T: ?Sized> ReentrantMutex<R, G, T> {
    /// Unlocks the mutex fairly, once.
    ///
    /// # Safety
    /// As for [`force_unlock`](Self::force_unlock).
    #[inline]
    #[track_caller]
    pub unsafe fn force_unlock_fair(&self) {
        // SAFETY: the caller upholds this function's contract.
        unsafe { self.core.unlock_fair(unknown()) };
    }
}

impl<'a, R: RawMutex, G: GetThreadId, T: ?Sized> Guard<&'a ReentrantMutex<R, G, T>, Again> {
    /// The guard's mutex.
    pub fn remutex(s: &Self) -> &'a ReentrantMutex<R, G, T> {
        Self::place(s)
    }
}

#[cfg(feature = "arc_lock")]
impl<R: RawMutex, G: GetThreadId, T: ?Sized> Guard<Arc<ReentrantMutex<R, G, T>>, Again> {
    /// The guard's mutex.
    pub fn remutex(s: &Self) -> &Arc<ReentrantMutex<R, G, T>> {
        Self::place(s)
    }
}

impl<R: RawMutex, G: GetThreadId, T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<R, G, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locked = self.core.acquire(|| {
            let is_ours = self.core.lock.raw().try_lock();
            is_ours.then(unknown)
        });
        // SAFETY: just acquired.
        let guard = locked.map(|state| unsafe { Guard::new(self, state) });
        debug(f, "ReentrantMutex", guard.as_deref())
    }
}

#[cfg(feature = "serde")]
impl<R: RawMutex, G: GetThreadId, T: ?Sized + serde::Serialize> serde::Serialize
    for ReentrantMutex<R, G, T>
{
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock().serialize(serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, R: RawMutex, G: GetThreadId, T: serde::Deserialize<'de>> serde::Deserialize<'de>
    for ReentrantMutex<R, G, T>
{
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|data| Self::new(data))
    }
}
