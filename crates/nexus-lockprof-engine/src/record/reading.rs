//! A consistent copy of a record's figures.

use crate::record::cold_counts::ColdCounts;
use crate::record::most_readers::MostReaders;
use crate::record::tally::{SumReading, TallyReading};

/// A consistent copy of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The sequence that it was read at.
    pub(crate) seq: u64,
    pub(crate) acquisitions: u64,
    pub(crate) contentions: u64,
    /// Acquisitions and contentions that are, or were, timed.
    pub(crate) timed_holds: u64,
    pub(crate) timed_waits: u64,
    /// Acquisitions and contentions that no timed one stands for.
    pub(crate) unmeasured_holds: u64,
    pub(crate) unmeasured_waits: u64,
    /// The same, because there were more since the last timed one than its schedule stands for.
    /// They are no counters: the next timed one makes them 0.
    pub(crate) overdue_holds: u64,
    pub(crate) overdue_waits: u64,
    pub(crate) cold: ColdCounts<u64>,
    pub(crate) blocked: u64,
    pub(crate) caused: SumReading,
    pub(crate) wait: TallyReading,
    pub(crate) hold: TallyReading,
    pub(crate) most_readers: MostReaders,
}

/// Number of words of a reading.
pub(crate) const WORDS: usize = 33;

impl Reading {
    /// All counters but the cold counts and the sums of durations.
    pub(crate) fn counters_mut(&mut self) -> [&mut u64; 9] {
        [
            &mut self.acquisitions,
            &mut self.contentions,
            &mut self.blocked,
            &mut self.timed_holds,
            &mut self.timed_waits,
            &mut self.unmeasured_holds,
            &mut self.unmeasured_waits,
            &mut self.wait.samples,
            &mut self.hold.samples,
        ]
    }

    /// A number that is different after anything has happened at the record. None of its parts ever
    /// gets smaller.
    pub(crate) fn events(&self) -> u64 {
        [self.acquisitions, self.contentions, self.blocked, self.seq]
            .into_iter()
            .fold(0, u64::wrapping_add)
    }

    /// As words, which [`from_words`](Self::from_words) reads.
    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let Reading {
            seq,
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            overdue_holds,
            overdue_waits,
            cold,
            blocked,
            caused,
            wait,
            hold,
            most_readers,
        } = self;
        let [c0, c1, c2, c3, c4, c5] = cold.to_words();
        let [s0, s1, s2, s3] = caused.to_words();
        let [w0, w1, w2, w3] = wait.sum.to_words();
        let [h0, h1, h2, h3] = hold.sum.to_words();
        [
            seq,
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            overdue_holds,
            overdue_waits,
            blocked,
            u64::from(most_readers.0),
            c0,
            c1,
            c2,
            c3,
            c4,
            c5,
            s0,
            s1,
            s2,
            s3,
            wait.samples,
            wait.max_ns,
            w0,
            w1,
            w2,
            w3,
            hold.samples,
            hold.max_ns,
            h0,
            h1,
            h2,
            h3,
        ]
    }

    /// The reading in these words.
    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        let [
            seq,
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            overdue_holds,
            overdue_waits,
            blocked,
            most_readers,
            c0,
            c1,
            c2,
            c3,
            c4,
            c5,
            s0,
            s1,
            s2,
            s3,
            wait_samples,
            wait_max_ns,
            w0,
            w1,
            w2,
            w3,
            hold_samples,
            hold_max_ns,
            h0,
            h1,
            h2,
            h3,
        ] = words;
        Reading {
            seq,
            acquisitions,
            contentions,
            timed_holds,
            timed_waits,
            unmeasured_holds,
            unmeasured_waits,
            overdue_holds,
            overdue_waits,
            cold: ColdCounts::from_words([c0, c1, c2, c3, c4, c5]),
            blocked,
            caused: SumReading::from_words([s0, s1, s2, s3]),
            wait: TallyReading {
                samples: wait_samples,
                sum: SumReading::from_words([w0, w1, w2, w3]),
                max_ns: wait_max_ns,
            },
            hold: TallyReading {
                samples: hold_samples,
                sum: SumReading::from_words([h0, h1, h2, h3]),
                max_ns: hold_max_ns,
            },
            most_readers: MostReaders(most_readers as u32),
        }
    }
}
