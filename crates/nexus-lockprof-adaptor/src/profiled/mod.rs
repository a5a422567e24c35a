//! The adaptor: profiles any lock_api raw lock.

mod acquire;
mod change;
mod guard;
mod mutex;
mod rwlock;
mod task;

pub use guard::ProfiledGuard;
pub use task::{BeforeWaking, TaskWait};

use lock_api::{RawMutex, RawRwLock};
use nexus_lockprof_engine::adaptor::{
    ClassWord, Core, EarlyReading, HolderWord, LockClass, LockRef, NameLen, PendingRef, PointKey,
    Probe, SiteKey, SlowAcquire, ThreadBits, thread_bits,
};
use nexus_lockprof_engine::{EngineRef, Global};
use std::hint::assert_unchecked;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A raw lock `R` whose acquisitions are profiled. It is itself a raw lock for `lock_api`'s types.
///
/// The locks of `nexus-lockprof` are built on it. It is public for users with raw locks of their
/// own:
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
/// It implements every trait of `lock_api` that `R` implements. An acquisition is recorded at the
/// caller of lock_api's method, since those methods are `#[track_caller]`. Where lock_api calls the
/// raw lock from inside a closure (`MutexGuard::unlocked`, `bump` of other raw locks), it is
/// recorded at a line of lock_api.
///
/// # What the lock publishes
/// A lock tells its waiters which point holds it. An acquisition stores the point, if it differs
/// from the last one; the release does not clear it. If several readers share the lock, it is the
/// latest of them, and a waiter can only blame "readers". A waiter reads it after its first pauses,
/// when the winner of the lock has written it.
///
/// # Locks other than `lock_api`'s
/// Any other lock can keep a `Profiled<()>` beside itself. [`acquire`](Self::acquire),
/// [`try_acquire`](Self::try_acquire) and [`release`](Self::release) take the lock's own part as
/// functions, and pass `()` to them.
///
/// Functions that end an acquisition are `unsafe`, as in `lock_api`. A guard's measurement points
/// into the engine it was made in, so it must go back to a lock of that engine.
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
/// `H` says which engine the lock reports to. [`Global`] takes no space; an
/// [`Engine`](nexus_lockprof_engine::Engine) value (see [`named_in`](Self::named_in)) takes two
/// words.
// `repr(C)`: a one-byte raw lock, the class in 4 and 8 bytes, and the holder add up to 24 bytes.
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

/// Constructors for raw mutexes and raw reader-writer locks. They take the unlocked raw lock.
impl<R> Profiled<R, Global> {
    /// `raw`, unlocked, in the anonymous class.
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

/// Constructors for locks of tasks, whose guards may go to other threads. The lock itself is
/// elsewhere. A deadlock through such a lock is only a possible one, because another thread may
/// have the guard by now.
impl<H> Profiled<(), H> {
    /// The lock of tasks is named `name`, and reports to `engine`.
    ///
    /// ```
    /// use nexus_lockprof_adaptor::Profiled;
    /// use nexus_lockprof_engine::Global;
    ///
    /// static QUEUE: Profiled<()> = Profiled::of_tasks_named(Global, "queue");
    /// ```
    #[must_use]
    pub const fn of_tasks_named(engine: H, name: &'static str) -> Self {
        Self::with_class((), LockClass::named(name).with_moving_guards(), engine)
    }

    /// The lock of tasks was created at `site`, and reports to `engine`.
    ///
    /// ```
    /// use nexus_lockprof_adaptor::Profiled;
    /// use nexus_lockprof_engine::Global;
    /// use std::panic::Location;
    ///
    /// let queue: Profiled<()> = Profiled::of_tasks_created_at(Global, Location::caller());
    /// ```
    #[must_use]
    pub const fn of_tasks_created_at(engine: H, site: &'static Location<'static>) -> Self {
        Self::with_class((), LockClass::created_at(site).with_moving_guards(), engine)
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
        let class = match cfg!(feature = "send_guard") {
            true => class.with_moving_guards(),
            false => class,
        };
        let LockClass { len, word } = class;
        Profiled {
            raw,
            name_len: len,
            class: word,
            holder: AtomicUsize::new(0),
            engine,
        }
    }

    /// The raw lock inside. Direct use of it is not recorded.
    #[inline]
    pub const fn raw(&self) -> &R {
        &self.raw
    }
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// Publishes the holder. The caller has just acquired the lock.
    #[inline(always)]
    fn publish(&self, key: SiteKey) {
        self.publish_word(key.to_published(thread_bits()));
    }

    /// The same for a task, which no thread has for good.
    #[inline(always)]
    fn publish_task(&self, key: SiteKey) {
        self.publish_word(key.to_published(ThreadBits::UNKNOWN));
    }

