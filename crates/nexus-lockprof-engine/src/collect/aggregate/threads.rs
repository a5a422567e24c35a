//! Whose the counts are: what each thread has counted, and all those that have ended together.
//!
//! What is added to a point is also added to the sums of the record's shard. Of these sums, what
//! the shard had counted when its thread took it belongs to earlier threads, and the rest to that
//! thread. So the rows add up to the points, whatever threads come and go meanwhile.

use crate::record::reading::Reading;
use crate::record::shard::Shard;
use crate::record::tally::SumReading;
use crate::record::thread_info::ThreadId;
use crate::record::thread_start::{Counts, Start, Totals};
use nexus_lockprof_snapshot::{ThreadKind, ThreadRow, ThreadTime};

/// All shards, by their numbers.
#[derive(Default)]
pub(super) struct Threads(Vec<ShardSums>);

#[derive(Default)]
struct ShardSums {
    now: Totals,
    /// The sums at the last reset.
    base: Totals,
    /// Events that are too many for the next sample to stand for, in holds and waits. Not counters.
    overdue: [u64; 2],
    /// As many as there were at the last reset: they belong to the time before it.
    overdue_before: [u64; 2],
    /// What the shard said last about its thread.
    start: Start,
    /// The thread, unless it has ended.
    thread: Option<ThreadId>,
    /// Number of its threads that have ended, and how many had at the last reset.
    ended: u64,
    ended_before: u64,
}

impl Threads {
    fn of(&mut self, shard: &Shard) -> &mut ShardSums {
        let number = shard.id as usize;
        if self.0.len() <= number {
            self.0.resize_with(number + 1, ShardSums::default);
        }
        &mut self.0[number]
    }

    /// Adds what has happened at a record of the shard since it was read `last`.
    pub(super) fn add(&mut self, shard: &Shard, reading: &Reading, last: &Reading) {
        let sums = self.of(shard);
        sums.now.add_growth(&reading.into(), &last.into());
        let [holds, waits] = &mut sums.overdue;
        for (sum, now, before) in [
            (holds, reading.overdue_holds, last.overdue_holds),
            (waits, reading.overdue_waits, last.overdue_waits),
        ] {
            *sum = sum.saturating_sub(before).saturating_add(now);
        }
    }

    /// Notes which thread has the shard.
    pub(super) fn note_thread(&mut self, shard: &Shard) {
        let thread = shard.thread.read();
        let start = shard.thread_start.read();
        let sums = self.of(shard);
        // A thread that takes the shard just now has counted nothing yet.
        sums.thread =
            thread.filter(|thread| start.is_some_and(|start| start.token == thread.token));
        sums.start = start.unwrap_or(sums.start);
        // A thread that is just taking the shard may count as one that has ended. It does so once.
        let ended = sums.start.threads - u64::from(sums.thread.is_some());
        sums.ended = sums.ended.max(ended);
    }

    /// Makes the current sums the baseline of what follows.
    pub(super) fn reset(&mut self) {
        for sums in &mut self.0 {
            sums.base = sums.now;
            sums.overdue_before = sums.overdue;
            sums.ended_before = sums.ended;
        }
    }

    /// A row for each thread, and one for all that have ended. `resets` is the number of resets.
    pub(super) fn rows(&self, resets: u64) -> Vec<ThreadRow> {
        let mut rows = Vec::new();
        for sums in &self.0 {
            rows.extend(sums.rows(resets));
        }
        rows
    }
}

impl ShardSums {
    /// Those that have become too many since the last reset, as a point counts them.
    fn overdue_since(&self) -> [u64; 2] {
        let [holds, waits] = self.overdue;
        let [holds_before, waits_before] = self.overdue_before;
        [
            holds.saturating_sub(holds_before),
            waits.saturating_sub(waits_before),
        ]
    }

