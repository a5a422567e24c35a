//! The program `lockprof`, run.

mod diff;
mod files;
mod golden;
mod report;
mod support;
#[cfg(unix)]
mod targets;
mod usage;
