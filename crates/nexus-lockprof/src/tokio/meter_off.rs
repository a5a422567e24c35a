//! Feature `profile` off: keeps nothing and does nothing.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

pub(super) struct Meter;

#[derive(Default)]
pub(super) struct PendingRef(());

#[derive(Clone, Copy)]
pub(super) enum HoldMode {
    Exclusive,
    Shared,
}

pub(super) enum BeforeWaking {
    HandsOver,
}

pub(super) fn closing<T>(close: impl FnOnce() -> T) -> T {
    close()
}

pub(super) struct ProfiledGuard<G>(G);

impl<G> ProfiledGuard<G> {
    pub(super) fn new(inner: G, _: PendingRef) -> Self {
        ProfiledGuard(inner)
    }

    pub(super) fn into_parts(self) -> (G, PendingRef) {
        (self.0, PendingRef(()))
    }
}

pub(super) const fn created_at(_: &'static Location<'static>) -> Meter {
    Meter
}

pub(super) const fn named(_: &'static str) -> Meter {
    Meter
}

pub(super) fn held_on(
    _: &Meter,
    _: &'static Location<'static>,
    _: HoldMode,
    _: PendingRef,
) -> PendingRef {
    PendingRef(())
}

pub(super) struct TaskWait<'a>(std::marker::PhantomData<&'a Meter>);

impl TaskWait<'_> {
    #[inline(always)]
    pub(super) fn poll<F: Future, O>(
        &mut self,
        future: Pin<&mut F>,
        context: &mut Context<'_>,
        _: BeforeWaking,
        _: impl Fn(&F::Output) -> bool,
        _: impl Fn() -> bool,
        finish: impl FnOnce(F::Output, PendingRef) -> O,
    ) -> Poll<O> {
        let polled = future.poll(context);
        polled.map(|result| finish(result, PendingRef(())))
    }
}

impl Meter {
    #[inline(always)]
    pub(super) fn task_wait(&self, _: &'static Location<'static>, _: HoldMode) -> TaskWait<'_> {
        TaskWait(std::marker::PhantomData)
    }

    pub(super) async fn acquire_task<G, E>(
        &self,
        _: &'static Location<'static>,
        _: HoldMode,
        future: impl Future<Output = Result<G, E>>,
        _: impl Fn() -> bool,
    ) -> Result<ProfiledGuard<G>, E> {
        future.await.map(ProfiledGuard)
    }

    pub(super) fn acquire<G, E>(
        &self,
        _: &'static Location<'static>,
        _: HoldMode,
        _: impl Fn(&()) -> bool,
        _: impl Fn(&()) -> Option<G>,
        block: impl FnOnce(&()) -> Result<G, E>,
    ) -> Result<ProfiledGuard<G>, E> {
        block(&()).map(ProfiledGuard)
    }

    /// # Safety
    /// No requirements; it is unsafe to match the profiler's version.
    #[inline(always)]
    pub(super) unsafe fn may_leave_thread<G>(&self, _: &ProfiledGuard<G>) {}

    pub(super) fn try_acquire<G>(
        &self,
        _: &'static Location<'static>,
        _: HoldMode,
        try_: impl Fn(&()) -> Option<G>,
    ) -> Option<ProfiledGuard<G>> {
        try_(&()).map(ProfiledGuard)
    }

    /// # Safety
    /// No requirements; it is unsafe to match the profiler's version.
    pub(super) unsafe fn release<G>(&self, guard: ProfiledGuard<G>, unlock: impl FnOnce(&(), G)) {
        unlock(&(), guard.0);
    }
}
