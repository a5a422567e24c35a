//! What a shard had counted when its thread took it.
//!
//! Threads take a shard one after the other, and each goes on with its records. The thread that
//! takes the shard sums up what is there. A thread's own figures are then the shard's sums minus
//! this start. The counts of records that have left the table are kept for that purpose.

use crate::record::growth;
use crate::record::reading::Reading;
use crate::record::statistics::Record;
use crate::record::tally::SumReading;
use crate::record::versioned::Versioned;

/// Number of counts in [`Totals`].
const COUNTS: usize = 8;
/// Number of words of [`Totals`].
const WORDS: usize = COUNTS + 2 * 4;

/// What a shard has counted, in all its records, including those that have left its table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) counts: Counts,
    pub(crate) wait: SumReading,
    pub(crate) hold: SumReading,
}

/// Counts, which only grow. The names are those of [`Reading`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) acquisitions: u64,
    pub(crate) contentions: u64,
    pub(crate) timed_holds: u64,
    pub(crate) timed_waits: u64,
    pub(crate) unmeasured_holds: u64,
    pub(crate) unmeasured_waits: u64,
    pub(crate) wait_samples: u64,
    pub(crate) hold_samples: u64,
}

impl Counts {
    /// Combines each count with that of another.
    pub(crate) fn with(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let (counts, others) = (self.words(), other.words());
        Self::of(std::array::from_fn(|i| f(counts[i], others[i])))
    }

    fn words(self) -> [u64; COUNTS] {
        [
            self.acquisitions,
            self.contentions,
            self.timed_holds,
            self.timed_waits,
            self.unmeasured_holds,
            self.unmeasured_waits,
            self.wait_samples,
            self.hold_samples,
        ]
    }

    fn of(words: [u64; COUNTS]) -> Self {
        let [
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            wait_samples,
            hold_samples,
        ] = words;
        Counts {
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            wait_samples,
            hold_samples,
        }
    }
}

impl From<&Reading> for Totals {
    fn from(reading: &Reading) -> Self {
        Totals {
            counts: Counts {
                acquisitions: reading.acquisitions,
                contentions: reading.contentions,
                timed_holds: reading.timed_holds,
                timed_waits: reading.timed_waits,
                unmeasured_holds: reading.unmeasured_holds,
                unmeasured_waits: reading.unmeasured_waits,
                wait_samples: reading.wait.samples,
                hold_samples: reading.hold.samples,
            },
            wait: reading.wait.sum,
            hold: reading.hold.sum,
        }
    }
}

impl Totals {
    fn to_words(self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        let sums = [self.wait, self.hold].into_iter().flat_map(|sum| {
            [
                sum.total_ns,
                sum.variance.to_bits(),
                sum.reset_generation,
                sum.longest_sampled_ns,
            ]
        });
        for (place, word) in words
            .iter_mut()
            .zip(self.counts.words().into_iter().chain(sums))
        {
            *place = word;
        }
        words
    }

    fn from_words(words: [u64; WORDS]) -> Self {
        let sum = |at: usize| SumReading {
            total_ns: words[at],
            variance: f64::from_bits(words[at + 1]),
            reset_generation: words[at + 2],
            longest_sampled_ns: words[at + 3],
        };
        Totals {
            counts: Counts::of(std::array::from_fn(|i| words[i])),
            wait: sum(COUNTS),
            hold: sum(COUNTS + 4),
        }
    }

    /// Adds a record of the shard. Only the owner calls this.
    pub(crate) fn add(&mut self, record: &Record) {
        let new = Totals::from(&record.read_or(None));
        self.add_growth(&new, &Totals::default());
    }

    /// Adds what has been counted at a record since the `last` time.
    pub(crate) fn add_growth(&mut self, new: &Totals, last: &Totals) {
        let grown = new.counts.with(last.counts, u64::saturating_sub);
        self.counts = self.counts.with(grown, u64::saturating_add);
        growth::add_sum(&mut self.wait, &new.wait, &last.wait);
        growth::add_sum(&mut self.hold, &new.hold, &last.hold);
    }
}

