//! Labels of metric series, for all formats that have labels.

use crate::{Lock, Point, Site, portable_path, printable};

/// The label of a lock about which nothing is known.
const UNNAMED: &str = "unnamed";

impl Point {
    /// The labels of a point's metric series in every format: `lock`, `site` and `mode`.
    ///
    /// They depend only on the point, so its series goes on whatever other points exist. A place is
    /// `file:line`, by its [portable path](portable_path). Points on one line may have the same
    /// labels: whoever writes series must add them up.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
    ///
    /// let cache = Lock::Named("cache".into());
    /// let point = Point::new(cache, AcquireMode::Shared, Site::new("src/cache.rs", 41, 9));
    /// let labels = point.labels().map(|(name, value)| format!("{name}={value}"));
    /// assert_eq!(labels, ["lock=cache", "site=src/cache.rs:41", "mode=shared"]);
    /// ```
    #[must_use]
    pub fn labels(&self) -> [(&'static str, String); 3] {
        let lock = match &self.lock {
            Lock::Named(name) => printable(name).into_owned(),
            Lock::Created(_) | Lock::FirstUsed(_) => {
                self.lock.name_by(Site::portable_line).into_owned()
            }
            Lock::Anonymous => UNNAMED.to_owned(),
        };
        [
            ("lock", lock),
            ("site", self.site.portable_line()),
            ("mode", self.mode.to_string()),
        ]
    }
}

impl Site {
    /// `file:line` by its [portable path](portable_path), printable. For a group of places, just
    /// its name.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Site;
    ///
    /// let site = Site::new("/rustc/59807616e1fa/library/std/src/thread.rs", 7, 9);
    /// assert_eq!(site.portable_line(), "std/src/thread.rs:7");
    /// ```
    #[must_use]
    pub fn portable_line(&self) -> String {
        if self.is_group() {
            return printable(&self.file).into_owned();
        }
        let place = format!("{}:{}", portable_path(&self.file), self.line);
        printable(&place).into_owned()
    }
}
