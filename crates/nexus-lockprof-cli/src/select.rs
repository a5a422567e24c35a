//! Selects the points of a snapshot to show.

use anyhow::{Result, bail};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use nexus_lockprof_export::text::SortKey;
use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, Text};
use std::collections::HashMap;

/// Sort orders. `lockprof top` has the same names for the columns that it has.
const SORTS: [(&str, SortKey, &str); 13] = [
    ("wait", SortKey::TotalWait, "Total wait"),
    ("wait-p95", SortKey::WaitP95, "95th percentile of the waits"),
    ("wait-max", SortKey::MaxWait, "Longest wait"),
    ("hold", SortKey::TotalHold, "Total hold"),
    ("hold-p95", SortKey::HoldP95, "95th percentile of the holds"),
    ("hold-max", SortKey::MaxHold, "Longest hold"),
    (
        "caused",
        SortKey::Caused,
        "How long others waited while the point held the lock",
    ),
    ("acquisitions", SortKey::Acquisitions, "Acquisitions"),
    (
        "contentions",
        SortKey::Contentions,
        "Acquisitions that had to wait",
    ),
    (
        "contention-ratio",
        SortKey::ContentionRatio,
        "Share of the acquisitions that had to wait",
    ),
    ("lock", SortKey::Name, "Name of the lock, then the place"),
    ("site", SortKey::Site, "Place of the acquisition"),
    ("mode", SortKey::Mode, "Exclusive, shared or upgradable"),
];

/// Parses the name of a sort order.
pub(crate) fn sort() -> impl TypedValueParser<Value = SortKey> {
    let names = SORTS.map(|(name, _, help)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(names).map(|name| {
        let sort = SORTS.iter().find(|sort| sort.0 == name);
        sort.map_or_else(SortKey::default, |sort| sort.1)
    })
}

/// The points to select.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// Only this lock.
    pub(crate) lock: Option<&'a str>,
    /// Only points with these words.
    pub(crate) filter: Option<&'a str>,
    /// The order that decides which come first.
    pub(crate) sort: SortKey,
    /// The maximum number of points.
    pub(crate) top: Option<usize>,
}

impl Selection<'_> {
    /// Whether it leaves out any points.
    pub(crate) const fn is_some(&self) -> bool {
        self.lock.is_some() || self.filter.is_some() || self.top.is_some()
    }

    /// The snapshot with only these points, and only who waits at them.
    ///
    /// # Errors
    ///
    /// If there are points, but none matches, and nobody who waits does: the name was mistyped.
    pub(crate) fn of(&self, snapshot: Snapshot) -> Result<Snapshot> {
        let cut = self.top.is_some_and(|top| top < snapshot.points().len());
        if self.lock.is_none() && self.filter.is_none() && !cut {
            return Ok(snapshot);
        }
        let mut words = Words::new(self.filter.unwrap_or_default());
        let of = snapshot.points().len();
        let mut is_meant = |lock: &Lock, mode, site: &Site| {
            self.lock.is_none_or(|name| lock.name() == name) && words.are_in(lock, mode, site)
        };
        let snapshot = snapshot
            .filter(|point| is_meant(&point.lock, point.mode, &point.site))
            .filter_waiters(|waiter| is_meant(&waiter.lock, waiter.mode, &waiter.site));
        if snapshot.points().is_empty() && snapshot.waiters().is_empty() && of > 0 {
            match (self.lock, self.filter) {
                (Some(lock), None) => bail!("no lock is called `{lock}`; there are {of} points"),
                (_, filter) => bail!(
                    "no point has `{}`; there are {of}",
                    filter.unwrap_or_default()
                ),
            }
        }
        Ok(match self.top {
            Some(top) => self.first(snapshot, top),
            None => snapshot,
        })
    }

    /// The first `top` points.
    fn first(&self, snapshot: Snapshot, top: usize) -> Snapshot {
        let mut numbered: Vec<(usize, &Point)> = snapshot.points().iter().enumerate().collect();
        // A stable sort: ties stay ordered by total wait.
        numbered.sort_by(|(_, a), (_, b)| self.sort.compare(a, b));
        let mut is_kept = vec![false; numbered.len()];
        for (number, _) in numbered.iter().take(top) {
            is_kept[*number] = true;
        }
        let mut is_kept = is_kept.into_iter();
        snapshot.filter(|_| is_kept.next().unwrap_or(false))
    }
}

/// Words that a point must all contain, in any case, in the lock's name, the place or the mode.
struct Words {
    words: Vec<String>,
    /// Each text in lower case, created once: a file can have one long text at each of its points.
    small: HashMap<Text, String>,
}

impl Words {
    fn new(words: &str) -> Self {
        Self {
            words: words.split_whitespace().map(str::to_lowercase).collect(),
            small: HashMap::new(),
        }
    }

    fn are_in(&mut self, lock: &Lock, mode: AcquireMode, site: &Site) -> bool {
        let Self { words, small } = self;
        let mode = mode.as_str();
        words.iter().all(|word| {
            mode.contains(word.as_str())
                || is_in_site("", site, word, small)
                || match lock {
                    Lock::Named(name) => of(name, small).contains(word.as_str()),
                    lock @ (Lock::Created(site) | Lock::FirstUsed(site)) => {
                        is_in_site(lock.prefix(), site, word, small)
                    }
                    Lock::Anonymous => "?".contains(word.as_str()),
                }
        })
    }
}

fn of<'a>(text: &Text, small: &'a mut HashMap<Text, String>) -> &'a str {
    small
        .entry(text.clone())
        .or_insert_with(|| text.to_lowercase())
}

/// Whether `prefix`, file and line, one after the other, contain the word. The whole text is never
/// made: the file may be long.
fn is_in_site(prefix: &str, site: &Site, word: &str, small: &mut HashMap<Text, String>) -> bool {
    let file = of(&site.file, small);
    let line = || format!(":{}", site.line);
    // For a word that spans the prefix or the line number, that much of the file is enough.
    let begin = file
        .get(..file.floor_char_boundary(word.len()))
        .unwrap_or(file);
    let end = file.get(file.floor_char_boundary(file.len().saturating_sub(word.len()))..);
    file.contains(word)
        || format!("{}{}", end.unwrap_or(file), line()).contains(word)
        || !prefix.is_empty() && {
            let rest = if begin == file { line() } else { String::new() };
            format!("{prefix}{begin}{rest}").contains(word)
        }
}
