//! The metrics of those who wait now.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use nexus_lockprof_snapshot::Snapshot;

use super::family::{Family, Kind, Unit};
use super::label;
use super::row::Row;
use super::sink::Sink;
use super::{Labels, Value};

/// Places without series of their own that get some while somebody waits there. Those of the
/// longest waits come first, so an alert names the lock of a program that is stuck.
const MOST_MORE: usize = 20;

const WAITERS: Family = Family::new(
    Kind::Gauge,
    "waiters",
    Unit::Count,
    "Threads and tasks that wait at this moment.",
);
const LONGEST: Family = Family::new(
    Kind::Gauge,
    "longest_wait",
    Unit::Seconds,
    "How long the one that waits longest has waited so far; 0 if nobody waits.",
);

/// Those who wait at one place.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    waiters: u128,
    longest_ns: u64,
}

impl Waiting {
    fn add(&mut self, other: Self) {
        self.waiters += other.waiters;
        self.longest_ns = self.longest_ns.max(other.longest_ns);
    }
}

type ByLabels = BTreeMap<Vec<(&'static str, String)>, Waiting>;

/// Writes both gauges: of each row, of what else is waited at, and of the rest in `other`.
pub(super) fn of_waiters<S: Sink>(
    to: &mut S,
    snapshot: &Snapshot,
    rows: &[Row<'_>],
) -> Result<(), S::Error> {
    let mut places = places(snapshot);
    let mut series: Vec<(Labels<'_>, Waiting)> = rows
        .iter()
        .map(|row| {
            let labels = row.labels.as_slice();
            (labels, places.remove(labels).unwrap_or_default())
        })
        .collect();
    let mut more: Vec<_> = places.iter().collect();
    // A stable sort: ties are in the order of the labels.
    more.sort_by_key(|(_, waiting)| Reverse(waiting.longest_ns));
    let rest = more.split_off(more.len().min(MOST_MORE));
    let more = more.into_iter();
    series.extend(more.map(|(labels, waiting)| (labels.as_slice(), *waiting)));
    let others = label::of_others();
    for (_, waiting) in rest {
        match series.iter_mut().find(|(labels, _)| *labels == others) {
            Some((_, other)) => other.add(*waiting),
            None => series.push((&others, *waiting)),
        }
    }
    to.family(&WAITERS)?;
    for (labels, waiting) in &series {
        to.number(&WAITERS, labels, Value::Count(waiting.waiters))?;
    }
    to.family(&LONGEST)?;
    for (labels, waiting) in &series {
        to.number(&LONGEST, labels, Value::Nanos(waiting.longest_ns.into()))?;
    }
    Ok(())
}

/// Those who wait, by place.
fn places(snapshot: &Snapshot) -> ByLabels {
    let mut places = ByLabels::new();
    for waiter in snapshot.waiters() {
        let labels = label::of_point(&waiter.point());
        places.entry(labels).or_default().add(Waiting {
            waiters: 1,
            longest_ns: waiter.waited_ns,
        });
    }
    places
}
