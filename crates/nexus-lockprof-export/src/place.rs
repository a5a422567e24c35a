//! What places are called where each has one name, whatever else the snapshot has: in labels and
//! names of frames.
//!
//! Names that depended on their neighbours (a column only where two points share a line) would
//! change while the program runs, and so would the series and the frames that they name.

use std::borrow::Cow;

use nexus_lockprof_snapshot::{Frame, Lock, Site, printable};

/// `file:line`, without what says only where this machine keeps the file; of a group its name
/// alone.
pub(crate) fn line(site: &Site) -> String {
    site.portable_line()
}

/// `file:line:column` of the same.
pub(crate) fn column(site: &Site) -> String {
    if site.is_group() {
        return line(site);
    }
    format!("{}:{}", line(site), site.column)
}

/// A lock class by `place` of its creation or first use, if it has no name.
pub(crate) fn lock(lock: &Lock, place: fn(&Site) -> String) -> Cow<'_, str> {
    match lock {
        Lock::Named(name) => printable(name),
        lock => lock.name_by(place),
    }
}

/// The function of a frame, or its address.
pub(crate) fn function(frame: &Frame) -> Cow<'_, str> {
    match &frame.function {
        Some(function) => printable(function),
        None => format!("{:#x}", frame.address).into(),
    }
}
