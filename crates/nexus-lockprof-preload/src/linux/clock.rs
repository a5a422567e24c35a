//! The clock.

use std::ffi::{c_int, c_long};

#[repr(C)]
struct Timespec {
    seconds: c_long,
    nanos: c_long,
}

unsafe extern "C" {
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
}

/// Nanoseconds of the monotonic clock.
pub(super) fn now() -> u64 {
    const MONOTONIC: c_int = 1;
    let mut time = Timespec {
        seconds: 0,
        nanos: 0,
    };
    // SAFETY: every Linux has this clock, and there is room for the time.
    unsafe { clock_gettime(MONOTONIC, &raw mut time) };
    (time.seconds as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.nanos as u64)
}
