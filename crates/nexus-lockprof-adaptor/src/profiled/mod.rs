//! The adaptor: any lock_api raw lock, profiled.

mod acquire;
mod change;
mod guard;
mod mutex;
mod rwlock;
mod task;

pub use guard::ProfiledGuard;
pub use task::TaskWait;

use lock_api::{RawMutex, RawRwLock};
use nexus_lockprof_engine::adaptor::{
    ClassWord, Core, LockClass, LockRef, NameLen, PendingRef, PointKey, Probe, SiteKey, SlowAcquire,
};
use nexus_lockprof_engine::{EngineRef, Global};
use std::hint::assert_unchecked;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A raw lock `R` whose acquisitions are profiled: a raw lock itself, for `lock_api`'s types.
///
/// This is what the locks of `nexus-lockprof` are made of, and it is public for people with raw locks of their own:
///
/// ```
/// use nexus_lockprof_adaptor::{Profiled, lock_api};
///
/// type MyMutex<T> = lock_api::Mutex<Profiled<parking_lot::RawMutex>, T>;
///
/// static JOBS: MyMutex<Vec<u32>> = MyMutex::from_raw(Profiled::named("jobs"), Vec::new());
/// JOBS.lock().push(1);
///
/// let snapshot = nexus_lockprof_engine::Engine::global().snapshot();
/// let point = snapshot.point("jobs").ok_or("not recorded")?;
/// assert_eq!(point.acquisitions, 1);
/// assert_eq!(point.site.file, file!());
/// # Ok::<(), &'static str>(())
/// ```
///
/// It implements every trait of `lock_api` that `R` implements. The place of an acquisition is the
/// caller's of lock_api's method, since those are `#[track_caller]`; where lock_api calls the raw
/// lock from inside a closure (`MutexGuard::unlocked`, `bump` of other raw locks), it is a line of lock_api.
///
/// # What the lock publishes
/// A lock tells who waits for it which point holds it: a plain store after an acquisition at another point
/// than the last, not undone by the release. Under shared holders it is the latest of them, and a waiter can say no more than "readers".
/// A waiter reads it after its first pauses, when whoever has just won the lock has written it.
///
/// # Locks that are not `lock_api`'s
/// A lock of any other kind can keep a `Profiled<()>` beside itself: [`acquire`](Self::acquire), [`try_acquire`](Self::try_acquire) and
/// [`release`](Self::release) take the lock's own part as functions, and `()` is what those are given.
///
/// What ends an acquisition is `unsafe`, as in `lock_api`: a guard's measurement is a pointer into the engine that it was made in, so it
/// goes back to the lock that it came from.
///
/// ```compile_fail,E0133
/// use nexus_lockprof_adaptor::{Profiled, lock_api::RawMutex};
/// use std::panic::Location;
///
/// let [mine, another] = ["mine", "another"].map(Profiled::<parking_lot::RawMutex>::named);
/// another.release(mine.lock_at(Location::caller()), |_, _| ());
/// ```
///
/// # Engine
/// `H` says which engine it reports to: [`Global`] takes no room; an
/// [`Engine`](nexus_lockprof_engine::Engine) value (see [`named_in`](Self::named_in)) takes two words.
// `repr(C)`: a one-byte raw lock, the class in 4 and 8 bytes, and the holder make 24 bytes.
#[repr(C)]
pub struct Profiled<R, H = Global> {
    raw: R,
    name_len: NameLen,
    class: ClassWord,
    /// `SiteKey` of the latest acquisition; 0 before the first, and during a `bump`.
    holder: AtomicUsize,
    engine: H,
}

impl<R, H> std::fmt::Debug for Profiled<R, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profiled")
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}

/// A timed acquire gave up.
#[derive(Clone, Copy)]
struct TimedOut;

/// Constructors for raw mutexes and raw reader-writer locks alike take the unlocked raw lock.
impl<R> Profiled<R, Global> {
    /// `raw`, unlocked, in the class of all locks that nothing is known of.
    #[must_use]
    pub const fn from_raw(raw: R) -> Self {
        Self::with_class(raw, LockClass::anonymous(), Global)
    }

    /// `raw`, unlocked, in the class of all locks named `name`.
    #[must_use]
    pub const fn from_raw_named(raw: R, name: &'static str) -> Self {
        Self::with_class(raw, LockClass::named(name), Global)
    }

