//! Names of the points of one table, and of how they acquire.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Text, portable_path, printable};

use super::fit;

/// The longest name shown, in terminal columns. A file's path may have any length, and repeats at
/// each of its points.
const LONGEST: usize = 200;

/// Names for the points of one table: portable paths, plus the column where two places share a
/// line. Safe to print.
///
/// ```
/// use nexus_lockprof_export::readable::names::Names;
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site};
///
/// let point = |column| Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("./src/a.rs", 7, column));
/// let (first, second) = (point(5), point(30));
/// assert_eq!(Names::new([&first]).site(&first.site), "src/a.rs:7");
/// assert_eq!(Names::new([&first, &second]).site(&first.site), "src/a.rs:7:5");
/// ```
#[derive(Debug, Default)]
pub struct Names {
    /// The name of each file: its portable path.
    files: HashMap<Text, Text>,
    /// The column of the only place on a line; `None` if there are several.
    sites: HashMap<(Text, u32), Option<u32>>,
    locks: HashMap<(Text, u32), Option<u32>>,
}

impl Names {
    /// The names for a table of `points`.
    #[must_use]
    pub fn new<'a>(points: impl IntoIterator<Item = &'a Point>) -> Self {
        let mut names = Self::default();
        let mut paths = HashMap::new();
        for point in points {
            let file = names.note_file(&mut paths, &point.site);
            note(&mut names.sites, file, &point.site);
            if let Some(site) = point.lock.site() {
                let file = names.note_file(&mut paths, site);
                note(&mut names.locks, file, site);
            }
        }
        names
    }

    /// The name of an acquisition's place.
    #[must_use]
    pub fn site(&self, site: &Site) -> String {
        self.named(&self.sites, site)
    }

    /// The name of a lock class.
    #[must_use]
    pub fn lock(&self, lock: &Lock) -> String {
        match lock {
            Lock::Named(name) => shown(name),
            lock => lock
                .name_by(|site| self.named(&self.locks, site))
                .into_owned(),
        }
    }

    /// The name of a file. Files with the same portable path share one text.
    fn note_file(&mut self, paths: &mut HashMap<String, Text>, site: &Site) -> Text {
        if let Some(known) = self.files.get(&site.file) {
            return known.clone();
        }
        let name = shown(&portable_path(&site.file));
        let name = paths
            .entry(name)
            .or_insert_with_key(|name| name.into())
            .clone();
        self.files.insert(site.file.clone(), name.clone());
        name
    }

    fn named(&self, lines: &HashMap<(Text, u32), Option<u32>>, site: &Site) -> String {
        if site.is_group() {
            return shown(&site.file);
        }
        let file = match self.files.get(&site.file) {
            Some(file) => file.clone(),
            None => shown(&portable_path(&site.file)).into(),
        };
        let (line, column) = (site.line, site.column);
        let line = (file, line);
        let alone = lines.get(&line).is_some_and(Option::is_some);
        let (file, line) = line;
        match alone {
            true => format!("{file}:{line}"),
            false => format!("{file}:{line}:{column}"),
        }
    }
}

fn note(lines: &mut HashMap<(Text, u32), Option<u32>>, file: Text, site: &Site) {
    let column = lines.entry((file, site.line)).or_insert(Some(site.column));
    if *column != Some(site.column) {
        *column = None;
    }
}

/// Makes a program's text safe to print and not too long.
pub(crate) fn shown(name: &str) -> String {
    let name = printable(name);
    match name.len() > LONGEST {
        true => fit::middle(&name, LONGEST),
        false => name.into_owned(),
    }
}

/// The two letters for a mode: `ex`, `sh` or `up`.
#[must_use]
pub const fn mode(mode: AcquireMode) -> &'static str {
    match mode {
        AcquireMode::Exclusive => "ex",
        AcquireMode::Shared => "sh",
        AcquireMode::Upgradable => "up",
    }
}
