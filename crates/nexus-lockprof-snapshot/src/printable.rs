//! Names, paths and messages on a terminal and in a line of text.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Escapes each character of `text` that controls a terminal, breaks a line or is invisible: see
/// [`is_printable`].
///
/// The program chooses a lock's name. Anyone may have chosen a file's name or an endpoint's answer.
/// Every output of such a text passes through here or quotes it.
///
/// ```
/// use nexus_lockprof_snapshot::printable;
///
/// assert_eq!(printable("größe [8]"), "größe [8]");
/// assert_eq!(printable("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
/// assert_eq!(printable("user\u{202e}nimda"), "user\\u{202e}nimda");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let Some(first) = first_unprintable(text) else {
        return Cow::Borrowed(text);
    };
    let (good, rest) = text.split_at(first);
    let mut out = String::with_capacity(text.len() + 8);
    out.push_str(good);
    for c in rest.chars() {
        if is_printable(c) {
            out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_default());
        }
    }
    Cow::Owned(out)
}

/// The same for a text of several lines, which keeps its line ends.
///
/// ```
/// use nexus_lockprof_snapshot::printable_lines;
///
/// assert_eq!(printable_lines("two\nlines\u{7}\n"), "two\nlines\\u{7}\n");
/// ```
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || is_printable(c)) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    Cow::Owned(lines.join("\n"))
}

/// Displays `value` and makes it [`printable`]. Keeps at most a thousand characters, since a
/// message that quotes a file may be as long as that file.
///
/// ```
/// use nexus_lockprof_snapshot::printable_message;
///
/// let path = std::path::Path::new("evil\u{1b}[31m.lockprof");
/// let message = format!("{}: no such file", path.display());
/// assert_eq!(printable_message(message), "evil\\u{1b}[31m.lockprof: no such file");
/// ```
#[must_use]
pub fn printable_message(value: impl fmt::Display) -> String {
    const HALF: usize = 500;
    let text = value.to_string();
    let text = printable(&text);
    let end = text.char_indices().nth(HALF).map(|(at, _)| at);
    let begin = text.char_indices().nth_back(HALF - 1).map(|(at, _)| at);
    match (end, begin) {
        (Some(end), Some(begin)) if end < begin => {
            let (before, after) = (text.get(..end), text.get(begin..));
            format!(
                "{} ... {}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        }
        _ => text.into_owned(),
    }
}

/// The byte offset of the first character that is not printable.
fn first_unprintable(text: &str) -> Option<usize> {
    // Nearly all texts are ASCII without control characters, which a check of bytes shows.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    text.find(|c| !is_printable(c))
}

/// Returns whether a terminal can show `c` in a line as it is. `false` for
///
/// - control characters (Unicode's category Cc), including those from U+0080 on that some terminals
///   obey;
/// - the line and paragraph separators U+2028 and U+2029;
/// - format characters (Cf): those that change the direction of the text around them, zero-width
///   ones, tags;
/// - other characters that Unicode says to ignore if they are unknown, such as fillers and
///   variation selectors.
///
/// Spaces are printable. So are accents and other marks that combine with the previous character.
///
/// ```
/// use nexus_lockprof_snapshot::is_printable;
///
/// assert!("aß日 \u{301}".chars().all(is_printable));
/// assert!(!"\u{7}\u{9b}\u{ad}\u{200b}\u{2028}\u{202e}\u{2066}\u{feff}\u{e0041}".chars().any(is_printable));
/// ```
#[must_use]
pub fn is_printable(c: char) -> bool {
    !(c.is_control() || is_invisible(c))
}

/// Unicode 17's format characters and line separators, and all characters with the property
/// Default_Ignorable_Code_Point.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped() {
        for (text, escaped) in [
            ("", ""),
            ("plain ASCII ~ \\", "plain ASCII ~ \\"),
            ("ä\u{301} 日本 🦀", "ä\u{301} 日本 🦀"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m\u{9d}0;t\u{9c}", "\\u{9b}31m\\u{9d}0;t\\u{9c}"),
            ("a\tb\r\nc\u{7f}", "a\\tb\\r\\nc\\u{7f}"),
            (
                "\u{202e}dlrow\u{2066}\u{61c}",
                "\\u{202e}dlrow\\u{2066}\\u{61c}",
            ),
            (
                "a\u{200b}b\u{200d}c\u{2060}\u{feff}",
                "a\\u{200b}b\\u{200d}c\\u{2060}\\u{feff}",
            ),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
            (
                "x\u{e0041}\u{fe0f}\u{3164}",
                "x\\u{e0041}\\u{fe0f}\\u{3164}",
            ),
        ] {
            assert_eq!(printable(text), escaped);
        }
    }

    #[test]
    fn messages_are_short_and_whole_characters() {
        assert_eq!(printable_message("a\u{1b}b"), "a\\u{1b}b");
        for length in [999, 1000, 1001, 100_000] {
            let text = "é".repeat(length);
            let shown = printable_message(&text);
            match length {
                ..=1000 => assert_eq!(shown, text),
                _ => assert_eq!(shown, format!("{0} ... {0}", "é".repeat(500))),
            }
        }
    }
}
