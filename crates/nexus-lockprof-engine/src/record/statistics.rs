//! Statistics of one acquisition point in one shard.
//!
//! Every field is written by the shard's owner alone, with plain stores. `acquisitions`,
//! `contentions` and `blocked` are counted inside the critical section, one store each, and stand
//! outside the sequence; the rest changes together, on the cold path, between two writes of `seq`
//! (a seqlock with one writer), so that a reader gets all of an update or none of it. A reader that
//! keeps meeting an update under way gives up instead of waiting: the aggregator then uses what it
//! read the last time. A long wait counts its contention in an update, with the wait.
//!
//! Relaxed is enough for all counters: they are only compared with one another through `seq`.

use crate::control::{self, Control};
use crate::identity::PointKey;
use crate::record::cold_counts::ColdCounts;
use crate::record::collection_clock::OpenCollection;
use crate::record::histogram::Weights;
use crate::record::most_readers::MostReaders;
use crate::record::owner::Owner;
use crate::record::reading::Reading;
use crate::record::reservoir::Reservoir;
use crate::record::sampler::{EventRate, STEP, Sampling};
use crate::record::sequence::Sequence;
use crate::record::tally::{Measure, Measured, Sum, Tally, Unmeasured, UsualDuration};
use crate::stacks;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering, OwnLoad, bump,
    sized, spin_loop,
};
use Ordering::{Acquire, Relaxed, Release};

/// So many times the weight of a sample, without a sample, are no chance any more: one in 3,000
/// gaps is as long.
const OVERDUE: u64 = 8;
/// So many first events of a point are surely measured.
const SURELY_MEASURED: u64 = 2 * STEP;

/// Attempts to read a record that is being written.
const READ_ATTEMPTS: usize = sized(2, 64);

/// Flags of [`Record::attempts`].
pub(crate) const WAITS: u16 = 1;
pub(crate) const TRIES: u16 = 2;

/// Statistics of one acquisition point in one shard.
// The first cache line is what the hot path touches, and an acquisition that waits for a moment.
#[repr(C, align(64))]
pub(crate) struct Record {
    pub(crate) acquisitions: AtomicU64,
    pub(crate) contentions: AtomicU64,
    /// By number of acquisition.
    pub(crate) holds: Sampling,
    /// What a lock publishes that this thread holds at this point. Noted when the point comes into
    /// the cache.
    pub(crate) published: AtomicUsize,
    /// Times that a thread of this shard waited for this point, and no edge had room for that: a
    /// plain count like the first two.
    pub(crate) blocked: AtomicU64,
    pub(crate) key: PointKey,

    /// By number of contention.
    pub(crate) waits: Sampling,
    /// The control word that the schedules above were made under.
    pub(crate) control: AtomicU64,
    /// The aggregator's alone: where it keeps what it last read of this record, plus 1; 0 before it
    /// has read it.
    pub(crate) seen: AtomicU32,
    pub(crate) long_waits: stacks::StackSampling,
    pub(crate) hold_rate: EventRate,
    // Here, so that the aggregator sees in two cache lines that nothing has happened.
    seq: Sequence,

    // A timed hold, in its usual form, touches what comes before this line, and the next one.
    hold: Tally,
    /// One in so many holds is measured at most; 0 and 1: each. The pool's.
    pub(crate) crowding: AtomicU64,

    pub(crate) wait_rate: EventRate,
    unmeasured_holds: Unmeasured,
    unmeasured_waits: Unmeasured,
    cold: ColdCounts<AtomicU64>,
    caused: Sum,
    wait: Tally,
    /// The most readers that a wait of this point has seen at once, as [`MostReaders`].
    most_readers: AtomicU32,
    /// How this point's acquisitions are made: [`WAITS`], [`TRIES`], both or not known.
    attempts: AtomicU16,
    /// Chosen to leave the table. The owner's.
    pub(crate) leaving: AtomicBool,

    /// How this record leaves its table.
    pub(crate) leave: Leave,
}

/// What a record carries for the day when its table needs the room. The owner's, until the record
/// has left.
#[derive(Debug)]
pub(crate) struct Leave {
    /// Events at the last sweep, in their low bits: as many at the next one, and nothing has
    /// happened in between.
    swept: AtomicU32,
    /// Number of the last look at the nodes that are out, in its low bits, if one of them leads to
    /// this record.
    pinned: AtomicU32,
    /// The next record of the list that this one is in, once it has left.
    pub(crate) next: AtomicPtr<Record>,
}

impl Leave {
    /// A node that is out at the look with this number leads to the record.
    pub(crate) fn pin(&self, look: u64) {
        self.pinned.store(look as u32, Relaxed);
    }

