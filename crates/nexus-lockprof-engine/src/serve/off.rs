//! Without the feature `serve`: nobody is served.

pub(crate) const SUPPORTED: bool = false;

pub(crate) fn watch() {}

#[cfg(unix)]
pub(crate) fn after_fork() {}
