//! Integration tests of the snapshot crate: one binary, a module per concern.

mod binary;
mod display;
mod file;
mod hot;
mod json;
mod losses;
mod merge;
mod parts;
mod quantile;
mod shared_directory;
mod since;
<<<<<<< HEAD
mod slow;
=======
mod since_errors;
>>>>>>> main
mod stacks;
mod support;
mod waiters;
