//! Names of points in the table.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{Lock, Point, Site, Text, portable_path, printable};

use super::elide;

/// The longest name shown, in terminal columns. A file's path may have any length, and repeats at
/// each of its points.
const LONGEST: usize = 200;

/// Names the table's places. Those that share a line need their column, too.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name of each file: its portable path.
    files: HashMap<Text, Text>,
    /// The column of the only place on a line; `None` if there are several.
    sites: HashMap<(Text, u32), Option<u32>>,
    locks: HashMap<(Text, u32), Option<u32>>,
}

impl Names {
    pub(super) fn new(points: &[&Point]) -> Self {
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
    pub(super) fn site(&self, site: &Site) -> String {
        self.named(&self.sites, site)
    }

    /// The name of a lock class.
    pub(super) fn lock(&self, lock: &Lock) -> String {
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
pub(super) fn shown(name: &str) -> String {
    let name = printable(name);
    match name.len() > LONGEST {
        true => elide::middle(&name, LONGEST),
        false => name.into_owned(),
    }
}
