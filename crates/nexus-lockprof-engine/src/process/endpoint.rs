//! Where the crate with the endpoint installs itself: the engine depends on no server.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What the engine calls.
#[derive(Debug)]
pub struct Endpoint {
    /// Serves where the environment says. Called at the global engine's first use, which may be in
    /// any lock of the program.
    pub start: fn(),
    /// The same in a process that was forked off, if `has_thread` said so in the fork handler.
    pub start_again: fn(),
    /// Whether `start_again` has something to do. It may neither lock nor allocate.
    pub has_thread: fn() -> bool,
}

static ENDPOINT: AtomicPtr<Endpoint> = AtomicPtr::new(ptr::null_mut());

/// Has the engine start this endpoint. Called when the program is loaded, and neither locks nor
/// allocates.
pub fn install(endpoint: &'static Endpoint) {
    // Release: pairs with the Acquire in `installed`.
    ENDPOINT.store(ptr::from_ref(endpoint).cast_mut(), Ordering::Release);
}

fn installed() -> Option<&'static Endpoint> {
    // Acquire: the value is seen whole; pairs with the Release in `install`.
    let endpoint = ENDPOINT.load(Ordering::Acquire);
    // SAFETY: null, or what `install` was given, which is never changed nor freed.
    unsafe { endpoint.as_ref() }
}

/// Whether there is one.
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