    fn rows(&self, resets: u64) -> impl Iterator<Item = ThreadRow> {
        // Earlier threads' part of the sums ends where this thread's begins.
        let start = match self.thread {
            Some(_) => self.start.totals,
            None => self.now,
        };
        let counts = start.counts.with(self.now.counts, u64::min);
        let begin = counts.with(self.base.counts, u64::max);
        let part = |counts: Counts, of: fn(&Totals) -> &SumReading, is_thread: bool| {
            let sums = [&self.base, &start, &self.now].map(of);
            let sum = part_of(sums, is_thread, resets);
            (counts, sum)
        };
        let ended_counts = begin.with(self.base.counts, u64::saturating_sub);
        let thread_counts = self.now.counts.with(begin, u64::saturating_sub);
        let row = |counts, is_thread| {
            let (counts, wait) = part(counts, |totals| &totals.wait, is_thread);
            let (_, hold) = part(counts, |totals| &totals.hold, is_thread);
            let is_last = is_thread == self.thread.is_some();
            let [holds, waits] = if is_last {
                self.overdue_since()
            } else {
                [0; 2]
            };
            ThreadRow {
                acquisitions: counts.acquisitions,
                contentions: counts.contentions,
                wait: time(
                    &wait,
                    [
                        counts.contentions,
                        counts.timed_waits,
                        counts.unmeasured_waits,
                        counts.wait_samples,
                    ],
                    waits,
                ),
                hold: time(
                    &hold,
                    [
                        counts.acquisitions,
                        counts.timed_holds,
                        counts.unmeasured_holds,
                        counts.hold_samples,
                    ],
                    holds,
                ),
                ..ThreadRow::default()
            }
        };
        let ended = ThreadRow {
            kind: ThreadKind::Ended,
            threads: self.ended - self.ended_before,
            ..row(ended_counts, false)
        };
        let live = self.thread.map(|thread| ThreadRow {
            kind: ThreadKind::Live,
            thread: Some(thread.to_thread()),
            number: thread.token,
            threads: 1,
            ..row(thread_counts, true)
        });
        live.into_iter().chain([ended])
    }
}

/// The part of the shard's thread, or of those that had the shard before: between the sums at the
/// last reset, when the thread took the shard, and now.
fn part_of([base, start, now]: [&SumReading; 3], is_thread: bool, resets: u64) -> SumReading {
    let begin_ns = start.total_ns.min(now.total_ns).max(base.total_ns);
    let is_current = now.reset_generation == resets;
    // Variances only count since the last reset.
    let before = match start.reset_generation == now.reset_generation {
        true => start.variance.min(now.variance),
        false => 0.0,
    };
    let variance = if is_thread {
        now.variance - before
    } else {
        before
    };
    SumReading {
        total_ns: match is_thread {
            true => now.total_ns.saturating_sub(begin_ns),
            false => begin_ns.saturating_sub(base.total_ns),
        },
        variance: if is_current { variance } else { 0.0 },
        // The longest of all threads: the error is not smaller than that of one.
        longest_sampled_ns: if is_current {
            now.longest_sampled_ns
        } else {
            0
        },
        reset_generation: now.reset_generation,
    }
}

/// What a part of the events says of their times. `overdue`: those among the represented ones that
/// no sample stands for.
fn time(
    sum: &SumReading,
    [events, timed, unmeasured, samples]: [u64; 4],
    overdue: u64,
) -> ThreadTime {
    let represented = events.saturating_sub(timed).saturating_sub(unmeasured);
    let overdue = match samples {
        // No sample stands for any of them.
        0 => represented,
        _ => overdue.min(represented),
    };
    let represented = represented - overdue;
    ThreadTime {
        samples,
        events: samples + represented,
        unmeasured: unmeasured + overdue,
        total_ns: sum.total_ns,
        total_variance: sum.variance,
        longest_sampled_ns: match represented {
            0 => 0,
            _ => sum.longest_sampled_ns,
        },
    }
}

#[cfg(all(test, not(lockprof_loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_too_much_before_a_reset_is_not_after_it() {
        let shard = Shard::try_new(0, 1).unwrap();
        let mut threads = Threads::default();
        // Of one record nothing is measured. Then only another one is used.
        let mut early = Reading::default();
        (early.acquisitions, early.overdue_holds) = (5_000, 5_000);
        threads.add(&shard, &early, &Reading::default());
        threads.reset();
        let mut late = Reading::default();
        (late.acquisitions, late.timed_holds, late.hold.samples) = (1_000, 10, 10);
        threads.add(&shard, &late, &Reading::default());
        let rows = threads.rows(1);
        let [row] = rows.as_slice() else {
            panic!("{rows:?}");
        };
        assert_eq!(row.acquisitions, 1_000);
        assert_eq!((row.hold.unmeasured, row.hold.events), (0, 1_000));
    }
}
