//! `cargo lockprof` on projects that know nothing of it: the output, and that their files stay
//! unchanged.
#![cfg(unix)]

mod basics;
mod builds;
mod endings;
mod lines;
mod places;
mod raw_locks;
mod support;
mod terminal;
mod ways;
