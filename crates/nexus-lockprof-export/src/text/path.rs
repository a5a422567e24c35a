//! Paths of source files as one would tell them.

use std::borrow::Cow;

/// `path` without what says only where this machine keeps it:
///
/// - of a crate that cargo has fetched, `crate-1.2.3/src/x.rs`, or `name-rev/src/x.rs` from git;
/// - of the standard library, `std/src/x.rs`.
///
/// What follows the path, such as a line, stays.
pub(crate) fn short(path: &str) -> Cow<'_, str> {
    if let Some((_, rest)) = after(path, &["registry", "src"])
        && let Some((_index, rest)) = component(rest)
    {
        return rest.into();
    }
    if let Some((_, rest)) = after(path, &["git", "checkouts"])
        && let Some((name, rest)) = component(rest)
        && let Some((revision, rest)) = component(rest)
    {
        let name = name.rsplit_once('-').map_or(name, |(name, _hash)| name);
        return format!("{name}-{revision}/{rest}").into();
    }
    if let Some((before, rest)) = after(path, &["library"])
        && (before.starts_with("/rustc/") || before.ends_with("rustlib/src/rust/"))
    {
        return rest.into();
    }
    path.strip_prefix("./").unwrap_or(path).into()
}

const SEPARATORS: [char; 2] = ['/', '\\'];

/// What is before and after these directories in a row, the first time that there is something before them.
fn after<'a>(path: &'a str, directories: &[&str]) -> Option<(&'a str, &'a str)> {
    let starts = path.match_indices(SEPARATORS).map(|(at, _)| at + 1);
    starts.into_iter().find_map(|start| {
        let mut rest = path.get(start..)?;
        for directory in directories {
            rest = rest.strip_prefix(directory)?.strip_prefix(SEPARATORS)?;
        }
        Some((path.get(..start)?, rest))
    })
}

/// The first directory of a path, and the rest.
fn component(path: &str) -> Option<(&str, &str)> {
    path.split_once(SEPARATORS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, expected) in [
            (
                "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/tokio-1.2.3/src/sync/mutex.rs",
                "tokio-1.2.3/src/sync/mutex.rs",
            ),
            (
                r"C:\Users\me\.cargo\registry\src\index\a-0.1.0\src\lib.rs:7",
                r"a-0.1.0\src\lib.rs:7",
            ),
            (
                "/home/me/.cargo/git/checkouts/my-dep-0123456789abcdef/1a2b3c4/src/lib.rs",
                "my-dep-1a2b3c4/src/lib.rs",
            ),
            (
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/thread/mod.rs:9",
                "std/src/thread/mod.rs:9",
            ),
            (
                "/root/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ops.rs",
                "core/src/ops.rs",
            ),
            ("src/main.rs", "src/main.rs"),
            ("./it/main.rs", "it/main.rs"),
            ("/srv/app/library/books.rs", "/srv/app/library/books.rs"),
            ("registry/src/lib.rs", "registry/src/lib.rs"),
            ("/my/registry/src/lib.rs", "/my/registry/src/lib.rs"),
            ("größe/src/ß.rs", "größe/src/ß.rs"),
            ("", ""),
        ] {
            assert_eq!(short(path), expected, "{path}");
        }
    }
}
