//! [`ThreadRow`]: whose the acquisitions and waits were.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::figure::figures_of;
use crate::json::{self, is_default};
use crate::{Durations, Thread};

/// Maximum number of threads with a row of their own in a file. The others share one.
pub(crate) const MOST_IN_FILE: usize = 1024;

/// What a [`ThreadRow`] is of.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThreadKind {
    /// One thread, which lives.
    Live,
    /// All threads that have ended.
    #[default]
    Ended,
    /// Threads that have no row of their own: of several processes, or too many for a file.
    Others,
}

/// What one thread has done, or several together.
///
/// The rows of a snapshot add up to its points: acquisitions and contentions exactly, and times too
/// where all are measured. See [`Snapshot::threads`](crate::Snapshot::threads).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadRow {
    /// Whether it is one thread, or which threads together.
    pub kind: ThreadKind,
    /// The thread; `None` if the row is of several.
    #[serde(skip_serializing_if = "is_default")]
    pub thread: Option<Thread>,
    /// The profiler's number of the thread, counted from 1. No other thread of the process ever has
    /// it. 0 if the row is of several.
    #[serde(skip_serializing_if = "is_default")]
    pub number: u64,
    /// Number of threads.
    pub threads: u64,
    /// Acquisitions.
    pub acquisitions: u64,
    /// Acquisitions that found the lock taken.
    pub contentions: u64,
    /// The time that the threads waited.
    #[serde(skip_serializing_if = "is_default")]
    pub wait: ThreadTime,
    /// The time that the threads held locks. Several locks at a time count several times.
    #[serde(skip_serializing_if = "is_default")]
    pub hold: ThreadTime,
}

figures_of! {
    ThreadRow in "threads." {
        threads: Counter "Threads.",
        acquisitions: Counter "Acquisitions of these threads.",
        contentions: Counter "Acquisitions that found the lock taken.",
    }
}

/// The waits or holds of threads, as [`Durations`] without percentiles and maxima.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ThreadTime {
    /// Number of measured durations.
    pub samples: u64,
    /// Sum of all durations, in nanoseconds; an estimate if samples stand for other events. It has
    /// no meaning if nothing was measured (0 `samples`).
    pub total_ns: u64,
    /// Number of events that `total_ns` covers.
    pub events: u64,
    /// Number of further events that were not measured and that `total_ns` does not cover.
    #[serde(skip_serializing_if = "is_default")]
    pub unmeasured: u64,
    /// The longest measured duration among the kinds of events that are sampled, of all threads
    /// that used the same memory; 0 if every event was measured. It bounds the error.
    #[serde(skip_serializing_if = "is_default")]
    pub longest_sampled_ns: u64,
    /// Variance of `total_ns` as an estimator, in ns²; 0 if every event was measured.
    #[serde(skip_serializing_if = "is_default", with = "json::variance")]
    pub total_variance: f64,
}

figures_of! {
    ThreadTime in "" {
        samples: Counter "Durations that were measured.",
        total_ns: Counter "Sum of all durations.",
        events: Counter "Events that the sum stands for.",
        unmeasured: Counter "Events that were not measured and that no measured one stands for.",
        longest_sampled_ns: Max "The longest measured duration that stands for others.",
    }
}

impl ThreadTime {
    /// The same as [`Durations`], which have the methods to judge an estimate. Their maximum is 0
    /// and they have no percentiles, because no thread has its own.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::ThreadTime;
    ///
    /// let wait = ThreadTime { samples: 3, events: 3, total_ns: 900, ..ThreadTime::default() };
    /// assert!(!wait.durations().is_estimate());
    /// assert_eq!(wait.durations().mean_ns(), Some(300));
    /// ```
    #[must_use]
    pub fn durations(&self) -> Durations {
        Durations {
            samples: self.samples,
            total_ns: self.total_ns,
            total_variance: self.total_variance,
            events: self.events,
            unmeasured: self.unmeasured,
            longest_sampled_ns: self.longest_sampled_ns,
            ..Durations::default()
        }
    }

    fn merge(&mut self, other: &Self) {
        self.merge_figures(other);
        self.total_variance = json::variance::sum(self.total_variance, other.total_variance);
    }

