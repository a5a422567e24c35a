//! Text in a given number of terminal columns.

use std::fmt;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const MARK: &str = "…";

/// Terminal columns that `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `max` columns, what does not fit left out of its middle.
pub(super) fn middle(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub(width(MARK)) else {
        return String::new();
    };
    let end = suffix(text, room / 2);
    let start = prefix(text, room - width(end));
    format!("{start}{MARK}{end}")
}

/// `path`, which may end in `:line`, in at most `max` columns. Leaves out directories from the middle; the file's
/// name and the line stay as long as there is room for the line.
pub(super) fn path(path: &str, max: usize) -> String {
    if width(path) <= max {
        return path.to_owned();
    }
    let cut = path.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let (directories, file) = path.split_at(cut);
    if width(file) <= max {
        // "…/", then as many whole directories before it as there is room for.
        let Some(room) = max.checked_sub(width(file) + 2) else {
            return file.to_owned();
        };
        let separator = if directories.ends_with('\\') {
            '\\'
        } else {
            '/'
        };
        let mut kept = "";
        for (at, _) in directories.match_indices(['/', '\\']) {
            match directories.get(..=at) {
                Some(more) if width(more) <= room => kept = more,
                _ => break,
            }
        }
        return format!("{kept}{MARK}{separator}{file}");
    }
    let (name, line) = match file.rfind(':') {
        Some(colon) => file.split_at(colon),
        None => (file, ""),
    };
    match max.checked_sub(width(line)) {
        Some(room) => format!("{}{line}", middle(name, room)),
        None => middle(file, max),
    }
}

/// The longest start of `text` in at most `max` columns.
fn prefix(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > max {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// The longest end of `text` in at most `max` columns.
fn suffix(text: &str, max: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > max {
            return text.get(at + c.len_utf8()..).unwrap_or_default();
        }
    }
    text
}

/// Writes `text` and a line end, broken between words into lines of at most `max` columns; the second and later are
/// indented.
pub(super) fn wrapped(f: &mut fmt::Formatter<'_>, text: &str, max: usize) -> fmt::Result {
    let mut used = 0;
    for word in text.split(' ') {
        let needed = width(word) + 1;
        if used == 0 {
            used = width(word);
        } else if used + needed <= max {
            used += needed;
            f.write_str(" ")?;
        } else {
            used = width(word) + 2;
            f.write_str("\n  ")?;
        }
        f.write_str(word)?;
    }
    f.write_str("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        const LONG: &str = "crates/engine/src/shard/table.rs:128";
        for (whole, max, expected) in [
            (LONG, 36, LONG),
            (LONG, 35, "crates/engine/src/…/table.rs:128"),
            (LONG, 31, "crates/engine/…/table.rs:128"),
            (LONG, 28, "crates/engine/…/table.rs:128"),
            (LONG, 27, "crates/…/table.rs:128"),
            (LONG, 20, "…/table.rs:128"),
            (LONG, 14, "…/table.rs:128"),
            (LONG, 13, "table.rs:128"),
            (LONG, 11, "tab….rs:128"),
            (LONG, 6, "t…:128"),
            (LONG, 3, "t…8"),
            (LONG, 0, ""),
            (r"src\net\pool\tcp.rs:7", 16, r"src\…\tcp.rs:7"),
            ("/usr/lib/rustlib/src/a.rs:1", 20, "/usr/lib/…/a.rs:1"),
            ("no_directory_at_all.rs:12", 16, "no_dir…all.rs:12"),
            ("日本語/日本語/源.rs:9", 16, "日本語/…/源.rs:9"),
            ("日本語/日本語/源.rs:9", 15, "…/源.rs:9"),
        ] {
            let found = path(whole, max);
            assert!(width(&found) <= max, "{found}: {} > {max}", width(&found));
            assert_eq!(found, expected, "{whole} in {max}");
        }
    }

    #[test]
    fn names() {
        for (whole, max, expected) in [
            ("sessions", 8, "sessions"),
            ("sessions", 7, "ses…ons"),
            ("sessions", 2, "s…"),
            ("sessions", 1, "…"),
            ("日本語日本語", 7, "日本…語"),
            ("日本語日本語", 6, "日…語"),
        ] {
            let found = middle(whole, max);
            assert!(width(&found) <= max, "{found}");
            assert_eq!(found, expected, "{whole} in {max}");
        }
    }
}
