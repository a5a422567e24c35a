//! Label sets as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use nexus_lockprof_snapshot::Point;

use crate::place;

/// What the series of points without one of their own is called.
const OTHER: &str = "other";

/// Rust's own mark of a name that would be a keyword.
const RAW: &str = "r#";

/// `name="value"` of each, escaped.
pub(super) fn set(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (i, (name, value)) in labels.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{name}=\"{}\"", escaped(value));
    }
    text
}

/// The labels of a point. They depend on nothing but the point, so that its series goes on whatever else there is.
pub(super) fn of_point(point: &Point) -> String {
    set(&[
        ("lock", &lock(&place::lock(&point.lock, place::column))),
        ("site", &place::column(&point.site)),
        ("mode", point.mode.as_str()),
    ])
}

/// The labels of the rest.
pub(super) fn of_others() -> String {
    set(&[("lock", OTHER), ("site", OTHER), ("mode", OTHER)])
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

/// Both formats escape these three.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return value.into();
    }
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        assert_eq!(set(&[]), "");
        let labels = set(&[("a", r#"C:\x "y""#), ("b", "1\n2"), ("c", "größe")]);
        assert_eq!(labels, r#"a="C:\\x \"y\"",b="1\n2",c="größe""#);
    }

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
