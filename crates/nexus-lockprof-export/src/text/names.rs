//! What points are called in the table.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{Lock, Point, Site, portable_path, printable};

/// The places of the table that must be told apart by their column: others share their line.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The column of a line's first place; `None` if there are others.
    sites: HashMap<(String, u32), Option<u32>>,
    locks: HashMap<(String, u32), Option<u32>>,
}

impl Names {
    pub(super) fn new(points: &[&Point]) -> Self {
        let mut names = Self::default();
        for point in points {
            note(&mut names.sites, &point.site);
            if let Lock::Created(site) = &point.lock {
                note(&mut names.locks, site);
            }
        }
        names
    }

    /// The place of an acquisition.
    pub(super) fn site(&self, site: &Site) -> String {
        named(&self.sites, site)
    }

    /// A lock class.
    pub(super) fn lock(&self, lock: &Lock) -> String {
        match lock {
            Lock::Created(site) => named(&self.locks, site),
            _ => printable(&lock.name()).into_owned(),
        }
    }
}

fn line(site: &Site) -> (String, u32) {
    (portable_path(&site.file).into_owned(), site.line)
}

fn note(lines: &mut HashMap<(String, u32), Option<u32>>, site: &Site) {
    let column = lines.entry(line(site)).or_insert(Some(site.column));
    if *column != Some(site.column) {
        *column = None;
    }
}

fn named(lines: &HashMap<(String, u32), Option<u32>>, site: &Site) -> String {
    if site.is_group() {
        return printable(&site.file).into_owned();
    }
    let short = line(site);
    let alone = lines.get(&short).is_some_and(Option::is_some);
    let (file, line) = short;
    let name = match alone {
        true => format!("{file}:{line}"),
        false => format!("{file}:{line}:{}", site.column),
    };
    printable(&name).into_owned()
}
