//! The identity of a lock and a point: classes, their numbers, and the keys built from them.

pub(crate) mod class;
mod key;
pub(crate) mod late;
pub(crate) mod lock_class;
pub(crate) mod numbers;

pub use class::ClassTag;
pub use key::{HoldMode, HolderWord, PointKey, SiteKey, ThreadBits};
pub use lock_class::{ClassWord, LockClass, MAX_NAME, NameLen};

pub(crate) use key::to_site;
pub(crate) use numbers::{instances, may_change, release, retain};
