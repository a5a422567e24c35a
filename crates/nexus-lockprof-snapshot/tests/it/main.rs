//! Integration tests of the snapshot crate: one binary, a module per concern.

mod binary;
mod deadlocks;
mod display;
mod edges;
mod file;
mod findings;
mod history;
mod hot;
mod instances;
mod json;
mod losses;
mod merge;
mod parts;
mod quantile;
mod rwlocks;
mod shared_directory;
mod since;
mod since_errors;
mod slow;
mod stacks;
mod support;
mod threads;
mod utilisation;
mod waiters;
mod what_if;
