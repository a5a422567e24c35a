//! The metrics of why threads waited for reader-writer locks.

use std::collections::{BTreeMap, HashSet};

use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, WaitCause};

use super::Value;
use super::family::{Family, Kind, Unit};
use super::label;
use super::sink::Sink;

const WAITS: Family = Family::new(
    Kind::Counter,
    "rwlock_waits",
    Unit::Count,
    "Waits for reader-writer locks, by what kept the thread out.",
);
const WAITED: Family = Family::new(
    Kind::Counter,
    "rwlock_wait",
    Unit::Seconds,
    "Time waited for reader-writer locks, by what kept the thread out.",
);

/// Waits and nanoseconds, by the labels of a series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causes(BTreeMap<Vec<(&'static str, String)>, [u128; 2]>);

impl Causes {
    /// Those of `snapshot`, whose `folded` points have one series of each cause together.
    ///
    /// Waits without a known cause are left out: they become known later, so their number falls.
    pub(crate) fn new(snapshot: &Snapshot, folded: &[&Point]) -> Self {
        let folded: HashSet<_> = folded.iter().map(|point| key(point)).collect();
        let mut all = Self::default();
        for (point, causes) in snapshot.rwlock_points() {
            let labels = match folded.contains(&key(point)) {
                true => label::of_others(),
                false => label::of_point(point),
            };
            for of in causes {
                if of.cause != WaitCause::Unknown {
                    let mut labels = labels.clone();
                    labels.push(("cause", of.cause.as_str().to_owned()));
                    let sums = all.0.entry(labels).or_default();
                    sums[0] += u128::from(of.waits);
                    sums[1] += u128::from(of.waited_ns);
                }
            }
        }
        all
    }

    /// Raises each sum to that of `newer`.
    pub(crate) fn raise(&mut self, newer: Self) {
        for (labels, sums) in newer.0 {
            let known = self.0.entry(labels).or_default();
            *known = [0, 1].map(|of| known[of].max(sums[of]));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes both counters. A program without reader-writer locks has neither.
    pub(super) fn write<S: Sink>(&self, to: &mut S) -> Result<(), S::Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let series = || {
            self.0
                .iter()
                .map(|(labels, sums)| (labels.as_slice(), sums))
        };
        to.family(&WAITS)?;
        for (labels, [waits, _]) in series() {
            to.number(&WAITS, labels, Value::Count(*waits))?;
        }
        to.family(&WAITED)?;
        for (labels, [_, waited_ns]) in series() {
            to.number(&WAITED, labels, Value::Nanos(*waited_ns))?;
        }
        Ok(())
    }
}

fn key(point: &Point) -> (&Lock, AcquireMode, &Site) {
    (&point.lock, point.mode, &point.site)
}
