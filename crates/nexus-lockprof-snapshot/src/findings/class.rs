//! [`Class`]: the figures of one lock class.

use super::measure::Measure;
use super::thresholds::MOST;
use crate::number::sum;
use crate::{
    AcquireMode, Durations, Edge, Lock, Point, Site, Snapshot, ThreadRow, WaitCause, WaitsByCause,
};
use std::collections::HashMap;

/// What the rules need to know of the whole snapshot.
pub(super) struct Whole<'a> {
    snapshot: &'a Snapshot,
    /// All waits; `None` if none was measured.
    wait: Option<Measure>,
    /// Why threads waited, by reader-writer lock.
    causes: HashMap<Lock, Vec<WaitsByCause>>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let rwlocks = snapshot.rwlocks().into_iter();
        Self {
            snapshot,
            wait: Measure::total(snapshot.points().iter().map(|point| &point.wait)),
            causes: rwlocks.map(|of| (of.lock, of.causes)).collect(),
        }
    }
}

/// All points of a lock class, and what the rules need to know of the snapshot.
pub(super) struct Class<'a> {
    pub(super) lock: &'a Lock,
    pub(super) points: Vec<&'a Point>,
    pub(super) elapsed_ns: f64,
    /// The most threads that were alive at one time; 0 if that is not known.
    pub(super) threads: u64,
    /// Whether percentiles and maxima cover all of the time.
    pub(super) is_complete: bool,
    /// Whether maxima may be lower bounds, because the longest so far may be from before.
    pub(super) is_interval: bool,
    pub(super) acquisitions: u64,
    pub(super) contentions: u64,
    /// All waits; `None` if none was measured.
    pub(super) wait: Option<Measure>,
    /// Who caused waits, most first.
    pub(super) holders: Vec<Holder<'a>>,
    /// Who waited behind whom.
    pub(super) edges: Vec<&'a Edge>,
    /// Why threads waited, if it is a reader-writer lock.
    pub(super) causes: Vec<WaitsByCause>,
    /// What each thread waited, for whatever lock.
    pub(super) rows: &'a [ThreadRow],
    /// The waits for all other locks; `None` if some of them may be longer than is known.
    pub(super) waited_elsewhere: Option<Measure>,
}

/// One point that holds the lock while others wait, or all readers, where these are not told apart.
pub(super) struct Holder<'a> {
    pub(super) points: Vec<&'a Point>,
    pub(super) caused: Measure,
}

impl<'a> Holder<'a> {
    fn of(points: Vec<&'a Point>) -> Self {
        let caused = Measure::caused(points.iter().copied());
        Self { points, caused }
    }

    pub(super) fn acquisitions(&self) -> u64 {
        sum(self.points.iter().map(|point| point.acquisitions))
    }

    pub(super) fn holds(&self) -> impl Iterator<Item = &'a Durations> + Clone {
        self.points.iter().map(|point| &point.hold)
    }

    pub(super) fn mean_hold(&self) -> Option<Measure> {
        Measure::mean(self.holds())
    }

    pub(super) fn mode(&self) -> Option<AcquireMode> {
        self.points.first().map(|point| point.mode)
    }

    /// The place to change: the only point, or the one whose holds take longest.
    pub(super) fn site(&self) -> Option<&'a Site> {
        let longest = |point: &&&Point| point.hold.mean_ns();
        let point = self
            .points
            .iter()
            .filter(|point| !point.site.is_group())
            .max_by_key(longest);
        point.map(|point| &point.site)
    }

    /// Whether it stands for several places.
    pub(super) fn is_group(&self) -> bool {
        self.points.iter().filter(|p| !p.site.is_group()).count() != 1
    }
}

