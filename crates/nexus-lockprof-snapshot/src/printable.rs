//! Names and paths on a terminal and in a line of text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with what could break a line or steer a terminal escaped: control characters and Unicode's line and
/// paragraph separators.
///
/// A lock's name is any string the program chose; every output of one goes through this or quotes it.
///
/// ```
/// use nexus_lockprof_snapshot::printable;
///
/// assert_eq!(printable("größe [8]"), "größe [8]");
/// assert_eq!(printable("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(breaks_a_line) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if breaks_a_line(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters and the separators U+2028 and U+2029.
pub(crate) fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
