//! The target's last snapshot, and its difference from the one before.

use super::figures::Figures;
use super::key::Key;
use nexus_lockprof_export::readable::names::Names;
use nexus_lockprof_snapshot::{AcquireMode, Finding, Point, SinceError, Snapshot};
use std::collections::HashMap;

/// How a snapshot relates to the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the first.
    First,
    /// It is a later one of the same engine.
    Interval,
    /// It is the same one: the target has not collected since.
    Same,
    /// The statistics were reset in between. The snapshot covers the time since the reset.
    Reset,
    /// Another process or engine answers now. The snapshot covers its whole life.
    Restarted {
        /// Process before.
        from: u32,
        /// Process now.
        to: u32,
    },
    /// There is no difference between them, for this reason.
    Broken(String),
}

/// A snapshot, ready to be shown.
#[derive(Debug)]
pub(crate) struct Data {
    whole: Snapshot,
    /// The difference from the snapshot before; `None` if there is none.
    interval: Option<Snapshot>,
    /// Maps the index of a point in `whole` to its index in `interval`, if anything happened there.
    within: Vec<Option<usize>>,
    labels: Vec<Label>,
    /// Findings about the interval; empty if there is none.
    rated_findings: Vec<Finding>,
    whole_findings: Vec<Finding>,
}

/// The names of a point.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// The lock class.
    pub(crate) lock: String,
    /// The place of the acquisition.
    pub(crate) site: String,
    /// The mode.
    mode: AcquireMode,
}

impl Label {
    /// Whether it contains all `words`, which are in lower case.
    pub(crate) fn has(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        // Made only for a search, because there may be many points.
        let text = format!("{} {} {}", self.lock, self.site, self.mode);
        super::has_words(&text, words)
    }
}

impl Data {
    /// Compares a snapshot to the one before.
    pub(crate) fn new(whole: Snapshot, before: Option<&Self>) -> (Self, Step) {
        let (interval, step) = match before {
            None => (None, Step::First),
            Some(before) => between(&whole, &before.whole),
        };
        let within = indices(&whole, interval.as_ref());
        let labels = labels(&whole);
        let data = Self {
            rated_findings: interval
                .as_ref()
                .map(Snapshot::findings)
                .unwrap_or_default(),
            whole_findings: whole.findings(),
            whole,
            interval,
            within,
            labels,
        };
        (data, step)
    }

    /// Everything since the target's start or last reset.
    pub(crate) fn whole(&self) -> &Snapshot {
        &self.whole
    }

    /// Whether rates cover the last interval, and not the target's whole life.
    pub(crate) fn is_interval(&self) -> bool {
        self.interval.is_some()
    }

    /// The snapshot that rates cover: the last interval or, without one, everything.
    pub(crate) fn rated(&self) -> &Snapshot {
        self.interval.as_ref().unwrap_or(&self.whole)
    }

    /// The point `index` of [`whole`](Self::whole) in [`rated`](Self::rated); `None` if nothing
    /// happened there.
    pub(crate) fn rated_point(&self, index: usize) -> Option<&Point> {
        match &self.interval {
            None => self.whole.points().get(index),
            Some(interval) => interval.points().get((*self.within.get(index)?)?),
        }
    }

    /// The point `index` that percentiles are taken from, and whether it covers only the last
    /// interval.
    ///
    /// A snapshot from outside does not end the interval of the program's own samples. Then there
    /// are no samples of the time between two snapshots, and percentiles cover everything.
    pub(crate) fn sampled_point(&self, index: usize, figures: Figures) -> (Option<&Point>, bool) {
        match figures == Figures::Rates && self.has_interval_percentiles() {
            true => (self.rated_point(index), true),
            false => (self.whole.points().get(index), false),
        }
    }

    /// Whether there are percentiles of the last interval.
    pub(crate) fn has_interval_percentiles(&self) -> bool {
        self.interval.as_ref().is_some_and(Snapshot::is_complete)
    }

    /// The snapshot that figures are taken from.
    pub(crate) fn of(&self, figures: Figures) -> &Snapshot {
        match figures {
            Figures::Rates => self.rated(),
            Figures::Totals => &self.whole,
        }
    }

    /// The findings in the time that the figures cover, the costliest first.
    pub(crate) fn findings(&self, figures: Figures) -> &[Finding] {
        match figures == Figures::Rates && self.is_interval() {
            true => &self.rated_findings,
            false => &self.whole_findings,
        }
    }

    /// The names of the point `index`.
    pub(crate) fn label(&self, index: usize) -> Option<&Label> {
        self.labels.get(index)
    }

    /// The index of a point in [`whole`](Self::whole).
    pub(crate) fn position(&self, key: &Key) -> Option<usize> {
        self.whole.points().iter().position(|point| key.is(point))
    }
}

fn between(later: &Snapshot, earlier: &Snapshot) -> (Option<Snapshot>, Step) {
    match later.since(earlier) {
        // No time has passed, so there are no rates.
        Ok(interval) if interval.elapsed_ns() == 0 => (None, Step::Same),
        Ok(interval) => (Some(interval), Step::Interval),
        Err(SinceError::Reset { .. }) => (None, Step::Reset),
        Err(SinceError::DifferentEngine { .. } | SinceError::DifferentProcess { .. }) => {
            let (from, to) = (earlier.pid(), later.pid());
            (None, Step::Restarted { from, to })
        }
        Err(error) => (None, Step::Broken(error.to_string())),
    }
}

fn indices(whole: &Snapshot, interval: Option<&Snapshot>) -> Vec<Option<usize>> {
    let Some(interval) = interval else {
        return Vec::new();
    };
    let points = interval.points().iter().enumerate();
    let by_key: HashMap<_, usize> = points
        .map(|(index, p)| ((&p.lock, p.mode, &p.site), index))
        .collect();
    let points = whole.points().iter();
    points
        .map(|p| by_key.get(&(&p.lock, p.mode, &p.site)).copied())
        .collect()
}

fn labels(snapshot: &Snapshot) -> Vec<Label> {
    let names = Names::new(snapshot.points());
    let label = |point: &Point| {
        let (lock, site) = (names.lock(&point.lock), names.site(&point.site));
        Label {
            lock,
            site,
            mode: point.mode,
        }
    };
    snapshot.points().iter().map(label).collect()
}
