//! Labels of the points' series.

use std::borrow::Cow;

use nexus_lockprof_snapshot::Point;

/// Names and values.
pub(crate) type Labels<'a> = &'a [(&'static str, String)];

/// Lock, site and mode of the series for all other points. No site and no mode has this name.
const OTHER: &str = "other";

/// Rust's prefix for names that would be keywords.
const RAW: &str = "r#";

/// The labels of a point, which never equal [`OTHER`].
pub(super) fn of_point(point: &Point) -> Vec<(&'static str, String)> {
    let [(name, of), site, mode] = point.labels();
    vec![(name, lock(&of).into_owned()), site, mode]
}

/// The labels of the series for all other points.
pub(super) fn of_others() -> Vec<(&'static str, String)> {
    ["lock", "site", "mode"]
        .map(|name| (name, OTHER.to_owned()))
        .to_vec()
}

/// A lock's name, changed so that it never equals [`OTHER`] and stays unique.
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
