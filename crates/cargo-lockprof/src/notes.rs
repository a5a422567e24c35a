//! Notes on locks that are not seen. They are kept beside the build: cargo compiles a crate once,
//! and every run has a report.
//!
//! A crate's notes include those of its dependencies. So the notes of a project's own crates cover
//! its programs.

use crate::files;
use crate::settings::NOTES;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Keeps the notes on a crate: its own, and those of its dependencies `on`. Ignores errors, since a
/// missing note is not worth a failed build.
pub(crate) fn set(build: &Path, key: &str, own: &[String], on: impl Iterator<Item = String>) {
    let folder = build.join(NOTES);
    let mut lines: BTreeSet<String> = own.iter().cloned().collect();
    for dependency in on {
        let text = fs::read_to_string(folder.join(dependency)).unwrap_or_default();
        lines.extend(text.lines().skip(1).map(str::to_owned));
    }
    let mut text = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for line in lines {
        text.push('\n');
        text.push_str(&line.replace('\n', " "));
    }
    let _ = files::write(&folder.join(key), &text);
}

/// The notes on all crates of the project in `root`, in order.
pub(crate) fn all(build: &Path, root: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(build.join(NOTES)).into_iter().flatten();
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    let mut all = BTreeSet::new();
    for text in texts {
        let mut lines = text.lines();
        if lines
            .next()
            .is_some_and(|folder| Path::new(folder).starts_with(root))
        {
            all.extend(lines.map(str::to_owned));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_handed_on_to_the_projects_crates() {
        let build = std::env::temp_dir().join(format!("lockprof-notes-{}", std::process::id()));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        set(&build, "a-1", &["a 1.0 (x)".to_owned()], [].into_iter());
        set(
            &build,
            "b-2",
            &["b 2.0 (y)".to_owned()],
            ["a-1".to_owned(), "c-3".to_owned()].into_iter(),
        );
        let found: Vec<String> = all(&build, root).into_iter().collect();
        assert_eq!(found, ["a 1.0 (x)", "b 2.0 (y)"]);
        assert!(all(&build, &root.join("elsewhere")).is_empty());
        files::remove(&build).unwrap();
    }
}
