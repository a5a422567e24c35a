//! Text in a number of terminal columns.

use nexus_lockprof_snapshot::Lock;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

const MARK: &str = "…";

/// Terminal columns that `text` takes.
///
/// ```
/// assert_eq!(nexus_lockprof_export::readable::fit::width("日本"), 4);
/// ```
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Shortens `text` to at most `max` columns by leaving out its middle.
#[must_use]
pub fn middle(text: &str, max: usize) -> String {
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

/// `text` and blanks up to `columns`: before it, for a number, or behind it.
#[must_use]
pub fn padded(text: &str, columns: usize, is_number: bool) -> String {
    let blank = " ".repeat(columns.saturating_sub(width(text)));
    match is_number {
        true => blank + text,
        false => format!("{text}{blank}"),
    }
}

/// The cells of one column, and whether each is a path, in at most `max` columns each. Paths follow
/// one rule, so that similar paths look similar. Names lose their middle.
///
/// ```
/// use nexus_lockprof_export::readable::fit;
///
/// let paths = [("crates/engine/src/table.rs:128", true), ("crates/engine/src/era.rs:7", true)];
/// assert_eq!(fit::column(&paths, 26), ["crates/…/table.rs:128", "crates/…/era.rs:7"]);
/// ```
#[must_use]
pub fn column(cells: &[(&str, bool)], max: usize) -> Vec<String> {
    let paths = cells.iter().filter(|(_, is_path)| *is_path);
    let paths: Vec<&str> = paths.map(|&(path, _)| path).collect();
    let rule = Paths::new(&paths, max);
    let short = cells.iter().map(|&(cell, is_path)| match is_path {
        true => rule.shorten(cell),
        false => middle(cell, max),
    });
    short.collect()
}

/// A rule that fits the paths of one table column into its width. Paths may end in `:line` or
/// `:line:column`. All follow the same rule, so that similar paths look similar.
///
/// It leaves out directories in the middle. It keeps as many leading directories as fit into every
/// shortened path. If one path of a directory is shortened, all paths of that directory are.
#[derive(Debug)]
pub(crate) struct Paths<'a> {
    max: usize,
    /// Directories whose paths are shortened.
    shortened: Vec<&'a str>,
    /// How many leading directories these keep.
    kept: usize,
}

impl<'a> Paths<'a> {
    /// The rule that fits `paths` into `max` columns.
    pub(crate) fn new(paths: &[&'a str], max: usize) -> Self {
        let too_long = || paths.iter().filter(|path| width(path) > max);
        let mut directories: Vec<&str> = too_long().map(|path| split(path).0).collect();
        directories.sort_unstable();
        directories.dedup();
        let fits = |path, kept| width(&shortened(path, kept)) <= max;
        // A path that does not fit even without directories must not cost the others theirs.
        let rooms = too_long().filter_map(|path| (0..).take_while(|&n| fits(path, n)).last());
        let kept = rooms.min().unwrap_or(0);
        Self {
            max,
            shortened: directories,
            kept,
        }
    }

    /// Shortens one of the paths if its directory requires it.
    pub(crate) fn shorten(&self, path: &str) -> String {
        if self.shortened.binary_search(&split(path).0).is_err() {
            return path.to_owned();
        }
        match shortened(path, self.kept) {
            short if width(&short) <= self.max => short,
            _ => file(path, self.max),
        }
    }
}

/// Splits `path` into its directories, including the last separator, and its file.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(['/', '\\']).map_or(0, |at| at + 1))
}

/// The first `n` of `directories`, or all if there are fewer, with the separator.
fn start(directories: &str, n: usize) -> &str {
    let Some(last) = n.checked_sub(1) else {
        return "";
    };
    // An absolute path's root does not count as a directory.
    let mut ends = directories
        .match_indices(['/', '\\'])
        .filter(|&(at, _)| at > 0);
    let end = ends.nth(last).map_or(directories.len(), |(at, _)| at + 1);
    directories.get(..end).unwrap_or(directories)
}

/// Splits a lock's place into its prefix (`new@`, `first@`) and the path. The prefix always stays,
/// since it distinguishes the place from that of an acquisition.
fn marked(path: &str) -> (&str, &str) {
    let mark = Lock::PREFIXES.iter().find(|mark| path.starts_with(**mark));
    path.split_at(mark.map_or(0, |mark| mark.len()))
}

/// `path` with only its first `kept` directories, or all of it if that is no longer.
fn shortened(path: &str, kept: usize) -> String {
    let (mark, place) = marked(path);
    let (directories, file) = split(place);
    let separator = if directories.ends_with('\\') {
        '\\'
    } else {
        '/'
    };
    let short = format!("{mark}{}{MARK}{separator}{file}", start(directories, kept));
    if width(&short) < width(path) {
        short
    } else {
        path.to_owned()
    }
}

