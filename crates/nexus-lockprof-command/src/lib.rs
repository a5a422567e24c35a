//! What the programs `lockprof` and `cargo lockprof` have in common: they run another program, pass
//! signals on to it, end as it did, and name the addresses that it left.
//!
//! It is a part of these programs, and no interface for others.
#![forbid(unsafe_code)]

pub mod child;
pub mod names;
pub mod out;
pub mod symbols;
pub mod terminal;
