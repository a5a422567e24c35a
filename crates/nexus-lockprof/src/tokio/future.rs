//! The futures of acquisitions whose guards borrow: one struct, where blocks in blocks would be moved into one another.

use super::meter::{HoldMode, Meter, PendingRef, TaskWait};
use ::tokio::sync::Semaphore;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// What becomes of tokio's guard, or failure, `O`.
pub(super) trait Finish<O> {
    type Output;

    fn is_owned(result: &O) -> bool;

    fn finish(self, result: O, pending_ref: PendingRef) -> Self::Output;
}

/// Tokio's future `F` of an acquisition, and what is measured of it.
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
        // SAFETY: `future` is not moved: it is used through this pin only.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above; it is pinned as the whole is, which is `Unpin` only if it is.
        let future = unsafe { Pin::new_unchecked(&mut this.future) };
        this.wait
            .poll(|| future.poll(context), L::is_owned, is_for_the_lock)
            .map(|(result, pending_ref)| this.lock.finish(result, pending_ref))
    }
}

/// Whether a future of tokio's that is pending waits for its lock. It also is when the task has had its share of the processor
/// (tokio's cooperative budget), with the lock already its own or not, which cannot be told from outside.
///
/// Whether that is so is seen by another future of tokio's, which would be ready.
pub(super) fn is_for_the_lock() -> bool {
    let free = Semaphore::const_new(1);
    let ready = pin!(free.acquire()).poll(&mut Context::from_waker(Waker::noop()));
    ready.is_ready()
}
