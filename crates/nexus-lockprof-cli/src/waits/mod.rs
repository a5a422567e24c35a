//! The waits of an already built program: `lockprof run` evaluates the files that the preloaded
//! library has left.
//!
//! - `program` checks whether the library can see anything in the program; `library` contains the
//!   library.
//! - `record` reads a file; `symbols` resolves its addresses to names.
//! - `kind` says what a stack waits for: a lock, or something else. `profile` builds a snapshot.

mod kind;
pub(crate) mod library;
pub(crate) mod profile;
pub(crate) mod program;
mod record;
mod symbols;

// The library's own source, which defines the file's layout.
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the library writes more than is read here"
)]
#[path = "../../preload/linux/layout.rs"]
mod layout;