impl<'a> Class<'a> {
    pub(super) fn new(
        whole: &Whole<'a>,
        lock: &'a Lock,
        points: Vec<&'a Point>,
        edges: Vec<&'a Edge>,
    ) -> Self {
        let snapshot = whole.snapshot;
        let wait = Measure::total(points.iter().map(|point| &point.wait));
        let elsewhere = whole.wait.filter(|all| !all.is_partial).zip(wait);
        Self {
            lock,
            elapsed_ns: snapshot.elapsed_ns() as f64,
            threads: snapshot.table().shards,
            is_complete: snapshot.is_complete(),
            is_interval: snapshot.base_collection().is_some(),
            acquisitions: sum(points.iter().map(|point| point.acquisitions)),
            contentions: sum(points.iter().map(|point| point.contentions)),
            wait,
            causes: whole.causes.get(lock).cloned().unwrap_or_default(),
            rows: snapshot.threads(),
            waited_elsewhere: elsewhere.map(|(all, wait)| all.less(wait)),
            holders: holders(&points),
            points,
            edges,
        }
    }

    /// The points of one mode.
    pub(super) fn of_mode(&self, mode: AcquireMode) -> impl Iterator<Item = &'a Point> + Clone {
        self.points.iter().copied().filter(move |p| p.mode == mode)
    }

    /// All points but those of `holder`.
    pub(super) fn others(&self, holder: &Holder<'a>) -> Vec<&'a Point> {
        let is_other = |point: &&Point| !holder.points.iter().any(|of| std::ptr::eq(*of, *point));
        self.points.iter().copied().filter(is_other).collect()
    }

    /// All the waiting: the waits, or what was caused, if that is more. Both are estimates of one
    /// time, but what was caused includes the waits that gave up.
    pub(super) fn whole(&self) -> Option<Measure> {
        let caused = Measure::caused(self.points.iter().copied());
        self.wait.map(|wait| wait.max(caused))
    }

    /// The time that threads waited for a reader-writer lock because of these; `None` if not even
    /// most of the waiting has a known cause.
    pub(super) fn because_of(&self, causes: &[WaitCause]) -> Option<Measure> {
        let all = Measure::caused(self.points.iter().copied());
        let ns_of = |is: &dyn Fn(WaitCause) -> bool| {
            let of = self.causes.iter().filter(|of| is(of.cause));
            sum(of.map(|of| of.waited_ns)) as f64
        };
        let known = ns_of(&|cause| cause != WaitCause::Unknown);
        let is_known = all.value > 0.0 && known >= MOST * ns_of(&|_| true);
        is_known.then(|| all.part(ns_of(&|cause| causes.contains(&cause))))
    }

    /// The share of the acquisitions that waited; `None` where acquisitions are not known.
    pub(super) fn contention_ratio(&self) -> Option<f64> {
        // A profile of waits alone counts no others: all of its acquisitions waited.
        let is_known = self.acquisitions > self.contentions || self.points.iter().any(has_holds);
        (is_known && self.acquisitions > 0)
            .then(|| self.contentions as f64 / self.acquisitions as f64)
    }
}

fn has_holds(point: &&Point) -> bool {
    !point.hold.is_empty()
}

/// Each point that caused waits. All readers are one if some of the waits behind them are booked on
/// the group, since then nobody knows which of them held the lock.
fn holders<'a>(points: &[&'a Point]) -> Vec<Holder<'a>> {
    let is_reader = |point: &&&Point| point.mode == AcquireMode::Shared;
    let is_grouped = points
        .iter()
        .filter(is_reader)
        .any(|point| point.site.is_group() && point.caused_wait_ns > 0);
    let mut holders = Vec::new();
    if is_grouped {
        holders.push(Holder::of(
            points.iter().filter(is_reader).copied().collect(),
        ));
    }
    let alone = points
        .iter()
        .filter(|point| point.caused_wait_ns > 0 && !(is_grouped && is_reader(point)));
    holders.extend(alone.map(|point| Holder::of(vec![point])));
    holders.sort_by(|a, b| b.caused.value.total_cmp(&a.caused.value));
    holders
}
