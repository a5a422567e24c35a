//! An acquisition, from the call to the guard, and what is settled after its release.

pub(crate) mod blame;
pub(crate) mod calibrate;
pub(crate) mod edges;
pub(crate) mod engine_ref;
mod eviction;
pub(crate) mod exact;
pub(crate) mod leased;
pub(crate) mod look;
pub(crate) mod look_up;
pub(crate) mod nesting;
#[cfg(not(feature = "addresses"))]
mod no_stacks;
pub(crate) mod settle;
pub(crate) mod shares;
pub(crate) mod short_wait;
pub(crate) mod signal;
pub(crate) mod since_off;
pub(crate) mod slow;
pub(crate) mod task;
pub(crate) mod tell_slow;
pub(crate) mod thread;
pub(crate) mod timed;
