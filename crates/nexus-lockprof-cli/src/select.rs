//! Selects the points of a snapshot to show.

use anyhow::{Result, bail};
use nexus_lockprof_export::text::SortKey;
use nexus_lockprof_snapshot::{Lock, Point, Site, Snapshot, Text};
use std::cmp::Reverse;
use std::collections::HashMap;

/// Sort order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sort {
    /// Total wait.
    #[default]
    Wait,
    /// Total hold.
    Hold,
    /// Time that others waited while the point held the lock.
    Caused,
    /// Acquisitions that had to wait.
    Contentions,
    /// Acquisitions.
    Acquisitions,
    /// Longest wait.
    MaxWait,
    /// Longest hold.
    MaxHold,
    /// Name of the lock, then the place.
    Name,
}

impl Sort {
    pub(crate) const fn key(self) -> SortKey {
        match self {
            Self::Wait => SortKey::TotalWait,
            Self::Hold => SortKey::TotalHold,
            Self::Caused => SortKey::Caused,
            Self::Contentions => SortKey::Contentions,
            Self::Acquisitions => SortKey::Acquisitions,
            Self::MaxWait => SortKey::MaxWait,
            Self::MaxHold => SortKey::MaxHold,
            Self::Name => SortKey::Name,
        }
    }

    fn sort(self, points: &mut [(usize, &Point)]) {
        // A stable sort: ties stay ordered by total wait.
        match self {
            Self::Wait => points.sort_by_key(|(_, p)| Reverse(p.wait.total_ns)),
            Self::Hold => points.sort_by_key(|(_, p)| Reverse(p.hold.total_ns)),
            Self::Caused => points.sort_by_key(|(_, p)| Reverse(p.caused_wait_ns)),
            Self::Contentions => points.sort_by_key(|(_, p)| Reverse(p.contentions)),
            Self::Acquisitions => points.sort_by_key(|(_, p)| Reverse(p.acquisitions)),
            Self::MaxWait => points.sort_by_key(|(_, p)| Reverse(p.wait.max_ns)),
            Self::MaxHold => points.sort_by_key(|(_, p)| Reverse(p.hold.max_ns)),
            Self::Name => points.sort_by(|(_, a), (_, b)| {
                let names = a.lock.name().cmp(&b.lock.name());
                names.then_with(|| (&a.site, a.mode).cmp(&(&b.site, b.mode)))
            }),
        }
    }
}

/// The points to select.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// Only this lock.
    pub(crate) lock: Option<&'a str>,
    /// Only points with these words.
    pub(crate) filter: Option<&'a str>,
    /// The order that decides which come first.
    pub(crate) sort: Sort,
    /// The maximum number of points.
    pub(crate) top: Option<usize>,
}

impl Selection<'_> {
    /// The snapshot with only these points.
    ///
    /// # Errors
    ///
    /// If there are points, but none matches: the name was mistyped.
    pub(crate) fn of(&self, snapshot: Snapshot) -> Result<Snapshot> {
        let cut = self.top.is_some_and(|top| top < snapshot.points().len());
        if self.lock.is_none() && self.filter.is_none() && !cut {
            return Ok(snapshot);
        }
        let mut words = Words::new(self.filter.unwrap_or_default());
        let of = snapshot.points().len();
        let snapshot = snapshot.filter(|point| {
            self.lock.is_none_or(|lock| point.lock.name() == lock) && words.are_in(point)
        });
        if snapshot.points().is_empty() && of > 0 && self.top != Some(0) {
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
        self.sort.sort(&mut numbered);
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

    fn are_in(&mut self, point: &Point) -> bool {
        let Self { words, small } = self;
        let mode = point.mode.as_str();
        words.iter().all(|word| {
            mode.contains(word.as_str())
                || is_in_site("", &point.site, word, small)
                || match &point.lock {
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
