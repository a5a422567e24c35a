//! Acquisitions of tasks, which wait by being polled: in turns, and not always by the same thread.

use super::{Profiled, ProfiledGuard};
use nexus_lockprof_engine::Host;
use nexus_lockprof_engine::adaptor::{HoldMode, Probe, SiteKey, Stamp};
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::task::Poll;

/// A task's acquisition that is not over.
struct Waiting<'a, R, H: Host> {
    lock: &'a Profiled<R, H>,
    key: SiteKey,
    state: State,
}

enum State {
    /// Not polled yet.
    New,
    /// Found the lock taken.
    Contended {
        /// Clock ticks; 0 when it is not timed.
        start: u64,
        holder: Option<SiteKey>,
    },
    /// Acquired, or given up.
    Over,
}

impl<R, H: Host> Profiled<R, H> {
    /// An acquisition by a task: `future` is the lock's own. The wait is from the first poll, if that finds the lock taken,
    /// to the one that owns it. A task that is dropped in between is counted as cancelled, with its wait.
    ///
    /// # Errors
    /// The future's.
    pub async fn acquire_task<G, E>(
        &self,
        site: &'static Location<'static>,
        mode: HoldMode,
        future: impl Future<Output = Result<G, E>>,
    ) -> Result<ProfiledGuard<G>, E> {
        let mut future = pin!(future);
        // Dropped before the future, whose place in the lock's queue it is about.
        let mut waiting = Waiting {
            lock: self,
            key: SiteKey::new(site, mode),
            state: State::New,
        };
        std::future::poll_fn(|context| waiting.poll(|| future.as_mut().poll(context))).await
    }
}

impl<R, H: Host> Waiting<'_, R, H> {
    #[inline]
    fn poll<G, E>(
        &mut self,
        poll: impl FnOnce() -> Poll<Result<G, E>>,
    ) -> Poll<Result<ProfiledGuard<G>, E>> {
        if let State::New = self.state
            && let Probe::Off | Probe::Count(_) = self.lock.probe(self.key)
        {
            // A poll may run anything, so what was found before it is not used after it.
            return match poll() {
                Poll::Ready(result) => {
                    self.state = State::Over;
                    Poll::Ready(result.map(|inner| {
                        let stamp = self.lock.held_on(self.key, Stamp::NONE);
                        ProfiledGuard::new(inner, stamp)
                    }))
                }
                Poll::Pending => {
                    self.begin();
                    Poll::Pending
                }
            };
        }
        self.poll_cold(poll)
    }

    #[cold]
    #[inline(never)]
    fn poll_cold<G, E>(
        &mut self,
        poll: impl FnOnce() -> Poll<Result<G, E>>,
    ) -> Poll<Result<ProfiledGuard<G>, E>> {
        let Some(core) = self.lock.host.core() else {
            return poll().map_ok(ProfiledGuard::untracked);
        };
        let mut ticket = core.ticket(self.key, &self.lock.class, self.lock.name_len);
        if let State::Contended { start, holder } = self.state {
            ticket.contended_since(start, holder);
        }
        match poll() {
            Poll::Ready(Ok(inner)) => {
                self.state = State::Over;
                let stamp = ticket.acquired();
                self.lock.publish(self.key);
                Poll::Ready(Ok(ProfiledGuard::new(inner, stamp)))
            }
            Poll::Ready(Err(error)) => {
                // The lock was closed.
                self.state = State::Over;
                ticket.abandoned();
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                ticket.abandoned();
                if let State::New = self.state {
                    self.begin();
                }
                Poll::Pending
            }
        }
    }

    #[cold]
    fn begin(&mut self) {
        self.state = State::Contended {
            start: self.lock.host.core().map_or(0, |core| core.begin_wait()),
            holder: self.lock.holder(),
        };
    }
}

impl<R, H: Host> Drop for Waiting<'_, R, H> {
    #[inline]
    fn drop(&mut self) {
        if let State::Contended { start, holder } = self.state
            && let Some(core) = self.lock.host.core()
        {
            let mut ticket = core.ticket(self.key, &self.lock.class, self.lock.name_len);
            ticket.contended_since(start, holder);
            ticket.cancelled();
        }
    }
}
