//! Feature `profile` on: what the profiler keeps per lock, beside tokio's lock.

pub(super) use nexus_lockprof_adaptor::{
    BeforeWaking, HoldMode, PendingRef, ProfiledGuard, closing,
};

use nexus_lockprof_adaptor::Global;
use std::panic::Location;

/// What the profiler keeps per lock.
pub(super) type Meter = nexus_lockprof_adaptor::Profiled<()>;

pub(super) type TaskWait<'a> =
    nexus_lockprof_adaptor::TaskWait<'a, (), nexus_lockprof_adaptor::Global>;

pub(super) const fn created_at(site: &'static Location<'static>) -> Meter {
    Meter::of_tasks_created_at(Global, site)
}

pub(super) const fn named(name: &'static str) -> Meter {
    Meter::of_tasks_named(Global, name)
}

/// Ends a hold and begins another of the same lock at `site`, without a release.
pub(super) fn held_on(
    meter: &Meter,
    site: &'static Location<'static>,
    mode: HoldMode,
    before: PendingRef,
) -> PendingRef {
    let before = ProfiledGuard::new((), before);
    // SAFETY: the pending reference is that of the guard being changed. Its lock is on the global
    // engine, like all locks of this module.
    let after = unsafe { meter.change_with(site, mode, before, |(), ()| ()) };
    after.into_parts().1
}
