//! JSON inside HTML.

use std::fmt;

use nexus_lockprof_snapshot::Snapshot;

/// A snapshot's JSON with nothing in it that HTML, or a script of old, would read as its own.
pub(super) struct Embedded<'a>(pub(super) &'a Snapshot);

impl fmt::Display for Embedded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_json() {
            Ok(json) => escape(&json, f),
            // A page that says what is wrong. A Display that failed would be a panic in `to_string`.
            Err(error) => {
                let text = error.to_string().replace('\\', r"\\").replace('"', r#"\""#);
                f.write_str(r#"{"error":""#)?;
                escape(&text.replace(char::is_control, " "), f)?;
                f.write_str(r#""}"#)
            }
        }
    }
}

/// Writes JSON; these characters are only in its strings, where an escape means the same.
fn escape(json: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = json;
    while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let (before, from) = rest.split_at(at);
        f.write_str(before)?;
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            write!(f, "\\u{:04x}", u32::from(c))?;
        }
        rest = chars.as_str();
    }
    f.write_str(rest)
}