/// The counts of all records that have left a shard's table. Only the owner uses them.
#[derive(Debug, Default)]
pub(crate) struct Departed(Versioned<WORDS>);

impl Departed {
    /// Adds a record that has left, which nobody writes any more.
    pub(crate) fn add(&self, record: &Record) {
        let mut totals = self.totals();
        totals.add(record);
        self.0.set(&totals.to_words());
    }

    /// What has left.
    pub(crate) fn totals(&self) -> Totals {
        Totals::from_words(self.0.own())
    }
}

/// A shard's thread, and what the shard had counted when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Start {
    /// The thread's number. 0 before the first one.
    pub(crate) token: u64,
    /// Number of threads that the shard has had, with this one.
    pub(crate) threads: u64,
    /// What the shard had counted.
    pub(crate) totals: Totals,
}

/// A shard's place for its [`Start`]. Only the owner writes it.
#[derive(Debug, Default)]
pub(crate) struct ThreadStart(Versioned<{ WORDS + 2 }>);

impl ThreadStart {
    /// The thread with this number takes the shard. `totals` sums up what is there. A thread that
    /// had the shard last goes on as if it had never left. Only the owner calls this.
    pub(crate) fn begin(&self, token: u64, totals: impl FnOnce() -> Totals) {
        let [before, threads, ..] = self.0.own();
        if before == token {
            return;
        }
        let mut words = [0; WORDS + 2];
        (words[0], words[1]) = (token, threads + 1);
        words[2..].copy_from_slice(&totals().to_words());
        self.0.set(&words);
    }

    /// The last thread that took the shard. `None` if one takes it just now. Any thread may call
    /// this.
    pub(crate) fn read(&self) -> Option<Start> {
        let words = self.0.read()?;
        Some(Start {
            token: words[0],
            threads: words[1],
            totals: Totals::from_words(std::array::from_fn(|i| words[i + 2])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PointKey;
    use crate::record::owner::Owner;
    use crate::record::table::Table;
    use std::io::Write;
    use std::time::{Duration, Instant};

    #[test]
    fn a_start_has_all_words() {
        let wait = SumReading {
            total_ns: 20,
            variance: 2.5,
            reset_generation: 22,
            longest_sampled_ns: 23,
        };
        let totals = Totals {
            counts: Counts::of(std::array::from_fn(|i| i as u64 + 1)),
            wait,
            hold: SumReading {
                total_ns: 30,
                ..wait
            },
        };
        let start = ThreadStart::default();
        assert_eq!(start.read(), Some(Start::default()));
        start.begin(7, || totals);
        let begun = Start {
            token: 7,
            threads: 1,
            totals,
        };
        assert_eq!(start.read(), Some(begun));
        // The same thread goes on.
        start.begin(7, Totals::default);
        assert_eq!(start.read(), Some(begun));
        start.begin(8, Totals::default);
        assert_eq!(start.read().map(|start| start.threads), Some(2));
    }

    /// What a thread's start costs, by the number of records that the last thread left.
    #[test]
    #[ignore = "prints times; docs/decisions/0039-threads.md has them"]
    fn cost() {
        // SAFETY: only this thread uses the table.
        let owner = unsafe { Owner::assume() };
        for records in [0, 10, 100, 1_000, 4_000] {
            let Some(table) = Table::try_new() else {
                return;
            };
            for number in 1..=records {
                assert!(table.insert(&owner, PointKey(8 * number)).is_some());
            }
            // Other data has taken the caches in between.
            let mut other = vec![1_u8; 64 << 20];
            let mut times: Vec<Duration> = (0..15)
                .map(|_| {
                    other.iter_mut().for_each(|byte| *byte += 1);
                    let begin = Instant::now();
                    std::hint::black_box(table.totals(&owner));
                    begin.elapsed()
                })
                .collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            assert!(writeln!(std::io::stdout(), "{records} records: {median:?}").is_ok());
        }
    }
}
