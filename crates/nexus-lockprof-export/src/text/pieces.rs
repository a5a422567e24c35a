//! Building blocks of the report, for tables of points that should read like it.
//!
//! ```
//! use nexus_lockprof_export::text::pieces;
//!
//! assert_eq!(pieces::duration(1_234_567), "1.23ms");
//! assert_eq!(pieces::count(45_600), "45.6k");
//! assert_eq!(pieces::percent(25, 1_000), "2.5%");
//! ```

use std::borrow::Cow;

use nexus_lockprof_snapshot::{Finding, Lock, Point, Site, portable_path};

use super::{callers, elide, findings, names, unit};

/// A duration of `ns` nanoseconds with three significant digits, in `ns`, `µs`, `ms` or `s`.
#[must_use]
pub fn duration(ns: u64) -> String {
    unit::duration(ns)
}

/// A count with three significant digits, plain or in `k`, `M`, `G`, `T`, `P` or `E`.
#[must_use]
pub fn count(n: u64) -> String {
    unit::count(n)
}

/// `part` of `whole` in percent, with at most one decimal. Only nothing is 0 %, and only all is 100
/// %.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    unit::percent(part, whole)
}

/// The portable path of a source file. It omits where cargo keeps fetched crates and where the
/// toolchain keeps its sources.
///
/// ```
/// use nexus_lockprof_export::text::pieces;
///
/// let path = "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/dep-1.2.3/src/lib.rs";
/// assert_eq!(pieces::path(path), "dep-1.2.3/src/lib.rs");
/// ```
#[must_use]
pub fn path(path: &str) -> Cow<'_, str> {
    portable_path(path)
}

/// Terminal columns that `text` takes.
///
/// ```
/// use nexus_lockprof_export::text::pieces;
///
/// assert_eq!(pieces::width("日本"), 4);
/// ```
#[must_use]
pub fn width(text: &str) -> usize {
    elide::width(text)
}

/// Shortens `text` to at most `max` terminal columns by leaving out its middle.
///
/// ```
/// use nexus_lockprof_export::text::pieces;
///
/// assert_eq!(pieces::middle("sessions", 7), "ses…ons");
/// ```
#[must_use]
pub fn middle(text: &str, max: usize) -> String {
    elide::middle(text, max)
}

/// One line for each of the first `most` call stacks that waited at `point`, by their share of the
/// waiting, then one that counts the rest. No line is wider than `width` terminal columns. Empty
/// without [callers](Point::callers).
#[must_use]
pub fn callers(point: &Point, most: usize, width: usize) -> Vec<String> {
    callers::lines(point, most, width)
}

/// The text and the remedy of a finding in lines of at most `width` terminal columns.
#[must_use]
pub fn finding(finding: &Finding, width: usize) -> Vec<String> {
    let lines = findings::one(finding, width);
    lines.lines().map(str::to_owned).collect()
}

/// Names for the points of one table: portable paths, plus the column where two places share a
/// line. Safe to print.
///
/// ```
/// use nexus_lockprof_export::text::pieces::Names;
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
///
/// let point = |column| Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("./src/a.rs", 7, column));
/// let (first, second) = (point(5), point(30));
/// assert_eq!(Names::new([&first]).site(&first.site), "src/a.rs:7");
/// assert_eq!(Names::new([&first, &second]).site(&first.site), "src/a.rs:7:5");
/// ```
#[derive(Debug)]
pub struct Names(names::Names);

impl Names {
    /// The names for a table of `points`.
    #[must_use]
    pub fn new<'a>(points: impl IntoIterator<Item = &'a Point>) -> Self {
        let points: Vec<&Point> = points.into_iter().collect();
        Self(names::Names::new(&points))
    }

    /// The name of an acquisition's place.
    #[must_use]
    pub fn site(&self, site: &Site) -> String {
        self.0.site(site)
    }

    /// The name of a lock class.
    #[must_use]
    pub fn lock(&self, lock: &Lock) -> String {
        self.0.lock(lock)
    }
}

/// A rule that fits the paths of one table column into its width. Paths may end in `:line` or
/// `:line:column`. All follow the same rule, so that similar paths look similar.
///
/// ```
/// use nexus_lockprof_export::text::pieces::Paths;
///
/// let paths = ["crates/engine/src/table.rs:128", "crates/engine/src/era.rs:7"];
/// let rule = Paths::new(&paths, 26);
/// assert_eq!(paths.map(|path| rule.shorten(path)), ["crates/…/table.rs:128", "crates/…/era.rs:7"]);
/// ```
#[derive(Debug)]
pub struct Paths<'a>(elide::Paths<'a>);

impl<'a> Paths<'a> {
    /// The rule that fits `paths` into `max` terminal columns.
    #[must_use]
    pub fn new(paths: &[&'a str], max: usize) -> Self {
        Self(elide::Paths::new(paths, max))
    }

    /// Shortens one of the paths if its directory requires it.
    #[must_use]
    pub fn shorten(&self, path: &str) -> String {
        self.0.shorten(path)
    }
}
