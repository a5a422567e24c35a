//! Tests of parking_lot's API, for any crate behind `super::locks`.

use super::locks;

mod condvar;
mod fair_mutex;
mod mutex;
mod once;
mod reentrant_mutex;
mod rwlock;

since_0_13! {
    mod recursive_rwlock;
}
before_0_13! {
    mod before_0_13;
}

#[cfg(feature = "deadlock_detection")]
mod deadlock;

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