    /// `raw`, unlocked, in the class of all locks created at `site`.
    #[must_use]
    pub const fn from_raw_created_at(raw: R, site: &'static Location<'static>) -> Self {
        Self::with_class(raw, LockClass::created_at(site), Global)
    }
}

impl<R: RawMutex> Profiled<R, Global> {
    /// An unlocked mutex in the class of all locks named `name`.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self::from_raw_named(R::INIT, name)
    }

    /// An unlocked mutex in the class of all locks created at `site`.
    #[must_use]
    pub const fn created_at(site: &'static Location<'static>) -> Self {
        Self::from_raw_created_at(R::INIT, site)
    }
}

impl<R, H> Profiled<R, H> {
    /// `raw`, unlocked, named, and reporting to `engine`.
    ///
    /// ```
    /// use nexus_lockprof_adaptor::{Profiled, lock_api};
    /// use nexus_lockprof_engine::{Config, Engine, ManualClock, Mode};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let engine = Engine::with_clock(&clock);
    /// engine.configure(Config::default().mode(Mode::Exact))?;
    /// let raw = Profiled::named_in(engine.clone(), <parking_lot::RawMutex as lock_api::RawMutex>::INIT, "db");
    /// let db = lock_api::Mutex::from_raw(raw, ());
    ///
    /// let guard = db.lock();
    /// clock.advance(Duration::from_nanos(250));
    /// drop(guard);
    /// assert_eq!(engine.snapshot().points()[0].hold.total_ns, 250);
    /// # Ok::<(), nexus_lockprof_engine::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn named_in(engine: H, raw: R, name: &'static str) -> Self {
        Self::with_class(raw, LockClass::named(name), engine)
    }

    const fn with_class(raw: R, class: LockClass, engine: H) -> Self {
        let LockClass { len, word } = class;
        Profiled {
            raw,
            name_len: len,
            class: word,
            holder: AtomicUsize::new(0),
            engine,
        }
    }

    /// The raw lock inside. What is done with it directly is not recorded.
    #[inline]
    pub const fn raw(&self) -> &R {
        &self.raw
    }
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// Publishes the holder. The caller has just acquired the lock.
    #[inline(always)]
    fn publish(&self, key: SiteKey) {
        // Relaxed: a hint for waiters; see "What the lock publishes". A lock is mostly taken where it was
        // taken last: a store less between its two locked instructions is a cycle less for a mutex,
        // and readers do not write the line at all.
        if self.holder.load(Relaxed) != key.to_published() {
            self.holder.store(key.to_published(), Relaxed);
        }
    }

    /// Asks the calling thread's cache about an acquisition.
    #[inline(always)]
    fn probe(&self, site: SiteKey) -> Probe<'_> {
        self.engine.probe(PointKey::new(site, self.class.tag()))
    }

    /// Asks it again, after [`Probe::Cold`].
    #[inline]
    fn probe_second(&self, site: SiteKey) -> Probe<'_> {
        self.engine
            .probe_second(PointKey::new(site, self.class.tag()))
    }

    /// An acquisition on the cold path. No caller keeps it beyond its own call.
    #[inline(always)]
    fn slow_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both are of the class that this lock was made with, and the callers use the slow acquire up.
        unsafe { core.slow_acquire(key, &self.class, self.name_len) }
    }

    /// The same of an acquisition that does not wait, or of a lock that is held already.
    #[inline(always)]
    fn slow_try_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: as above.
        unsafe { core.slow_try_acquire(key, &self.class, self.name_len) }
    }

    /// The same of a change that may have waited, of a lock that is held by now.
    #[inline(always)]
    fn slow_acquire_after_wait<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: as in `slow_acquire`.
        unsafe { core.slow_acquire_after_wait(key, &self.class, self.name_len) }
    }

    /// The latest holder that published itself.
    #[inline]
    fn holder(&self) -> Option<SiteKey> {
        // SAFETY: only `publish` and `bump_with` write it: a published key, or 0.
        unsafe { SiteKey::from_published(self.holder.load(Relaxed)) }
    }

    /// This lock, as the engine knows it.
    #[inline(always)]
    fn lock_ref(&self) -> LockRef {
        LockRef::of(&self.class)
    }

    /// A release: `unlock` gives the raw lock its guard back.
    ///
    /// # Safety
    /// `guard` is the state of an acquisition that is not over, of this lock or of another one on the same engine.
    #[inline(always)]
    pub unsafe fn release<G>(&self, guard: ProfiledGuard<G>, unlock: impl FnOnce(&R, G)) {
        let (inner, pending_ref) = guard.into_parts();
        if pending_ref.is_none() {
            unlock(&self.raw, inner);
        } else {
            // SAFETY: not none, and the caller's.
            unsafe { self.release_measured::<false, _>(inner, pending_ref, unlock) };
        }
    }

    /// The same, by an `unlock` that hands the lock to a waiter, if there is one.
    ///
    /// # Safety
    /// As for [`release`](Self::release).
    #[inline(always)]
    pub unsafe fn release_fair<G>(&self, guard: ProfiledGuard<G>, unlock: impl FnOnce(&R, G)) {
        let (inner, pending_ref) = guard.into_parts();
        if pending_ref.is_none() {
            unlock(&self.raw, inner);
        } else {
            // SAFETY: not none, and the caller's.
            unsafe { self.release_measured::<true, _>(inner, pending_ref, unlock) };
        }
    }

    /// # Safety
    /// The pending reference is not none, and as [`release`](Self::release) needs it.
    #[inline(never)]
    unsafe fn release_measured<const FAIR: bool, G>(
        &self,
        inner: G,
        pending_ref: PendingRef,
        unlock: impl FnOnce(&R, G),
    ) {
        // SAFETY: the caller's. It spares the measured release, which is all of them in `Exact`, a branch.
        unsafe { assert_unchecked(!pending_ref.is_none()) };
        // Once it is released, another thread may free the lock: nothing of `self` is touched after that.
        let engine = self.engine.clone();
        let lock = if FAIR {
            self.lock_ref().released_fairly()
        } else {
            self.lock_ref()
        };
        // Settles also when `unlock` unwinds, which releases the lock all the same.
        // SAFETY: the caller's.
        let settle = unsafe { Settle::new(engine, pending_ref, lock) };
        unlock(&self.raw, inner);
        settle.now();
    }
}

