//! What is the same on every machine: paths without the folder in which a machine keeps the crates that cargo has fetched, and snapshots
//! in which such a folder does not make two points of one.

use std::borrow::Cow;

use crate::{Frame, Lock, Point, Site, Snapshot, point};

/// `path` without the part that says only where this machine keeps the file:
///
/// - `crate-1.2.3/src/x.rs` for a crate from a registry, `name-rev/src/x.rs` for one from git;
/// - `std/src/x.rs` for the standard library.
///
/// What follows the path, such as a line, stays. Two files may have the same portable path, so whoever keys anything by it must add up.
///
/// ```
/// use nexus_lockprof_snapshot::portable_path;
///
/// let path = "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/dep-1.2.3/src/lib.rs";
/// assert_eq!(portable_path(path), "dep-1.2.3/src/lib.rs");
/// ```
#[must_use]
pub fn portable_path(path: &str) -> Cow<'_, str> {
    if let Some((_, rest)) = after(path, &["registry", "src"])
        && let Some((_index, rest)) = component(rest)
        && let Some((name, _)) = component(rest)
        && has_version(name)
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

/// Whether it is called like a folder of cargo's: `crate-1.2.3`.
fn has_version(folder: &str) -> bool {
    let mut ends = folder.match_indices('-').map(|(at, _)| at + 1);
    let is_digit = |at| folder.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    ends.any(is_digit)
}

impl Site {
    /// The same place, by its [`portable_path`].
    pub(crate) fn portable(&self) -> Self {
        Self::new(portable_path(&self.file), self.line, self.column)
    }
}

impl Lock {
    pub(crate) fn portable(&self) -> Self {
        match self {
            Self::Created(site) => Self::Created(site.portable()),
            Self::Named(_) | Self::Anonymous => self.clone(),
        }
    }
}

impl Point {
    /// Its key, by portable paths.
    fn portable_key(&self) -> (Lock, crate::AcquireMode, Site) {
        (self.lock.portable(), self.mode, self.site.portable())
    }
}

impl Snapshot {
    /// The snapshot in which points are one that differ only in the folder in which a machine keeps the crates that cargo has fetched: a merge
    /// of two machines has such points, and they look alike wherever paths are shortened. What they did is added up, at the
    /// [`portable_path`]. All other points stay as they are.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let at = |home: &str| Point {
    ///     acquisitions: 5,
    ///     ..Point::new(
    ///         Lock::Named("pool".into()),
    ///         AcquireMode::Exclusive,
    ///         Site::new(format!("{home}/.cargo/registry/src/index-1/pool-1.0.0/src/lib.rs"), 7, 9),
    ///     )
    /// };
    /// let two = Snapshot::from_parts(SnapshotParts { points: vec![at("/home/a"), at("/root")], ..SnapshotParts::default() });
    /// let one = two.portable();
    /// assert_eq!((one.points().len(), one.points()[0].acquisitions), (1, 10));
    /// assert_eq!(one.points()[0].site.file, "pool-1.0.0/src/lib.rs");
    /// ```
    #[must_use]
    pub fn portable(self) -> Self {
        let is_short = |site: &Site| matches!(portable_path(&site.file), Cow::Borrowed(short) if short.len() == site.file.len());
        let stays = |point: &Point| {
            is_short(&point.site) && !matches!(&point.lock, Lock::Created(site) if !is_short(site))
        };
        if self.points.iter().all(stays) {
            return self;
        }
        let mut keyed: Vec<_> = self
            .points
            .iter()
            .map(|point| (point.portable_key(), point))
            .collect();
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut points = Vec::with_capacity(keyed.len());
        for alike in keyed.chunk_by(|(a, _), (b, _)| a == b) {
            match alike {
                [(_, alone)] => points.push((*alone).clone()),
                _ => points.extend(alike.iter().map(|((lock, mode, site), point)| Point {
                    lock: lock.clone(),
                    mode: *mode,
                    site: site.clone(),
                    callers: point.callers.iter().map(crate::Stack::portable).collect(),
                    ..(*point).clone()
                })),
            }
        }
        self.with_points(points)
    }

    /// The same snapshot with other points: some of its own, as a rule. Everything else stays, such as how many it was merged from.
    #[must_use]
    pub fn with_points(self, mut points: Vec<Point>) -> Self {
        point::normalize(&mut points);
        Self { points, ..self }
    }
}

impl crate::Stack {
    /// The same stack, by portable paths. Addresses, which differ from process to process, stay only where there is nothing else to know a
    /// frame by.
    fn portable(&self) -> Self {
        let frames = self.frames.iter().map(|frame| Frame {
            function: frame.function.clone(),
            file: frame
                .file
                .as_deref()
                .map(|file| portable_path(file).into_owned()),
            line: frame.line,
            address: if frame.function.is_some() || frame.file.is_some() {
                0
            } else {
                frame.address
            },
        });
        Self {
            frames: frames.collect(),
            ..self.clone()
        }
    }
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
            // Folders of the project that are called like cargo's.
            (
                "crates/registry/src/index/table.rs",
                "crates/registry/src/index/table.rs",
            ),
            (
                "/home/me/.cargo/registry/src/index-1/dep-1.2.3/registry/src/index/table.rs",
                "dep-1.2.3/registry/src/index/table.rs",
            ),
            ("größe/src/ß.rs", "größe/src/ß.rs"),
            ("", ""),
        ] {
            assert_eq!(portable_path(path), expected, "{path}");
        }
    }
}
