//! What a lock and a point are called: classes, their numbers, and the keys that are made of them.

pub(crate) mod class;
mod key;
pub(crate) mod late;
pub(crate) mod numbers;

pub use class::ClassTag;
pub use key::{HoldMode, PointKey, SiteKey};
pub use numbers::{ClassWord, LockClass, MAX_NAME, NameLen};

pub(crate) use key::to_site;
pub(crate) use numbers::{instances, may_change, release, retain};
