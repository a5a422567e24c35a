//! An acquisition, from the call to the guard, and what is settled after its release.

#[cfg(not(lockprof_loom))]
pub(crate) mod blame;
#[cfg(not(lockprof_loom))]
pub(crate) mod calibrate;
#[cfg(not(lockprof_loom))]
pub(crate) mod engine_ref;
#[cfg(not(lockprof_loom))]
pub(crate) mod eviction;
#[cfg(not(lockprof_loom))]
pub(crate) mod leased;
#[cfg(not(lockprof_loom))]
pub(crate) mod look;
#[cfg(not(lockprof_loom))]
pub(crate) mod short_wait;
#[cfg(not(lockprof_loom))]
pub(crate) mod signal;
#[cfg(not(lockprof_loom))]
pub(crate) mod since_off;
#[cfg(not(lockprof_loom))]
pub(crate) mod slow;
#[cfg(not(lockprof_loom))]
pub(crate) mod thread;
#[cfg(not(lockprof_loom))]
pub(crate) mod timed;
pub(crate) mod wait_log;
