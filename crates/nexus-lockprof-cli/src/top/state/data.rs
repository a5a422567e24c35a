//! What is known of the target: its last snapshot, and what happened since the one before.

use super::figures::Figures;
use super::key::Key;
use nexus_lockprof_export::readable::names::Names;
use nexus_lockprof_snapshot::{AcquireMode, Finding, Point, SinceError, Snapshot};
use std::collections::HashMap;

/// How a snapshot follows from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is none before.
    First,
    /// Time has passed.
    Interval,
    /// The very same: the target has not collected since.
    Same,
    /// The statistics were reset in between: the snapshot is of the time since.
    Reset,
    /// Another process, or another engine, answers now: the snapshot is of all of its time.
    Restarted {
        /// Process before.
        from: u32,
        /// Process now.
        to: u32,
    },
    /// They do not follow from each other, for the reason given.
    Broken(String),
}

/// A snapshot, ready to be looked at.
#[derive(Debug)]
pub(crate) struct Data {
    whole: Snapshot,
    /// Since the snapshot before; `None` when there is none that it could be since.
    interval: Option<Snapshot>,
    /// By index of a point of `whole`, the index in `interval` if anything happened there.
    within: Vec<Option<usize>>,
    labels: Vec<Label>,
    /// Of the interval; empty without one.
    rated_findings: Vec<Finding>,
    whole_findings: Vec<Finding>,
}

/// What a point is called.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// Its lock class.
    pub(crate) lock: String,
    /// Where it acquires.
    pub(crate) site: String,
    /// How it acquires.
    mode: AcquireMode,
}

impl Label {
    /// Whether each of the `words`, in lower case, is somewhere in it.
    pub(crate) fn has(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        // Made only when it is looked for: there may be very many.
        let text = format!("{} {} {}", self.lock, self.site, self.mode).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    }
}

impl Data {
    /// Puts a snapshot beside the one before it.
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

    /// Whether rates are of the time since the snapshot before, and not of all time.
    pub(crate) fn is_interval(&self) -> bool {
        self.interval.is_some()
    }

    /// What rates are made of: the last interval or, without one, everything.
    pub(crate) fn rated(&self) -> &Snapshot {
        self.interval.as_ref().unwrap_or(&self.whole)
    }

    /// What happened at the point `index` of [`whole`](Self::whole) in the time of
    /// [`rated`](Self::rated); `None` if nothing.
    pub(crate) fn rated_point(&self, index: usize) -> Option<&Point> {
        match &self.interval {
            None => self.whole.points().get(index),
            Some(interval) => interval.points().get((*self.within.get(index)?)?),
        }
    }

    /// The point `index` as its percentiles are of, and whether that is the last interval.
    ///
    /// A look from outside does not end the interval of the program's own samples. Then there are
    /// none of the time between two looks, and the percentiles of rates are of everything, too.
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

    /// The findings of the time that the figures are of, the costliest first.
    pub(crate) fn findings(&self, figures: Figures) -> &[Finding] {
        match figures == Figures::Rates && self.is_interval() {
            true => &self.rated_findings,
            false => &self.whole_findings,
        }
    }

    /// What the point `index` is called.
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
        // Of no time there are no rates.
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
