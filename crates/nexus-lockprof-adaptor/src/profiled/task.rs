//! Acquisitions of tasks, which wait by being polled: in turns, and not always by the same thread.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::EngineRef;
use nexus_lockprof_engine::adaptor::{HoldMode, PendingRef, Probe, SiteKey, TimedAcquire};
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

/// An acquisition by a task, to go beside the lock's own future: [`poll`](Self::poll) polls that.
///
/// The wait is from the first poll that finds the lock taken to the one that owns it. Dropped in between, or refused the lock
/// after all, it counts as cancelled, with its wait: drop it before the lock's future, whose place in the lock's queue it is about.
///
/// A future may also be pending for another reason, as tokio's are when their task has had its share of the processor. That is no
/// wait for the lock, so it is asked whether that is taken.
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
        /// Clock ticks; `None` when it is not timed.
        start: Option<u64>,
        holder: Option<SiteKey>,
    },
    /// Acquired, or given up.
    Over,
}

impl<R, H: EngineRef> Profiled<R, H> {
    /// An acquisition by a task that begins with its first poll.
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

    /// The acquisition of a lock whose own is `future`; `is_taken` tells why it is pending the first time.
    ///
    /// # Errors
    /// The future's.
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
    /// Polls the lock's own future by `poll`. Of what that gives, `is_owned` says whether the lock is acquired; it may
    /// have been closed. If it is pending, `is_taken` says whether the lock is why. The pending reference is the guard's to carry.
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
                // SAFETY: got by this thread, which was in the poll since. Should that have used this very point, or
                // changed the mode, then this one is still counted, and once.
                unsafe { hit.commit() };
                self.lock.publish(self.key);
            }
            return Poll::Ready((result, PendingRef::NONE));
        }
        self.poll_cold(poll, is_owned, is_taken)
    }

    /// A first poll that is more than a count. In the usual case it is timed, and the lock is free.
    #[inline(never)]
    fn poll_first<T>(
        &mut self,
        poll: impl FnOnce() -> Poll<T>,
        is_owned: impl FnOnce(&T) -> bool,
        is_taken: impl FnOnce() -> bool,
    ) -> Poll<(T, PendingRef)> {
        // Once more, so that the usual case of the poll need not pass on what it found.
        let Probe::Time(hit) = self.lock.probe(self.key) else {
            return self.poll_cold(poll, is_owned, is_taken);
        };
        let engine = &self.lock.engine;
        // SAFETY: the hit was got just now, by this thread, from this engine. Should the poll use other profiled locks, they
        // take nodes of their own; should it use this very point, one of two schedules stays.
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
                self.lock.publish(self.key);
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
                    slow.succeeds(self.lock.holder());
                    let pending_ref = slow.acquired();
                    self.is_over();
                    pending_ref
                } else {
                    self.state = State::Over;
                    slow.acquired()
                };
                self.lock.publish(self.key);
                Poll::Ready((result, pending_ref))
            }
            Poll::Ready(result) => {
                // What it has waited, it has waited in vain.
                match self.is_over() {
                    State::Contended { .. } => slow.cancelled(self.lock.holder()),
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
            holder: self.lock.holder(),
        };
    }

    /// Nobody waits here any more.
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
            slow.cancelled(self.lock.holder());
        }
    }
}

/// Abandons what was to be timed, also when the poll unwinds.
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