    /// The same with the word that a hit of the key has ready.
    #[inline(always)]
    fn publish_word(&self, word: usize) {
        // Relaxed: a hint for waiters; see "What the lock publishes". Most acquisitions repeat the
        // last thread and point. Skipping the store saves a mutex a cycle between its two locked
        // instructions, and keeps a lone reader from writing the line at all.
        if self.holder.load(Relaxed) != word {
            self.holder.store(word, Relaxed);
        }
    }

    /// Probes the calling thread's cache for an acquisition.
    #[inline(always)]
    fn probe(&self, site: SiteKey) -> Probe<'_> {
        self.engine.probe(PointKey::new(site, self.class.tag()))
    }

    /// An acquisition on the cold path. No caller keeps it beyond its own call.
    #[inline(always)]
    fn slow_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both belong to the class that this lock was created with, and the callers use up
        // the slow acquire.
        unsafe { core.slow_acquire(key, &self.class, self.name_len) }
    }

    /// The same for a task, whose guard may go to another thread.
    #[inline(always)]
    fn task_slow_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both belong to the class that this lock was created with, and the callers use up
        // the slow acquire.
        unsafe { core.slow_acquire_of_task(key, &self.class, self.name_len) }
    }

    /// A slow acquire for an acquisition that does not wait, or of a lock that is already held.
    #[inline(always)]
    fn slow_try_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both are of the class that this lock was made with, and the callers use the
        // acquire up.
        unsafe { core.slow_try_acquire(key, &self.class, self.name_len) }
    }

    /// The same for a task, whose guard may go to another thread.
    #[inline(always)]
    fn task_slow_try_acquire<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both are of the class that this lock was made with, and the callers use the
        // acquire up.
        unsafe { core.slow_try_acquire_of_task(key, &self.class, self.name_len) }
    }

    /// A slow acquire for a change that may have waited, of a lock that is held by now.
    #[inline(always)]
    fn slow_acquire_after_wait<'a>(&self, core: &'a Core, key: SiteKey) -> SlowAcquire<'a> {
        // SAFETY: both are of the class that this lock was made with, and the callers use the
        // acquire up.
        unsafe { core.slow_acquire_after_wait(key, &self.class, self.name_len) }
    }

    /// The holder that last published itself.
    #[inline]
    fn holder(&self) -> Option<SiteKey> {
        self.holder_word().site()
    }

    /// The same with its thread.
    #[inline]
    fn holder_word(&self) -> HolderWord {
        // SAFETY: only `publish` and `bump_with` write it: a published key, or 0.
        unsafe { HolderWord::new(self.holder.load(Relaxed)) }
    }

    /// This lock, as the engine knows it.
    #[inline(always)]
    fn lock_ref(&self) -> LockRef {
        LockRef::of(&self.class)
    }

    /// Says that the guard may go to another thread before it is released, as guards of async locks
    /// do. Then this thread's other locks are not nested in it.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn may_leave_thread<G>(&self, guard: &ProfiledGuard<G>) {
        let pending_ref = guard.pending_ref();
        if !pending_ref.is_none()
            && let Some(core) = self.engine.core()
        {
            // SAFETY: the caller upholds the contract; this lock keeps its engine alive.
            unsafe { core.may_leave_thread(pending_ref) };
        }
    }

    /// Releases the lock: `unlock` returns the guard to the raw lock.
    ///
    /// # Safety
    /// `guard` must be the state of a live acquisition, of this lock or of another one on the same
    /// engine.
    #[inline(always)]
    pub unsafe fn release<G>(&self, guard: ProfiledGuard<G>, unlock: impl FnOnce(&R, G)) {
        let (inner, pending_ref) = guard.into_parts();
        if pending_ref.is_none() {
            unlock(&self.raw, inner);
        } else {
            let end = EarlyReading::now();
            // SAFETY: the pending reference is not none, and the caller upholds this function's
            // contract.
            unsafe { self.release_measured::<false, _>(inner, pending_ref, end, unlock) };
        }
    }

    /// [`release`](Self::release) with an `unlock` that hands the lock to a waiter, if there is
    /// one.
    ///
    /// # Safety
    /// As for [`release`](Self::release).
    #[inline(always)]
    pub unsafe fn release_fair<G>(&self, guard: ProfiledGuard<G>, unlock: impl FnOnce(&R, G)) {
        let (inner, pending_ref) = guard.into_parts();
        if pending_ref.is_none() {
            unlock(&self.raw, inner);
        } else {
            let end = EarlyReading::now();
            // SAFETY: the pending reference is not none, and the caller upholds this function's
            // contract.
            unsafe { self.release_measured::<true, _>(inner, pending_ref, end, unlock) };
        }
    }

    /// # Safety
    /// The pending reference must not be none. Otherwise as for [`release`](Self::release).
    #[inline(never)]
    unsafe fn release_measured<const FAIR: bool, G>(
        &self,
        inner: G,
        pending_ref: PendingRef,
        end: EarlyReading,
        unlock: impl FnOnce(&R, G),
    ) {
        // SAFETY: the caller guarantees it. The hint saves a branch in each measured release; in
        // `Exact` that is every release.
        unsafe { assert_unchecked(!pending_ref.is_none()) };
        let lock = if FAIR {
            self.lock_ref().released_fairly()
        } else {
            self.lock_ref()
        };
        // SAFETY: the caller upholds this function's contract; this lock keeps its engine alive.
        let is_noted = self
            .engine
            .core()
            .is_some_and(|core| unsafe { core.hold_ended_quietly(&pending_ref, lock, end) });
        if !is_noted {
            // SAFETY: the caller guarantees it.
            return unsafe { self.release_noisily(inner, pending_ref, lock, end, unlock) };
        }
        // After the release another thread may free the lock, so do not touch `self` then.
        // Settles even if `unlock` unwinds, because that releases the lock too.
        let settle = Settle {
            engine: self.engine.clone(),
            pending_ref,
        };
        unlock(&self.raw, inner);
        settle.now();
    }

    /// The same where the clock is not the counter, or somebody waits for the lock.
    ///
    /// # Safety
    /// As for [`release_measured`](Self::release_measured).
    #[inline(never)]
    unsafe fn release_noisily<G>(
        &self,
        inner: G,
        pending_ref: PendingRef,
        lock: LockRef,
        end: EarlyReading,
        unlock: impl FnOnce(&R, G),
    ) {
        // After the release another thread may free the lock, so do not touch `self` then.
        let engine = self.engine.clone();
        // Settles even if `unlock` unwinds, because that releases the lock too.
        // SAFETY: the caller upholds this function's contract.
        let settle = unsafe { Settle::new(engine, pending_ref, lock, end) };
        unlock(&self.raw, inner);
        settle.now();
    }
}

