//! `cargo lockprof` on projects that know nothing of it: what they print, and that their files stay as they are.
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
