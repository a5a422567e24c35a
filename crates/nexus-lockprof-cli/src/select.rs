//! Which points of a snapshot are shown.

use anyhow::{Result, bail};
use nexus_lockprof_export::text::SortKey;
use nexus_lockprof_snapshot::{Point, Snapshot};
use std::cmp::Reverse;

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sort {
    /// Sum of the waits.
    #[default]
    Wait,
    /// Sum of the holds.
    Hold,
    /// For how long others waited while the point held the lock.
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

    fn sort(self, points: &mut [Point]) {
        // Stable: what ties stays by total wait.
        match self {
            Self::Wait => points.sort_by_key(|p| Reverse(p.wait.total_ns)),
            Self::Hold => points.sort_by_key(|p| Reverse(p.hold.total_ns)),
            Self::Caused => points.sort_by_key(|p| Reverse(p.caused_wait_ns)),
            Self::Contentions => points.sort_by_key(|p| Reverse(p.contentions)),
            Self::Acquisitions => points.sort_by_key(|p| Reverse(p.acquisitions)),
            Self::MaxWait => points.sort_by_key(|p| Reverse(p.wait.max_ns)),
            Self::MaxHold => points.sort_by_key(|p| Reverse(p.hold.max_ns)),
            Self::Name => points.sort_by(|a, b| {
                let names = a.lock.name().cmp(&b.lock.name());
                names.then_with(|| (&a.site, a.mode).cmp(&(&b.site, b.mode)))
            }),
        }
    }
}

/// Which points are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection<'a> {
    /// Of this lock.
    pub(crate) lock: Option<&'a str>,
    /// With these words.
    pub(crate) filter: Option<&'a str>,
    /// The first by this.
    pub(crate) sort: Sort,
    /// So many.
    pub(crate) top: Option<usize>,
}

impl Selection<'_> {
    /// The snapshot with these points only.
    ///
    /// # Errors
    ///
    /// If there are points, but none that is wanted: a name was mistyped.
    pub(crate) fn of(&self, snapshot: Snapshot) -> Result<Snapshot> {
        let cut = self.top.is_some_and(|top| top < snapshot.points().len());
        if self.lock.is_none() && self.filter.is_none() && !cut {
            return Ok(snapshot);
        }
        let words: Vec<String> = self
            .filter
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let mut points: Vec<Point> = snapshot
            .points()
            .iter()
            .filter(|point| self.lock.is_none_or(|lock| point.lock.name() == lock))
            .filter(|point| has(point, &words))
            .cloned()
            .collect();
        if points.is_empty() && !snapshot.points().is_empty() && self.top != Some(0) {
            let of = snapshot.points().len();
            match (self.lock, self.filter) {
                (Some(lock), None) => bail!("no lock is called `{lock}`; there are {of} points"),
                (_, filter) => bail!(
                    "no point has `{}`; there are {of}",
                    filter.unwrap_or_default()
                ),
            }
        }
        if let Some(top) = self.top {
            self.sort.sort(&mut points);
            points.truncate(top);
        }
        Ok(snapshot.with_points(points))
    }
}

fn has(point: &Point, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let text = format!("{} {} {}", point.lock, point.site, point.mode).to_lowercase();
    words.iter().all(|word| text.contains(word))
}
