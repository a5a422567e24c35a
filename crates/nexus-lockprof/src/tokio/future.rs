//! The futures of acquisitions whose guards borrow. They are one struct, because nested async
//! blocks would be moved into one another.

use super::meter::{BeforeWaking, HoldMode, Meter, PendingRef, TaskWait};
use ::tokio::sync::Semaphore;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Turns tokio's output `O`, a guard or an error, into ours.
pub(super) trait Finish<O> {
    type Output;

    fn is_owned(result: &O) -> bool;

    fn finish(self, result: O, pending_ref: PendingRef) -> Self::Output;
}

/// Tokio's future `F` of an acquisition, and its measurement.
#[must_use = "futures do nothing unless polled"]
pub(super) struct Acquire<'a, F, L> {
    // Dropped before the future.
    wait: TaskWait<'a>,
    future: F,
    lock: L,
}

impl<'a, F, L> Acquire<'a, F, L> {
    #[inline(always)]
    pub(super) fn new(
        meter: &'a Meter,
        site: &'static Location<'static>,
        mode: HoldMode,
        future: F,
        lock: L,
    ) -> Self {
        Acquire {
            wait: meter.task_wait(site, mode),
            future,
            lock,
        }
    }
}

impl<F: Future, L: Finish<F::Output> + Copy> Future for Acquire<'_, F, L> {
    type Output = L::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is never moved: only this pin reaches it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: `future` is pinned with the whole struct, which is `Unpin` only if `future` is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        let (waking, lock) = (BeforeWaking::HandsOver, this.lock);
        let finish = |result, pending_ref| lock.finish(result, pending_ref);
        this.wait.poll(
            future,
            context,
            waking,
            L::is_owned,
            is_for_the_lock,
            finish,
        )
    }
}

/// Whether a pending tokio future waits for its lock. It is also pending when the task has used up
/// its share of the processor (tokio's cooperative budget). Then it may or may not own the lock
/// already, which the outside cannot see.
///
/// To find out, this polls another tokio future that would otherwise be ready.
pub(super) fn is_for_the_lock() -> bool {
    let free = Semaphore::const_new(1);
    let ready = pin!(free.acquire()).poll(&mut Context::from_waker(Waker::noop()));
    ready.is_ready()
}
