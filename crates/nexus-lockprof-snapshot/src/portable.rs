//! Portable paths, which do not depend on where a machine keeps cargo's crates. Also merges points
//! that differ only by such a directory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::{EdgeEnd, Frame, Lock, Point, Site, Snapshot, Text, Waiter, point, renamed};

/// `path` without the directories that say only where this machine keeps the file:
///
/// - `crate-1.2.3/src/x.rs` for a crate from a registry, `name-rev/src/x.rs` for one from git;
/// - `std/src/x.rs` for the standard library.
///
/// The text after the path stays, such as a line number. Two files may share a portable path, so
/// whoever uses it as a key must add up.
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

/// The owner of a source file, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The standard library's.
    Std,
    /// A crate that cargo fetched, from a registry or from git.
    Dependency,
    /// The program itself, as far as the path tells. A vendored crate counts as the program's own.
    Program,
}

impl Origin {
    /// The owner of the file at `path`. A [portable path](portable_path) gives the same.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Origin;
    ///
    /// assert_eq!(Origin::of("/rustc/59807616e1fa/library/core/src/ops/function.rs"), Origin::Std);
    /// assert_eq!(Origin::of("dep-1.2.3/src/lib.rs"), Origin::Dependency);
    /// assert_eq!(Origin::of("/home/me/app/src/main.rs"), Origin::Program);
    /// ```
    #[must_use]
    pub fn of(path: &str) -> Self {
        const STD: [&str; 3] = ["std", "core", "alloc"];
        let portable = portable_path(path);
        let Some((first, rest)) = component(&portable) else {
            return Self::Program;
        };
        let is_src = component(rest).is_some_and(|(second, _)| second == "src");
        if is_src && STD.contains(&first) {
            Self::Std
        } else if has_version(first) || portable.len() + "./".len() < path.len() {
            Self::Dependency
        } else {
            Self::Program
        }
    }
}

const SEPARATORS: [char; 2] = ['/', '\\'];

/// Splits `path` around the first occurrence of these directories in a row that has something
/// before it.
fn after<'a>(path: &'a str, directories: &[&str]) -> Option<(&'a str, &'a str)> {
    // Not from each separator: a path may be long, and made of nothing else.
    let starts = path.match_indices(directories.first()?);
    starts.into_iter().find_map(|(start, _)| {
        let (before, mut rest) = path.split_at_checked(start)?;
        if !before.ends_with(SEPARATORS) {
            return None;
        }
        for directory in directories {
            rest = rest.strip_prefix(directory)?.strip_prefix(SEPARATORS)?;
        }
        Some((before, rest))
    })
}

/// Whether the name looks like one of cargo's directories: `crate-1.2.3`.
fn has_version(folder: &str) -> bool {
    let mut ends = folder.match_indices('-').map(|(at, _)| at + 1);
    let is_digit = |at| folder.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    ends.any(is_digit)
}

/// The [portable paths](portable_path) of many texts. Computes each only once, however many points
/// have it.
///
/// ```
/// use nexus_lockprof_snapshot::{PortablePaths, Text};
///
/// let mut paths = PortablePaths::default();
/// let path = Text::from("/rustc/59807616e1fa/library/std/src/thread.rs");
/// assert_eq!(paths.get(&path), "std/src/thread.rs");
/// assert!(paths.get(&path).is_shared_with(&paths.get(&path)));
/// ```
#[derive(Debug, Default)]
pub struct PortablePaths(HashMap<Text, Text>);

impl PortablePaths {
    /// The portable path of `path`. Equal paths share one text; it is `path` itself if nothing is
    /// left out.
    #[must_use]
    pub fn get(&mut self, path: &Text) -> Text {
        if let Some(known) = self.0.get(path) {
            return known.clone();
        }
        let portable = match portable_path(path) {
            Cow::Borrowed(all) if all.len() == path.len() => path.clone(),
            short => short.into(),
        };
        self.0.insert(path.clone(), portable.clone());
        portable
    }
}

/// The key by which two records are one point, with portable paths.
type PortableKey = (Lock, crate::AcquireMode, Site);

impl Point {
    fn portable_key(&self, paths: &mut PortablePaths) -> PortableKey {
        let mut path = |path: &Text| paths.get(path);
        let lock = self.lock.with_file(&mut path);
        (lock, self.mode, self.site.with_file(path))
    }
}

