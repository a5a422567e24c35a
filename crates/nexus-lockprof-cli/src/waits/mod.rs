//! The waits of a program that is already built: what `lockprof run` makes of the files that the preloaded library has left.
//!
//! - `program` looks whether the library can see anything in the program; `library` has the library.
//! - `record` reads a file; `symbols` gives its addresses names.
//! - `kind` says what a stack waits for: a lock, or something else. `profile` makes a snapshot.

mod kind;
pub(crate) mod library;
pub(crate) mod profile;
pub(crate) mod program;
mod record;
mod symbols;

// The library's own source: it says what is where in a file.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the library writes more than is read here"
)]
#[path = "../../preload/linux/layout.rs"]
mod layout;