    /// What was added since `earlier`. `None` if a counter went backwards.
    fn since(&self, earlier: &Self) -> Option<Self> {
        // Events that no sample stood for may have got one since.
        let all = |time: &Self| time.events.saturating_add(time.unmeasured);
        let samples = self.samples.checked_sub(earlier.samples)?;
        let unmeasured = self.unmeasured.saturating_sub(earlier.unmeasured);
        let events = all(self).saturating_sub(all(earlier));
        Some(Self {
            samples,
            total_ns: self.total_ns.checked_sub(earlier.total_ns)?,
            events: events.saturating_sub(unmeasured).max(samples),
            unmeasured,
            longest_sampled_ns: self.longest_sampled_ns,
            total_variance: (self.total_variance - earlier.total_variance).max(0.0),
        })
    }
}

impl ThreadRow {
    /// Whether the row says nothing: of several threads, none.
    fn is_empty(&self) -> bool {
        let of_none = Self {
            kind: self.kind,
            ..Self::default()
        };
        self.kind != ThreadKind::Live && *self == of_none
    }

    /// Adds the figures of another row.
    fn merge(&mut self, other: &Self) {
        self.merge_figures(other);
        self.wait.merge(&other.wait);
        self.hold.merge(&other.hold);
    }

    /// What was added since `earlier`. `None` if a counter went backwards. The number of threads
    /// does not add up, since they end.
    fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            acquisitions: self.acquisitions.checked_sub(earlier.acquisitions)?,
            contentions: self.contentions.checked_sub(earlier.contentions)?,
            wait: self.wait.since(&earlier.wait)?,
            hold: self.hold.since(&earlier.hold)?,
            ..self.clone()
        })
    }

    /// Number of bytes in its texts.
    pub(crate) fn texts_len(&self) -> usize {
        let name = self.thread.as_ref().and_then(|thread| thread.name.as_ref());
        name.map_or(0, |name| name.len())
    }
}

/// The sum of rows, as one of this kind.
fn sum<'a>(kind: ThreadKind, rows: impl IntoIterator<Item = &'a ThreadRow>) -> ThreadRow {
    let mut sum = ThreadRow {
        kind,
        ..ThreadRow::default()
    };
    rows.into_iter().for_each(|row| sum.merge(row));
    sum
}

/// Sorts rows: threads by the time that they waited, longest first, then those that have ended, and
/// the others. Rows of several threads of one kind become one.
pub(crate) fn normalize(rows: &mut Vec<ThreadRow>) {
    let (mut live, several): (Vec<_>, Vec<_>) = std::mem::take(rows)
        .into_iter()
        .partition(|row| row.kind == ThreadKind::Live);
    for row in &mut live {
        row.thread.get_or_insert_default();
    }
    live.sort_by(|a, b| {
        order(a)
            .cmp(&order(b))
            .then_with(|| a.thread.cmp(&b.thread))
    });
    *rows = live;
    for kind in [ThreadKind::Ended, ThreadKind::Others] {
        let row = sum(kind, several.iter().filter(|row| row.kind == kind));
        if !row.is_empty() {
            rows.push(row);
        }
    }
    rows.shrink_to_fit();
}

fn order(row: &ThreadRow) -> impl Ord {
    let by = (row.wait.total_ns, row.contentions, row.acquisitions);
    (Reverse(by), row.number)
}

/// The rows of two processes: a thread's number says nothing there, so all threads that live are
/// among the others.
pub(crate) fn merge(rows: Vec<ThreadRow>, others: &[ThreadRow]) -> Vec<ThreadRow> {
    let all = || rows.iter().chain(others);
    let is_ended = |row: &&ThreadRow| row.kind == ThreadKind::Ended;
    let ended = sum(ThreadKind::Ended, all().filter(is_ended));
    let other = sum(ThreadKind::Others, all().filter(|row| !is_ended(row)));
    let rows = [ended, other].into_iter();
    rows.filter(|row| !row.is_empty()).collect()
}

