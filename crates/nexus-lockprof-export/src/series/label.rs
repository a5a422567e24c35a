//! What the series of points are called.

use std::borrow::Cow;

use nexus_lockprof_snapshot::Point;

/// Names and values.
pub(crate) type Labels<'a> = &'a [(&'static str, String)];

/// Lock, site and mode of the series of points without one of their own. No site and no mode is called that.
const OTHER: &str = "other";

/// Rust's own mark of a name that would be a keyword.
const RAW: &str = "r#";

/// The labels of a point: none is [`OTHER`].
pub(super) fn of_point(point: &Point) -> Vec<(&'static str, String)> {
    let [(name, of), site, mode] = point.labels();
    vec![(name, lock(&of).into_owned()), site, mode]
}

/// The labels of the rest.
pub(super) fn of_others() -> Vec<(&'static str, String)> {
    ["lock", "site", "mode"]
        .map(|name| (name, OTHER.to_owned()))
        .to_vec()
}

/// A lock's name, so that none is [`OTHER`], and no two are the same.
fn lock(name: &str) -> Cow<'_, str> {
    let mut rest = name;
    while let Some(inner) = rest.strip_prefix(RAW) {
        rest = inner;
    }
    match rest {
        OTHER => format!("{RAW}{name}").into(),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lock_is_other() {
        for (name, label) in [
            ("other", "r#other"),
            ("r#other", "r#r#other"),
            ("r#others", "r#others"),
            ("Other", "Other"),
            ("", ""),
        ] {
            assert_eq!(lock(name), label);
        }
    }
}
