//! Tests of `tokio::sync`'s API, for any crate behind `super::locks`.

use super::locks;

mod auto_traits;
mod cancel;
mod mutex;
mod rwlock;
mod semaphore;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `f`, which must panic.
#[track_caller]
fn unwinds<T>(f: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

/// Panics quietly: the panic hook is not called.
fn quiet_panic() -> ! {
    resume_unwind(Box::new("on purpose"))
}

/// Runs `f` in a runtime, where blocking is refused.
fn in_runtime(f: impl FnOnce()) {
    let Ok(runtime) = ::tokio::runtime::Builder::new_current_thread().build() else {
        panic!("there is no runtime to be had")
    };
    runtime.block_on(async { f() });
}