impl Snapshot {
    /// Merges points that differ only in where a machine keeps the crates that cargo has fetched. A
    /// merge of two machines has such points, and they look alike wherever paths are shortened.
    /// Their figures add up at the [`portable_path`]. All other points stay as they are. Instances,
    /// past points, pairs of locks, and those who wait get the names of their points.
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
        let mut paths = PortablePaths::default();
        let mut stays = |site: &Site| paths.get(&site.file).is_shared_with(&site.file);
        if self
            .points
            .iter()
            .all(|point| stays(&point.site) && point.lock.site().is_none_or(&mut stays))
        {
            return self.renamed(&mut paths);
        }
        let mut portable: Vec<PortableKey> = self
            .points
            .iter()
            .map(|point| point.portable_key(&mut paths))
            .collect();
        // Points keep their paths unless they share a portable key with another.
        let mut numbers: Vec<usize> = (0..portable.len()).collect();
        numbers.sort_unstable_by(|&a, &b| portable[a].cmp(&portable[b]));
        let mut is_alone = vec![true; portable.len()];
        for alike in numbers.chunk_by(|&a, &b| portable[a] == portable[b]) {
            if let [_, _, ..] = alike {
                alike.iter().for_each(|&number| is_alone[number] = false);
            }
        }
        let mut renamed: HashMap<EdgeEnd, EdgeEnd> = HashMap::new();
        let mut points = self.points;
        for ((point, key), is_alone) in points.iter_mut().zip(portable.drain(..)).zip(is_alone) {
            if !is_alone {
                let before = EdgeEnd::from(&*point);
                (point.lock, point.mode, point.site) = key;
                renamed.insert(before, EdgeEnd::from(&*point));
                let frames = point.callers.iter_mut().flat_map(|stack| &mut stack.frames);
                frames.for_each(|frame| frame.make_portable(&mut paths));
            }
        }
        let mut edges = self.edges;
        for edge in &mut edges {
            for end in edge.waiting.iter_mut().chain([&mut edge.holding]) {
                if let Some(portable) = renamed.get(end) {
                    *end = portable.clone();
                }
            }
        }
        Self::new(self.head, points, edges).renamed(&mut paths)
    }

    /// Renames locks and places elsewhere in the snapshot, if points have their portable name.
    pub(crate) fn renamed(mut self, paths: &mut PortablePaths) -> Self {
        renamed::like_points(&mut self.head, &self.points, |path| paths.get(path));
        self
    }

    /// The same snapshot with only the points for which `keep` is true, and the edges from and to
    /// them.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
    ///
    /// let at = |line| Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("src/a.rs", line, 1));
    /// let snapshot = Snapshot::from_parts(SnapshotParts { points: vec![at(7), at(9)], ..SnapshotParts::default() });
    /// let first = snapshot.filter(|point| point.site.line < 8);
    /// assert_eq!(first.points().len(), 1);
    /// ```
    #[must_use]
    pub fn filter(mut self, keep: impl FnMut(&Point) -> bool) -> Self {
        self.points.retain(keep);
        self.drop_edges();
        self
    }

    /// The same snapshot with only the waiters for which `keep` is true.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// let of_one_lock = snapshot.filter_waiters(|waiter| waiter.lock.name() == "accounts");
    /// assert!(of_one_lock.waiters().is_empty());
    /// ```
    #[must_use]
    pub fn filter_waiters(mut self, keep: impl FnMut(&Waiter) -> bool) -> Self {
        self.head.waiters.retain(keep);
        self
    }

    /// The same snapshot with other points, usually a subset of its own, and the edges from and to
    /// them. The rest stays, such as the number of merged snapshots.
    #[must_use]
    pub fn with_points(self, mut points: Vec<Point>) -> Self {
        point::normalize(&mut points);
        let mut snapshot = Self { points, ..self };
        snapshot.drop_edges();
        snapshot
    }

    /// Drops the edges that neither come from a point nor lead to one.
    fn drop_edges(&mut self) {
        let there: HashSet<point::Key<'_>> = self.points.iter().map(Point::key).collect();
        let has = |end: &EdgeEnd| there.contains(&(&end.lock, end.mode, &end.site));
        self.edges
            .retain(|edge| has(&edge.holding) || edge.waiting.as_ref().is_some_and(has));
    }
}

impl Frame {
    /// Makes the frame's path portable. Its address differs between processes, so it stays only if
    /// no function or line identifies the frame. With a file of code alone, the address is relative
    /// to that file.
    fn make_portable(&mut self, paths: &mut PortablePaths) {
        if let Some(file) = &mut self.file {
            *file = paths.get(file);
        }
        if self.function.is_some() || self.line.is_some() {
            self.address = 0;
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
            // Directories of the project with names like cargo's.
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
