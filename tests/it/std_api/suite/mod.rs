//! Tests of `std::sync`'s API, for any module behind `super::sync`.

use super::sync;

mod condvar;
mod debug;
mod mutex;
mod others;
mod poison;
mod rwlock;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `f`, which must panic, without printing the panic.
#[track_caller]
fn unwinds<T>(f: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

/// Panics quietly: the panic hook is not called.
fn quiet_panic() -> ! {
    resume_unwind(Box::new("on purpose"))
}
