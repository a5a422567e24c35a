//! The reader-writer lock.

use crate::lock::{Lock, Meter, lock};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;

lock! {
    /// An asynchronous reader-writer lock.
    RwLock: [Send + Sync], "value" try_read
}
