//! Acquisitions by tasks. A task waits by being polled, not always by the same thread.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{
    Core, HeldBy, HoldMode, HolderWord, PendingRef, Probe, QueuedTask, SiteKey, SlowAcquire,
    TimedAcquire,
};
use std::future::Future;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// The way in which a lock wakes a task that waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeforeWaking {
    /// It gives the lock to the task, which owns it before it is polled.
    HandsOver,
    /// Nothing: the task tries again.
    Releases,
}

/// An acquisition by a task, kept beside the lock's own future. [`poll`](Self::poll) polls that
/// future.
///
/// The wait lasts from the first poll that finds the lock taken to the poll that owns it. If it is
/// dropped in between, or refused the lock in the end, it counts as cancelled, with its wait. Drop
/// it before the lock's future, because it refers to that future's place in the queue.
///
/// A future may be pending for another reason: tokio's are when their task has used up its share of
/// the processor. That is no wait for the lock. So this asks whether the lock is taken.
///
/// While it waits, snapshots show it ([`Snapshot::waiters`]). If the lock hands itself over, they
/// also show that it was given the lock and has not been polled since. To see that, a future that
/// is pending is polled once more, with a waker of the profiler's.
///
/// [`Snapshot::waiters`]: https://docs.rs/nexus-lockprof-snapshot
#[must_use = "it measures what it polls"]
pub struct TaskWait<'a, R, H: EngineRef> {
    lock: &'a Profiled<R, H>,
    key: SiteKey,
    state: State,
}

enum State {
    /// Not polled yet, or not for the lock.
    New,
    /// The first poll was just pending.
    Pending,
    /// Found the lock taken.
    Contended {
        /// Clock ticks, plus one; `None` if the wait is not timed.
        start: Option<NonZeroU64>,
        /// What the lock published.
        holder: HolderWord,
        /// What snapshots see.
        queued: Option<QueuedTask>,
    },
    /// Acquired or given up.
    Over,
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// An acquisition by a task, which begins with its first poll.
    #[inline(always)]
    pub fn task_wait(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
    ) -> TaskWait<'_, R, H> {
        TaskWait {
            lock: self,
            key: SiteKey::new(site, mode),
            state: State::New,
        }
    }

    /// Acquires a lock with its own future `future`, a lock that hands itself over. `is_taken`
    /// tells why that future is pending.
    ///
    /// # Errors
    /// The future's error.
    pub async fn acquire_task<G, E>(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
        future: impl Future<Output = Result<G, E>>,
        is_taken: impl Fn() -> bool,
    ) -> Result<ProfiledGuard<G>, E> {
        let mut future = pin!(future);
        let mut wait = self.task_wait(site, mode);
        let finish = |result: Result<G, E>, pending_ref| {
            result.map(|inner| ProfiledGuard::new(inner, pending_ref))
        };
        std::future::poll_fn(|context| {
            let (future, waking) = (future.as_mut(), BeforeWaking::HandsOver);
            wait.poll(future, context, waking, Result::is_ok, &is_taken, finish)
        })
        .await
    }
}