/// Records a pending reference when dropped, which is not none and of a lock on this engine.
struct Settle<H: EngineRef> {
    engine: H,
    pending_ref: PendingRef,
}

impl<H: EngineRef> Settle<H> {
    /// # Safety
    /// As for [`settle`].
    unsafe fn new(engine: H, pending_ref: PendingRef, lock: LockRef) -> Self {
        if let Some(core) = engine.core() {
            // SAFETY: the caller's; its handle keeps it alive.
            unsafe { core.hold_ends(&pending_ref, lock) };
        }
        Settle {
            engine,
            pending_ref,
        }
    }
}

impl<H: EngineRef> Settle<H> {
    /// As dropping it does, which is for unwinding: so that the pending reference stays in a register.
    #[inline(always)]
    fn now(self) {
        let mut this = ManuallyDrop::new(self);
        let pending_ref = std::mem::take(&mut this.pending_ref);
        // SAFETY: taken once, and not dropped.
        let engine = unsafe { std::ptr::read(&this.engine) };
        // SAFETY: of a measured release.
        unsafe { settle(engine, pending_ref) };
    }
}

impl<H: EngineRef> Drop for Settle<H> {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { settle(self.engine.clone(), std::mem::take(&mut self.pending_ref)) };
    }
}

/// # Safety
/// The pending reference is not none, and of a lock on this engine.
#[inline(never)]
unsafe fn settle<H: EngineRef>(engine: H, pending_ref: PendingRef) {
    let Some(core) = engine.core() else { return };
    // SAFETY: the caller's; its handle keeps it alive.
    unsafe {
        assert_unchecked(!pending_ref.is_none());
        if let Err(pending_ref) = core.settle_hold(engine.own_shard(), pending_ref) {
            core.settle(pending_ref);
        }
    }
}

/// Reader-writer locks are made like mutexes, under other names: a type may be both.
impl<R: RawRwLock> Profiled<R, Global> {
    /// An unlocked reader-writer lock in the class of all locks named `name`.
    #[must_use]
    pub const fn rwlock_named(name: &'static str) -> Self {
        Self::from_raw_named(R::INIT, name)
    }

    /// An unlocked reader-writer lock in the class of all locks created at `site`.
    #[must_use]
    pub const fn rwlock_created_at(site: &'static Location<'static>) -> Self {
        Self::from_raw_created_at(R::INIT, site)
    }
}