/// Records a pending reference when dropped. The pending reference is not none, and belongs to a
/// lock on this engine.
struct Settle<H: EngineRef> {
    engine: H,
    pending_ref: PendingRef,
}

impl<H: EngineRef> Settle<H> {
    /// # Safety
    /// As for [`settle`].
    unsafe fn new(engine: H, pending_ref: PendingRef, lock: LockRef, end: EarlyReading) -> Self {
        if let Some(core) = engine.core() {
            // SAFETY: the caller upholds the contract; `engine` keeps the engine alive.
            unsafe { core.hold_ended(&pending_ref, lock, end) };
        }
        Settle {
            engine,
            pending_ref,
        }
    }
}

impl<H: EngineRef> Settle<H> {
    /// Does what dropping does, but keeps the pending reference in a register. The drop is for
    /// unwinding.
    #[inline(always)]
    fn now(self) {
        let mut this = ManuallyDrop::new(self);
        let pending_ref = std::mem::take(&mut this.pending_ref);
        // SAFETY: taken once, and `this` is not dropped.
        let engine = unsafe { std::ptr::read(&this.engine) };
        // SAFETY: `new`'s caller guarantees a measured release.
        unsafe { settle(engine, pending_ref) };
    }
}

impl<H: EngineRef> Drop for Settle<H> {
    // Only while unwinding. Inlined, so that the pending reference need not be in memory.
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: `new`'s caller guarantees a measured release.
        unsafe { settle_cold(self.engine.clone(), std::mem::take(&mut self.pending_ref)) };
    }
}

/// # Safety
/// As for [`settle`].
#[cold]
#[inline(never)]
unsafe fn settle_cold<H: EngineRef>(engine: H, pending_ref: PendingRef) {
    // SAFETY: the caller guarantees it.
    unsafe { settle(engine, pending_ref) };
}

/// # Safety
/// The pending reference must not be none, and must belong to a lock on this engine.
#[inline(always)]
unsafe fn settle<H: EngineRef>(engine: H, pending_ref: PendingRef) {
    let Some(core) = engine.core() else { return };
    // SAFETY: the caller upholds the contract; `engine` keeps the engine alive.
    unsafe {
        assert_unchecked(!pending_ref.is_none());
        core.settle_hold(engine.own_shard(), pending_ref);
    }
}

/// Reader-writer locks have the same constructors as mutexes, under other names, because one type
/// may be both.
impl<R: RawRwLock> Profiled<R, Global> {
    /// An unlocked reader-writer lock in the class of all locks named `name`.
    #[must_use]
    pub const fn rwlock_named(name: &'static str) -> Self {
        Self::from_raw_named(R::INIT, name)
    }

    /// An unlocked reader-writer lock of this class.
    pub(crate) const fn rwlock_of(class: LockClass) -> Self {
        Self::with_class(R::INIT, class, Global)
    }

    /// An unlocked reader-writer lock in the class of all locks created at `site`.
    #[must_use]
    pub const fn rwlock_created_at(site: &'static Location<'static>) -> Self {
        Self::from_raw_created_at(R::INIT, site)
    }
}