impl<R, H: EngineRef> TaskWait<'_, R, H> {
    /// Polls `future`, the lock's own. `is_owned` says whether a ready result holds the lock, which
    /// may have been closed instead. If the future is pending, `is_taken` says whether the lock is
    /// the reason. `waking` is what the lock does before it wakes. The guard carries the returned
    /// pending reference.
    // One call is left for all but the common case, which returns early. Otherwise the compiler
    // takes several instructions more to bring the results together.
    #[inline(always)]
    pub fn poll<F: Future, O>(
        &mut self,
        mut future: Pin<&mut F>,
        context: &mut Context<'_>,
        waking: BeforeWaking,
        is_owned: impl Fn(&F::Output) -> bool,
        is_taken: impl Fn() -> bool,
        finish: impl Fn(F::Output, PendingRef) -> O,
    ) -> Poll<O> {
        if let Some(result) = self.poll_and_count(future.as_mut(), context, &is_owned) {
            return Poll::Ready(finish(result, PendingRef::NONE));
        }
        let polled = Polled {
            future,
            context,
            waking,
            is_owned,
            is_taken,
        };
        match self.poll_more(polled) {
            Poll::Ready((result, pending_ref)) => Poll::Ready(finish(result, pending_ref)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The common case of [`poll`](Self::poll): `None` if it is another.
    #[inline(always)]
    fn poll_and_count<F: Future>(
        &mut self,
        future: Pin<&mut F>,
        context: &mut Context<'_>,
        is_owned: impl Fn(&F::Output) -> bool,
    ) -> Option<F::Output> {
        let State::New = self.state else {
            return None;
        };
        let hit = match self.lock.probe(self.key) {
            Probe::Off => None,
            Probe::Count(hit) => Some(hit),
            Probe::Time(_) | Probe::Cold => return None,
        };
        let Poll::Ready(result) = future.poll(context) else {
            self.state = State::Pending;
            return None;
        };
        self.state = State::Over;
        if let Some(hit) = hit
            && is_owned(&result)
        {
            // SAFETY: this thread got the hit, and has been inside the poll since. If the poll used
            // this very point, or changed the mode, this acquisition still counts exactly once.
            unsafe { hit.commit() };
            self.lock.publish_task(self.key);
        }
        Some(result)
    }

    /// All but the common case of [`poll`](Self::poll).
    #[cold]
    #[inline(never)]
    fn poll_more<F: Future>(
        &mut self,
        polled: Polled<'_, '_, F, impl Fn(&F::Output) -> bool, impl Fn() -> bool>,
    ) -> Poll<(F::Output, PendingRef)> {
        match self.state {
            State::New => self.poll_first(polled),
            State::Pending => {
                self.state = State::New;
                self.pending(polled)
            }
            State::Contended { .. } | State::Over => self.poll_cold(polled),
        }
    }

    /// A first poll that does more than count. Usually it is timed, and the lock is free.
    #[inline(always)]
    fn poll_first<F: Future>(
        &mut self,
        mut polled: Polled<'_, '_, F, impl Fn(&F::Output) -> bool, impl Fn() -> bool>,
    ) -> Poll<(F::Output, PendingRef)> {
        // Probes again, so that the common case of `poll` need not pass on its result.
        let Probe::Time(hit) = self.lock.probe(self.key) else {
            return self.poll_cold(polled);
        };
        let engine = &self.lock.engine;
        // SAFETY: this thread got the hit just now, from this engine. If the poll uses other
        // profiled locks, they take nodes of their own. If it uses this very point, one of the two
        // schedules remains.
        let timed = engine
            .core()
            .and_then(|core| unsafe { core.timed_acquire(engine.own_shard(), hit, HeldBy::Task) });
        let Some(timed) = timed else {
            return self.poll_cold(polled);
        };
        let timed = Abandoned(Some(timed));
        let Poll::Ready(result) = polled.poll() else {
            drop(timed);
            return self.pending(polled);
        };
        self.state = State::Over;
        if !(polled.is_owned)(&result) {
            return Poll::Ready((result, PendingRef::NONE));
        }
        self.lock.publish_task(self.key);
        let pending_ref = timed.acquired();
        Poll::Ready((result, pending_ref))
    }

    #[cold]
    #[inline(never)]
    fn poll_cold<F: Future>(
        &mut self,
        mut polled: Polled<'_, '_, F, impl Fn(&F::Output) -> bool, impl Fn() -> bool>,
    ) -> Poll<(F::Output, PendingRef)> {
        let Some(core) = self.lock.engine.core() else {
            return polled.poll().map(|result| (result, PendingRef::NONE));
        };
        let mut slow = self.lock.task_slow_acquire(core, self.key);
        self.contended_since(&mut slow);
        match polled.poll() {
            Poll::Ready(result) => {
                let pending_ref = self.ready(slow, (polled.is_owned)(&result));
                Poll::Ready((result, pending_ref))
            }
            Poll::Pending => {
                slow.abandoned();
                self.pending(polled)
            }
        }
    }

    /// The future was pending. If the lock hands itself over, this polls again.
    #[cold]
    #[inline(never)]
    fn pending<F: Future>(
        &mut self,
        polled: Polled<'_, '_, F, impl Fn(&F::Output) -> bool, impl Fn() -> bool>,
    ) -> Poll<(F::Output, PendingRef)> {
        let Some(core) = self.lock.engine.core() else {
            return Poll::Pending;
        };
        let Polled {
            future,
            context,
            waking,
            is_owned,
            is_taken,
        } = polled;
        let waker = (waking == BeforeWaking::HandsOver).then_some(context.waker());
        let mut queued = Queued(match &mut self.state {
            State::New | State::Pending => core.queue_task(waker),
            State::Contended { queued, .. } => {
                let queued = queued.take();
                queued.and_then(|queued| queued.with_waker(core, context.waker()))
            }
            State::Over => None,
        });
        if waker.is_some()
            && let Some(queued) = &queued.0
            && let Poll::Ready(result) = queued.poll(|context| future.poll(context))
        {
            // The lock was released, or closed, between the two polls.
            let mut slow = self.lock.task_slow_try_acquire(core, self.key);
            self.contended_since(&mut slow);
            let pending_ref = self.ready(slow, is_owned(&result));
            return Poll::Ready((result, pending_ref));
        }
        let is_taken = is_taken();
        if is_taken && let Some(queued) = &queued.0 {
            queued.is_queued();
        }
        match &mut self.state {
            State::New if is_taken => self.begin(core, queued.0.take()),
            State::Contended { queued: before, .. } => *before = queued.0.take(),
            State::New | State::Pending | State::Over => {}
        }
        Poll::Pending
    }

    /// The wait begins.
    fn begin(&mut self, core: &Core, queued: Option<QueuedTask>) {
        let lock = self.lock;
        if let Some(queued) = queued {
            let class = (&lock.class, lock.name_len);
            // SAFETY: both belong to the class that this lock was created with.
            unsafe { queued.begins(core, lock.lock_ref(), self.key, class, &lock.holder) };
        }
        let start = core.begin_wait(lock.lock_ref());
        self.state = State::Contended {
            start: start.and_then(|start| NonZeroU64::new(start.wrapping_add(1))),
            holder: lock.holder_word(),
            queued,
        };
    }

    /// Tells a slow acquire of the wait until now.
    fn contended_since(&self, slow: &mut SlowAcquire<'_>) {
        if let State::Contended { start, holder, .. } = self.state {
            let start = start.map(|start| start.get() - 1);
            slow.contended_since(self.lock.lock_ref(), start, holder);
        }
    }

    /// The lock's future is ready.
    fn ready(&mut self, mut slow: SlowAcquire<'_>, is_owned: bool) -> PendingRef {
        let has_waited = matches!(self.state, State::Contended { .. });
        if !is_owned {
            self.is_over();
            if has_waited {
                // In vain, until now.
                slow.cancelled(self.lock.holder_word());
            } else {
                slow.abandoned();
            }
            return PendingRef::NONE;
        }
        if has_waited {
            slow.succeeds(self.lock.holder_word());
        }
        self.is_over();
        self.lock.publish_task(self.key);
        slow.acquired()
    }

    /// The task no longer waits here.
    fn is_over(&mut self) {
        let before = std::mem::replace(&mut self.state, State::Over);
        if let State::Contended { start, queued, .. } = before {
            if start.is_some()
                && let Some(core) = self.lock.engine.core()
            {
                core.end_wait(self.lock.lock_ref());
            }
            if let Some(queued) = queued {
                queued.ends();
            }
        }
    }

    #[cold]
    fn cancel(&mut self) {
        if let Some(core) = self.lock.engine.core() {
            let mut slow = self.lock.task_slow_acquire(core, self.key);
            self.contended_since(&mut slow);
            self.is_over();
            slow.cancelled(self.lock.holder_word());
        }
    }
}

/// The arguments of [`TaskWait::poll`], for all but the common case.
struct Polled<'f, 'c, F, O, T> {
    future: Pin<&'f mut F>,
    context: &'f mut Context<'c>,
    waking: BeforeWaking,
    is_owned: O,
    is_taken: T,
}

impl<F: Future, O, T> Polled<'_, '_, F, O, T> {
    #[inline(always)]
    fn poll(&mut self) -> Poll<F::Output> {
        self.future.as_mut().poll(self.context)
    }
}

/// Gives the place up when dropped, even if the poll unwinds.
struct Queued(Option<QueuedTask>);

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(queued) = self.0.take() {
            queued.ends();
        }
    }
}

/// Abandons the timing when dropped, even if the poll unwinds.
struct Abandoned<'a>(Option<TimedAcquire<'a>>);

impl Abandoned<'_> {
    #[inline(always)]
    fn acquired(mut self) -> PendingRef {
        self.0
            .take()
            .map_or(PendingRef::NONE, TimedAcquire::acquired)
    }
}

impl Drop for Abandoned<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(timed) = self.0.take() {
            timed.abandoned();
        }
    }
}

impl<R, H: EngineRef> Drop for TaskWait<'_, R, H> {
    #[inline(always)]
    fn drop(&mut self) {
        if let State::Contended { .. } = self.state {
            self.cancel();
        }
    }
}
