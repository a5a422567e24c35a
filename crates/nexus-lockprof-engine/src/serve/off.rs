//! Without the feature `serve`: nobody is served.

pub(crate) const SUPPORTED: bool = false;

pub(crate) fn watch() {}

pub(crate) fn start_again() {}

/// See `leftovers`.
#[cfg(unix)]
pub(crate) struct Still;

#[cfg(unix)]
pub(crate) fn has_thread() -> bool {
    false
}

#[cfg(unix)]
pub(crate) fn hold_still() -> Still {
    Still
}

#[cfg(unix)]
pub(crate) fn after_fork() {}
