//! Where the endpoint's crate registers itself, so that the engine depends on no server.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The functions that the engine calls.
#[derive(Debug)]
pub struct Endpoint {
    /// Serves where the environment says. Called at the global engine's first use, which may be in
    /// any lock of the program.
    pub start: fn(),
    /// The same in a forked process, if `has_thread` returned true in the fork handler.
    pub start_again: fn(),
    /// Whether `start_again` has something to do. It may neither lock nor allocate.
    pub has_thread: fn() -> bool,
}

static ENDPOINT: AtomicPtr<Endpoint> = AtomicPtr::new(ptr::null_mut());

/// Makes the engine start this endpoint. Called when the program is loaded. Neither locks nor
/// allocates.
pub fn install(endpoint: &'static Endpoint) {
    // Release: publishes the endpoint. Pairs with the Acquire in `installed`.
    ENDPOINT.store(ptr::from_ref(endpoint).cast_mut(), Ordering::Release);
}

fn installed() -> Option<&'static Endpoint> {
    // Acquire: this thread sees the whole value. Pairs with the Release in `install`.
    let endpoint = ENDPOINT.load(Ordering::Acquire);
    // SAFETY: null, or a reference that `install` got, which is never changed or freed.
    unsafe { endpoint.as_ref() }
}

/// Whether an endpoint is installed.
pub(crate) fn is_installed() -> bool {
    installed().is_some()
}

pub(crate) fn start() {
    if let Some(endpoint) = installed() {
        (endpoint.start)();
    }
}

pub(crate) fn start_again() {
    if let Some(endpoint) = installed() {
        (endpoint.start_again)();
    }
}

#[cfg(unix)]
pub(crate) fn has_thread() -> bool {
    installed().is_some_and(|endpoint| (endpoint.has_thread)())
}