/// The file of `path` in at most `max` columns. The line number stays if there is room for it.
fn file(path: &str, max: usize) -> String {
    let (mark, place) = marked(path);
    let (_, file) = split(place);
    if width(mark) + width(file) <= max {
        return format!("{mark}{file}");
    }
    // A column may follow the line.
    let (name, line) = match file.find(':') {
        Some(colon) => file.split_at(colon),
        None => (file, ""),
    };
    match max.checked_sub(width(mark) + width(line)) {
        Some(room) => format!("{mark}{}{line}", middle(name, room)),
        None => middle(&format!("{mark}{file}"), max),
    }
}

/// The longest prefix of `text` in at most `max` columns.
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

/// The longest suffix of `text` in at most `max` columns.
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

/// Wraps `text` between words into lines of at most `max` columns, and indents all lines but the
/// first.
///
/// ```
/// assert_eq!(nexus_lockprof_export::readable::fit::wrapped("one two three", 8), "one two\n  three");
/// ```
#[must_use]
pub fn wrapped(text: &str, max: usize) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let needed = width(word) + 1;
        if used == 0 {
            used = width(word);
        } else if used + needed <= max {
            used += needed;
            lines.push(' ');
        } else {
            used = width(word) + 2;
            lines.push_str("\n  ");
        }
        lines.push_str(word);
    }
    lines
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
            ("src/table.rs:128:17", 18, "…/table.rs:128:17"),
            ("src/table.rs:128:17", 14, "tab….rs:128:17"),
            (r"src\net\pool\tcp.rs:7", 16, r"src\…\tcp.rs:7"),
            ("/usr/lib/rustlib/src/a.rs:1", 20, "/usr/lib/…/a.rs:1"),
            ("no_directory_at_all.rs:12", 16, "no_dir…all.rs:12"),
            ("日本語/日本語/源.rs:9", 16, "日本語/…/源.rs:9"),
            ("日本語/日本語/源.rs:9", 15, "…/源.rs:9"),
            ("new@src/net/table.rs:12", 22, "new@src/…/table.rs:12"),
            ("new@src/net/table.rs:12", 20, "new@…/table.rs:12"),
            ("new@src/net/table.rs:12", 15, "new@table.rs:12"),
            ("first@table.rs:12", 12, "first@t…s:12"),
            ("first@table.rs:12", 5, "fi…12"),
        ] {
            let found = Paths::new(&[whole], max).shorten(whole);
            assert!(width(&found) <= max, "{found}: {} > {max}", width(&found));
            assert_eq!(found, expected, "{whole} in {max}");
        }
    }

    #[track_caller]
    fn together(whole: &[&str], max: usize, expected: &[&str]) {
        let rule = Paths::new(whole, max);
        let found: Vec<String> = whole.iter().map(|path| rule.shorten(path)).collect();
        assert_eq!(found, expected, "in {max}");
    }

    #[test]
    fn alike_paths_look_alike() {
        let whole = [
            "crates/profiler/examples/symbols.rs:40",
            "crates/profiler/examples/queue.rs:7",
            "crates/core/shard/table.rs:88",
            "/home/user/deps/lib.rs:1",
        ];
        together(&whole, 38, &whole);
        // Only the first path's directory is shortened; the paths that fit stay.
        let few = [
            "crates/profiler/…/symbols.rs:40",
            "crates/profiler/…/queue.rs:7",
            "crates/core/shard/table.rs:88",
            "/home/user/deps/lib.rs:1",
        ];
        together(&whole, 37, &few);
        together(&whole, 31, &few);
        let fewer = [
            "crates/…/symbols.rs:40",
            "crates/…/queue.rs:7",
            "crates/…/table.rs:88",
            "/home/user/deps/lib.rs:1",
        ];
        together(&whole, 28, &fewer);
        let least = [
            "…/symbols.rs:40",
            "…/queue.rs:7",
            "…/table.rs:88",
            "…/lib.rs:1",
        ];
        together(&whole, 21, &least);
    }

    #[test]
    fn a_path_that_has_no_room_takes_none_from_others() {
        together(
            &[
                "src/a_very_long_name_of_a_file.rs:1",
                "crates/core/shard/table.rs:88",
                "a_long_name_without_any_directory.rs:1",
                "main.rs:1",
            ],
            22,
            &[
                "a_very_lon…a_file.rs:1",
                "crates/…/table.rs:88",
                "a_long_nam…ectory.rs:1",
                "main.rs:1",
            ],
        );
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