/// The rows for a file: those that waited longest, and the sum of the rest.
pub(crate) fn in_file(rows: &[ThreadRow]) -> Vec<std::borrow::Cow<'_, ThreadRow>> {
    use std::borrow::Cow;
    let (mut kept, mut rest) = (Vec::new(), Vec::new());
    for row in rows {
        // Sorted: the first ones waited longest.
        if row.kind == ThreadKind::Live && kept.len() < MOST_IN_FILE {
            kept.push(Cow::Borrowed(row));
        } else {
            rest.push(row);
        }
    }
    let ended = rest.iter().filter(|row| row.kind == ThreadKind::Ended);
    kept.extend(ended.map(|row| Cow::Borrowed(*row)));
    let others = rest.iter().filter(|row| row.kind != ThreadKind::Ended);
    let others = sum(ThreadKind::Others, others.copied());
    if !others.is_empty() {
        kept.push(Cow::Owned(others));
    }
    kept
}

/// What the threads did between two snapshots of one process.
///
/// A thread that lives has its difference. What threads did that have ended by now is in the row of
/// those, with the number of threads that ended meanwhile. If a file left threads out, that row is
/// of these, too. The sums are the difference of the sums.
pub(crate) fn between(later: &[ThreadRow], earlier: &[ThreadRow]) -> Vec<ThreadRow> {
    let is_live = |row: &&ThreadRow| row.kind == ThreadKind::Live;
    let before: std::collections::HashMap<u64, &ThreadRow> = earlier
        .iter()
        .filter(is_live)
        .map(|row| (row.number, row))
        .collect();
    let is_whole = |rows: &[ThreadRow]| rows.iter().all(|row| row.kind != ThreadKind::Others);
    // A thread without a row of its own then may have one now.
    let all_known = is_whole(later) && is_whole(earlier);
    // What is left when the threads that live have got theirs.
    let everything = sum(ThreadKind::Ended, later).since(&sum(ThreadKind::Ended, earlier));
    let with_new = |with_new: bool| {
        let mut live = Vec::new();
        for row in later.iter().filter(is_live) {
            match before.get(&row.number) {
                Some(before) => live.extend(row.since(before)),
                None if with_new => live.push(row.clone()),
                None => {}
            }
        }
        live
    };
    let mut rows = with_new(all_known);
    let mut rest = rest_of(everything.as_ref(), &rows);
    if rest.is_none() && all_known {
        // A thread came back to its shard, which it had left.
        rows = with_new(false);
        rest = rest_of(everything.as_ref(), &rows);
    }
    let number = |rows: &[ThreadRow], is_counted: fn(ThreadKind) -> bool| {
        let counted = rows.iter().filter(|row| is_counted(row.kind));
        counted.fold(0_u64, |sum, row| sum.saturating_add(row.threads))
    };
    if let Some(rest) = rest {
        let ended = |rows| number(rows, |kind| kind == ThreadKind::Ended);
        let mut threads = ended(later).saturating_sub(ended(earlier));
        if !all_known {
            // Those that live, too, without the ones that have got their difference.
            let living = number(later, |kind| kind != ThreadKind::Ended);
            threads = threads.saturating_add(living.saturating_sub(rows.len() as u64));
        }
        rows.push(ThreadRow {
            kind: match all_known {
                true => ThreadKind::Ended,
                false => ThreadKind::Others,
            },
            threads,
            ..rest
        });
    }
    rows
}

/// What is left of everything without these rows. `None` if they have more.
fn rest_of(everything: Option<&ThreadRow>, rows: &[ThreadRow]) -> Option<ThreadRow> {
    everything?.since(&sum(ThreadKind::Ended, rows))
}

/// Both parts of an interval, between which there was a reset. A thread that lived before it and
/// does not now is among those that have ended.
pub(crate) fn join(before: &[ThreadRow], after: &[ThreadRow]) -> Vec<ThreadRow> {
    let mut rows = after.to_vec();
    for row in before {
        let same = rows
            .iter_mut()
            .find(|now| row.kind == ThreadKind::Live && now.number == row.number);
        match same {
            Some(now) => {
                now.merge(row);
                now.threads = 1;
            }
            None if row.kind == ThreadKind::Live => rows.push(ThreadRow {
                threads: 0,
                ..sum(ThreadKind::Ended, [row])
            }),
            None => rows.push(row.clone()),
        }
    }
    // The others of both parts are mostly the same threads, so their number does not add up.
    let is_others = |row: &&mut ThreadRow| row.kind == ThreadKind::Others;
    let mut others = rows.iter_mut().filter(is_others);
    if let Some(first) = others.next() {
        for row in others {
            first.threads = first.threads.max(std::mem::take(&mut row.threads));
        }
    }
    rows
}
