//! Acquisitions by tasks. A task waits by being polled, not always by the same thread.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{
    HoldMode, HolderWord, PendingRef, Probe, SiteKey, TimedAcquire,
};
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

/// An acquisition by a task, kept beside the lock's own future. [`poll`](Self::poll) polls that
/// future.
///
/// The wait lasts from the first poll that finds the lock taken to the poll that owns it. If it is
/// dropped in between, or refused the lock in the end, it counts as cancelled, with its wait. Drop
/// it before the lock's future, because it refers to that future's place in the queue.
///
/// A future may be pending for another reason: tokio's are when their task has used up its share of
/// the processor. That is no wait for the lock. So this asks whether the lock is taken.
#[must_use = "it measures what it polls"]
pub struct TaskWait<'a, R, H: EngineRef> {
    lock: &'a Profiled<R, H>,
    key: SiteKey,
    state: State,
}

enum State {
    /// Not polled yet.
    New,
    /// Found the lock taken.
    Contended {
        /// Clock ticks; `None` if the wait is not timed.
        start: Option<u64>,
        holder: HolderWord,
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

    /// Acquires a lock with its own future `future`. `is_taken` tells why that future is pending at
    /// the first poll.
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
        let (result, pending_ref) = std::future::poll_fn(|context| {
            wait.poll(|| future.as_mut().poll(context), Result::is_ok, &is_taken)
        })
        .await;
        result.map(|inner| ProfiledGuard::new(inner, pending_ref))
    }
}

impl<R, H: EngineRef> TaskWait<'_, R, H> {
    /// Polls the lock's own future with `poll`. `is_owned` says whether a ready result holds the
    /// lock, which may have been closed instead. If pending, `is_taken` says whether the lock is
    /// the reason. The guard carries the returned pending reference.
    #[inline(always)]
    pub fn poll<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_owned: impl FnOnce(&T) -> bool,
        is_taken: impl FnOnce() -> bool,
    ) -> Poll<(T, PendingRef)> {
        if let State::New = self.state {
            let hit = match self.lock.probe(self.key) {
                Probe::Off => None,
                Probe::Count(hit) => Some(hit),
                Probe::Time(_) | Probe::Cold => return self.poll_first(poll, is_owned, is_taken),
            };
            let Poll::Ready(result) = poll() else {
                self.begin(is_taken);
                return Poll::Pending;
            };
            self.state = State::Over;
            if let Some(hit) = hit
                && is_owned(&result)
            {
                // SAFETY: this thread got the hit, and has been inside the poll since. If the poll
                // used this very point, or changed the mode, this acquisition still counts exactly
                // once.
                unsafe { hit.commit() };
                self.lock.publish_task(self.key);
            }
            return Poll::Ready((result, PendingRef::NONE));
        }
        self.poll_cold(poll, is_owned, is_taken)
    }

    /// A first poll that does more than count. Usually it is timed, and the lock is free.
    #[inline(never)]
    fn poll_first<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_owned: impl FnOnce(&T) -> bool,
        is_taken: impl FnOnce() -> bool,
    ) -> Poll<(T, PendingRef)> {
        // Probes again, so that the common case of `poll` need not pass on its result.
        let Probe::Time(hit) = self.lock.probe(self.key) else {
            return self.poll_cold(poll, is_owned, is_taken);
        };
        let engine = &self.lock.engine;
        // SAFETY: this thread got the hit just now, from this engine. If the poll uses other
        // profiled locks, they take nodes of their own. If it uses this very point, one of the two
        // schedules remains.
        let timed = engine
            .core()
            .and_then(|core| unsafe { core.timed_acquire(engine.own_shard(), hit) });
        let Some(timed) = timed else {
            return self.poll_cold(poll, is_owned, is_taken);
        };
        let timed = Abandoned(Some(timed));
        match poll() {
            Poll::Ready(result) if is_owned(&result) => {
                self.state = State::Over;
                let pending_ref = timed.acquired();
                self.lock.publish_task(self.key);
                Poll::Ready((result, pending_ref))
            }
            Poll::Ready(result) => {
                self.state = State::Over;
                Poll::Ready((result, PendingRef::NONE))
            }
            Poll::Pending => {
                drop(timed);
                self.begin(is_taken);
                Poll::Pending
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_cold<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_owned: impl FnOnce(&T) -> bool,
        is_taken: impl FnOnce() -> bool,
    ) -> Poll<(T, PendingRef)> {
        let Some(core) = self.lock.engine.core() else {
            return poll().map(|result| (result, PendingRef::NONE));
        };
        let mut slow = self.lock.slow_acquire(core, self.key);
        if let State::Contended { start, holder } = self.state {
            slow.contended_since(self.lock.lock_ref(), start, holder);
        }
        match poll() {
            Poll::Ready(result) if is_owned(&result) => {
                let pending_ref = if let State::Contended { .. } = self.state {
                    slow.succeeds(self.lock.holder_word());
                    let pending_ref = slow.acquired();
                    self.is_over();
                    pending_ref
                } else {
                    self.state = State::Over;
                    slow.acquired()
                };
                self.lock.publish_task(self.key);
                Poll::Ready((result, pending_ref))
            }
            Poll::Ready(result) => {
                // It waited in vain until now.
                match self.is_over() {
                    State::Contended { .. } => slow.cancelled(self.lock.holder_word()),
                    State::New | State::Over => slow.abandoned(),
                }
                Poll::Ready((result, PendingRef::NONE))
            }
            Poll::Pending => {
                slow.abandoned();
                if let State::New = self.state {
                    self.begin(is_taken);
                }
                Poll::Pending
            }
        }
    }

    #[cold]
    fn begin(&mut self, is_taken: impl FnOnce() -> bool) {
        if !is_taken() {
            return;
        }
        let core = self.lock.engine.core();
        self.state = State::Contended {
            start: core.and_then(|core| core.begin_wait(self.lock.lock_ref())),
            holder: self.lock.holder_word(),
        };
    }

    /// The task no longer waits here.
    fn is_over(&mut self) -> State {
        let before = std::mem::replace(&mut self.state, State::Over);
        if let State::Contended { start: Some(_), .. } = before
            && let Some(core) = self.lock.engine.core()
        {
            core.end_wait(self.lock.lock_ref());
        }
        before
    }

    #[cold]
    fn cancel(&mut self) {
        if let State::Contended { start, holder } = self.is_over()
            && let Some(core) = self.lock.engine.core()
        {
            let mut slow = self.lock.slow_acquire(core, self.key);
            slow.contended_since(self.lock.lock_ref(), start, holder);
            slow.cancelled(self.lock.holder_word());
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