    /// Whether one did at that look.
    pub(crate) fn is_pinned(&self, look: u64) -> bool {
        self.pinned.load(Relaxed) == look as u32
    }
}

/// What the owner adds to a record in one go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delta {
    pub(crate) cold: ColdCounts<u64>,
    /// Another point's wait for this one. With an edge, that has the total.
    pub(crate) caused: Option<Measured>,
    pub(crate) has_edge: bool,
    pub(crate) wait: Option<Measured>,
    pub(crate) hold: Option<Measured>,
}

impl Delta {
    /// What goes to reservoirs.
    #[inline(always)]
    fn measured(&self) -> impl Iterator<Item = Measured> {
        [self.wait, self.hold].into_iter().flatten()
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Record {
    pub(crate) fn new(key: PointKey) -> Self {
        Record {
            acquisitions: AtomicU64::new(0),
            contentions: AtomicU64::new(0),
            holds: Sampling::new(),
            published: AtomicUsize::new(0),
            blocked: AtomicU64::new(0),
            key,
            waits: Sampling::new(),
            control: AtomicU64::new(0),
            seen: AtomicU32::new(0),
            long_waits: stacks::StackSampling::new(),
            hold_rate: EventRate::default(),
            wait_rate: EventRate::default(),
            crowding: AtomicU64::new(0),
            seq: Sequence::new(),
            unmeasured_holds: Unmeasured::new(),
            unmeasured_waits: Unmeasured::new(),
            cold: ColdCounts::default(),
            caused: Sum::default(),
            wait: Tally::default(),
            hold: Tally::default(),
            most_readers: AtomicU32::new(0),
            attempts: AtomicU16::new(0),
            leaving: AtomicBool::new(false),
            leave: Leave {
                swept: AtomicU32::new(u32::MAX),
                pinned: AtomicU32::new(0),
                next: AtomicPtr::default(),
            },
        }
    }

    /// Notes how an acquisition of this point is made. The owner's call.
    #[inline]
    pub(crate) fn note_attempt(&self, flag: u16) {
        let attempts = self.attempts.load(Relaxed);
        if attempts & flag == 0 {
            self.attempts.store(attempts | flag, Relaxed);
        }
    }

    /// How acquisitions of this point are made, as far as that was noted. The owner's call.
    pub(crate) fn attempts(&self) -> u16 {
        self.attempts.load(Relaxed)
    }

    /// Whether nothing has happened since this was asked last. The owner's call.
    pub(crate) fn is_idle(&self, _owner: &Owner) -> bool {
        let counts = [&self.acquisitions, &self.contentions, &self.blocked];
        let counts = counts.into_iter().map(|count| count.own_load());
        let events = counts.fold(self.seq.own_number(), u64::wrapping_add);
        let events = events as u32;
        let idle = self.leave.swept.own_load() == events;
        self.leave.swept.store(events, Relaxed);
        idle
    }

    /// Adds `delta`. Returns how many samples have no place in a reservoir, which would have to be
    /// allocated: there is no memory, or `may_allocate` says no.
    #[inline]
    pub(crate) fn add(
        &self,
        _owner: &Owner,
        delta: &Delta,
        open: OpenCollection,
        seed: &AtomicU64,
        may_allocate: impl FnOnce() -> bool,
    ) -> u64 {
        // Inside the sequence, so that a collection that comes between a sample and its sums finds
        // that the record is not as it was, and looks at the sample.
        let offered = self.write(|| {
            for (offered, measured) in delta.measured().enumerate() {
                let tally = self.tally(measured.kind);
                if !tally.offer_in_place(measured, open, seed) {
                    return Some(offered);
                }
            }
            self.add_sums(delta, open);
            None
        });
        match offered {
            None => 0,
            Some(offered) => self.add_slowly(delta, offered, open, seed, may_allocate()),
        }
    }

    /// The same, after this many were offered: the others may have to allocate, which is not for
    /// the inside of a sequence. It has moved already, and that is enough for a collection that
    /// comes next.
    #[inline(never)]
    fn add_slowly(
        &self,
        delta: &Delta,
        offered: usize,
        open: OpenCollection,
        seed: &AtomicU64,
        may_allocate: bool,
    ) -> u64 {
        let measured = delta.measured().skip(offered);
        let offer = |measured: Measured| {
            may_allocate && self.tally(measured.kind).offer(measured, open, seed)
        };
        let refused = measured.map(|measured| u64::from(!offer(measured))).sum();
        self.write(|| self.add_sums(delta, open));
        refused
    }

    #[inline(always)]
    fn add_sums(&self, delta: &Delta, open: OpenCollection) {
        self.cold.add(&delta.cold);
        if let Some(caused) = delta.caused {
            if delta.has_edge {
                self.caused.add_variance(caused, open.resets);
            } else {
                self.caused.add(caused, open.resets);
            }
        }
        for measured in delta.measured() {
            self.tally(measured.kind).add(measured, open);
        }
    }

    /// Counts the acquisition that was just made. The owner's call.
    #[inline]
    pub(crate) fn count(&self, contended: bool) {
        bump(&self.acquisitions, 1);
        if contended {
            // Release: whoever sees the contention sees its acquisition; pairs with the Acquire in
            // `read`.
            self.contentions
                .store(self.contentions.own_load() + 1, Release);
        }
    }

    /// The same after a long wait, for readers to leave if it was an `upgrade`.
    #[inline(never)]
    pub(crate) fn count_long_wait(&self, _owner: &Owner, upgrade: bool) {
        // In one update, so that no reading has the long wait without the contention or the other
        // way round.
        self.write(|| {
            bump(&self.cold.long_waits, 1);
            bump(&self.cold.upgrade_waits, u64::from(upgrade));
            self.count(true);
        });
    }

    /// A wait has seen so many readers at once.
    pub(crate) fn note_readers(&self, _owner: &Owner, readers: u64, resets: u64) {
        let noted = MostReaders(self.most_readers.own_load());
        let more = noted.merge(MostReaders::new(readers, resets));
        if readers != 0 && more != noted {
            self.write(|| self.most_readers.store(more.0, Relaxed));
        }
    }

    /// From now on acquisitions are timed, in all or by sample, or not at all.
    pub(crate) fn set_timing(&self, _owner: &Owner, timing: bool) {
        self.write(|| {
            self.unmeasured_holds
                .set_timing(self.acquisitions.own_load(), timing);
            self.unmeasured_waits
                .set_timing(self.contentions.own_load(), timing);
        });
    }

    /// Timed events that stand for so many holds and waits could not be measured.
    pub(crate) fn forfeit(&self, _owner: &Owner, holds: u64, waits: u64) {
        self.write(|| {
            bump(&self.unmeasured_holds.before, holds);
            bump(&self.unmeasured_waits.before, waits);
        });
    }

    /// Prepares to add a hold of weight 1, if it is a [usual](UsualDuration) one. `open` is the
    /// open collection's word.
    #[inline(always)]
    pub(crate) fn usual_hold(
        &self,
        _owner: &Owner,
        ns: u64,
        open: u64,
    ) -> Option<UsualDuration<'_>> {
        self.hold.usual(ns, open)
    }

    /// Adds a usual hold. Calls nothing.
    #[inline(always)]
    pub(crate) fn add_usual_hold(&self, hold: UsualDuration<'_>) {
        // The offer inside the sequence, as in `add`.
        self.write(|| hold.add());
    }

    /// Adds a hold, and nothing else, if its reservoir is there already: allocates nothing. `false`
    /// if it did not.
    #[inline]
    pub(crate) fn add_hold(
        &self,
        _owner: &Owner,
        ns: u64,
        weight: u64,
        open: OpenCollection,
        seed: &AtomicU64,
    ) -> bool {
        self.add_hold_then(ns, weight, open, seed, || ())
    }

    /// The same; `between` runs between the sample and the sums.
    #[inline(always)]
    fn add_hold_then(
        &self,
        ns: u64,
        weight: u64,
        open: OpenCollection,
        seed: &AtomicU64,
        between: impl FnOnce(),
    ) -> bool {
        let measured = Measured {
            kind: Measure::Hold,
            ns,
            weight,
        };
        // The offer inside the sequence, as in `add`.
        self.write(|| {
            let offered = self.hold.offer_in_place(measured, open, seed);
            if offered {
                between();
                self.hold.add(measured, open);
            }
            offered
        })
    }

    /// A walk that comes between a sample and its sums.
    #[cfg(test)]
    pub(crate) fn add_hold_around(
        &self,
        ns: u64,
        open: OpenCollection,
        seed: &AtomicU64,
        walk: impl FnOnce(),
    ) {
        assert!(self.add_hold_then(ns, 1, open, seed, walk));
    }

    /// Runs `stores` as one update.
    #[inline(always)]
    fn write<T>(&self, stores: impl FnOnce() -> T) -> T {
        self.seq.update(stores)
    }

    /// Whether its owner is in the middle of changing it, or was when it ended.
    pub(crate) fn is_half_changed(&self) -> bool {
        self.seq.is_under_way()
    }

    /// A consistent copy, or `None` when the owner was writing at every attempt.
    pub(crate) fn read(&self) -> Option<Reading> {
        self.read_also(|| ())
    }

    /// A consistent copy, and the histograms of the waits and of the holds, or `None` when the
    /// owner was writing at every attempt.
    pub(crate) fn read_whole(&self, histograms: &mut [Option<Weights>; 2]) -> Option<Reading> {
        let [waits, holds] = histograms;
        self.read_also(|| {
            self.wait.histogram.read(waits);
            self.hold.histogram.read(holds);
        })
    }

    /// Calls `also` at each attempt.
    fn read_also(&self, mut also: impl FnMut()) -> Option<Reading> {
        for _ in 0..READ_ATTEMPTS {
            if let Some(begun) = self.seq.begin() {
                let holds = self.unmeasured_holds.read();
                let waits = self.unmeasured_waits.read();
                also();
                let mut reading = Reading {
                    seq: begun.number(),
                    cold: self.cold.read(),
                    caused: self.caused.read(),
                    wait: self.wait.read(),
                    hold: self.hold.read(),
                    most_readers: MostReaders(self.most_readers.load(Relaxed)),
                    ..Reading::default()
                };
                // After the sequence's Acquire load: never behind the waits that were read,
                // and with the long ones among them. Acquire: nor the acquisitions behind the
                // contentions; pairs with the Release in `count`.
                reading.contentions = self.contentions.load(Acquire);
                if self.seq.is_still(begun) {
                    reading.acquisitions = self.acquisitions.load(Relaxed);
                    reading.blocked = self.blocked.load(Relaxed);
                    // After them: one that is being timed just now must not look untimed.
                    reading.timed_waits = self.waits.measured.load(Relaxed);
                    reading.timed_holds = self.holds.measured.load(Relaxed);
                    reading.unmeasured_holds = holds.of(reading.acquisitions);
                    reading.unmeasured_waits = waits.of(reading.contentions);
                    reading.overdue_holds = self.overdue_holds(&reading, holds.changed);
                    reading.overdue_waits = self.overdue_waits(&reading);
                    return Some(reading);
                }
            }
            spin_loop();
        }
        None
    }

    /// Holds since the last measured one, if they are more than a sample can stand for: either many
    /// times the weight of the next one, or more than all before together, and many times what a
    /// sample stood for then.
    fn overdue_holds(&self, reading: &Reading, changed: u64) -> u64 {
        let weight = self.holds.weight();
        if !self.is_sampled() || weight == 0 {
            return 0;
        }
        let before = self.hold_rate.last_measured().max(changed);
        let new = reading.acquisitions.saturating_sub(before);
        let mean = before / reading.hold.samples.max(1);
        let is_late = new > OVERDUE.saturating_mul(weight)
            || new > OVERDUE.saturating_mul(mean) && new > before.max(SURELY_MEASURED);
        let untimed = reading
            .acquisitions
            .saturating_sub(reading.timed_holds)
            .saturating_sub(reading.unmeasured_holds);
        if is_late { new.min(untimed) } else { 0 }
    }

    /// Waits that were not timed, if they are more than a sample can stand for and there is no such
    /// sample. Waits that park are all timed and stand for themselves.
    fn overdue_waits(&self, reading: &Reading) -> u64 {
        let weight = self.waits.weight();
        let untimed = reading
            .contentions
            .saturating_sub(reading.timed_waits)
            .saturating_sub(reading.unmeasured_waits);
        let stands_for_them = reading.wait.sum.longest_sampled_ns != 0;
        if !self.is_sampled() || weight == 0 || stands_for_them {
            return 0;
        }
        if untimed > OVERDUE.saturating_mul(weight) {
            untimed
        } else {
            0
        }
    }

    /// Whether its schedules are those of mode `Sampled`.
    fn is_sampled(&self) -> bool {
        Control(self.control.load(Relaxed)).kind() == control::ModeKind::Sampled
    }

    /// A number that is different after anything has happened, as that of a
    /// [reading](Reading::events). An update that is under way may be seen or not.
    #[inline]
    pub(crate) fn events(&self) -> u64 {
        let counts = [&self.acquisitions, &self.contentions, &self.blocked];
        let counts = counts.into_iter().map(|count| count.load(Relaxed));
        counts.fold(self.seq.number(), u64::wrapping_add)
    }

    /// A consistent copy, or the `last` one when the owner was writing at every attempt: what has
    /// been added since is then in the next copy, and copies never go backwards.
    pub(crate) fn read_or(&self, last: Option<Reading>) -> Reading {
        self.read().or(last).unwrap_or_default()
    }

    /// The reservoir of a kind.
    pub(crate) fn reservoir(&self, kind: Measure) -> &Reservoir {
        &self.tally(kind).reservoir
    }

    fn tally(&self, kind: Measure) -> &Tally {
        match kind {
            Measure::Wait => &self.wait,
            Measure::Hold => &self.hold,
        }
    }
}

#[cfg(test)]
mod tests;
