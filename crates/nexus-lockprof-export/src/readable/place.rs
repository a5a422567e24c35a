//! Names of places for labels and frames. A place's name depends on nothing else in the snapshot.
//!
//! A name that depended on its neighbours (with a column only where two points share a line) would
//! change while the program runs. So would the series and frames that it names.

use std::borrow::Cow;

use nexus_lockprof_snapshot::{Frame, Lock, Site, printable};

/// `file:line` in portable form: without the directories that differ between machines. A group is
/// just its name.
pub(crate) fn line(site: &Site) -> String {
    site.portable_line()
}

/// The same as `file:line:column`.
pub(crate) fn column(site: &Site) -> String {
    if site.is_group() {
        return line(site);
    }
    format!("{}:{}", line(site), site.column)
}

/// A lock's name, or else the `place` of its creation or first use.
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
