//! Sums over measured durations, and what no measured one stands for.

use crate::record::collection_clock::OpenCollection;
use crate::record::histogram::{Histogram, SHORT, UsualBucket};
use crate::record::reservoir::{EXACT_BELOW, Packed, Reservoir, UsualOffer};
use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed, OwnLoad, bump};

/// Events that no measured one stands for.
#[derive(Debug)]
pub(super) struct Unmeasured {
    /// Those of periods that are over, and forfeited ones.
    pub(super) before: AtomicU64,
    /// Number of events at which a period without timing began; `u64::MAX` when there is timing.
    since: AtomicU64,
    /// Number of events at which the mode was last changed.
    changed: AtomicU64,
}

/// A total, and how sure it is.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Sum {
    total_ns: AtomicU64,
    /// An f64's bits: sum of w(w-1)x², the variance of the Horvitz-Thompson estimate of the total.
    variance: AtomicU64,
    /// Number of resets that `variance`, and the maximum that goes with it, have seen. A maximum
    /// cannot be subtracted, and of a float what is left after subtracting may be nothing.
    reset_generation: AtomicU64,
    /// The longest duration that stands for more than itself, and goes with `variance`.
    longest_sampled_ns: AtomicU64,
}

/// Sums over the measured durations of one kind.
// A usual duration touches the first 64 bytes.
#[derive(Default)]
#[repr(C)]
pub(super) struct Tally {
    samples: AtomicU64,
    usual: Usual,
    pub(super) histogram: Histogram,
    pub(super) reservoir: Reservoir,
    sum: Sum,
    max_ns: AtomicU64,
}

/// Wait or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    Wait,
    Hold,
}

/// A measured duration on its way into a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) kind: Measure,
    pub(crate) ns: u64,
    pub(crate) weight: u64,
}

impl Measured {
    /// The time of all events that it stands for.
    #[inline(always)]
    pub(crate) fn total_ns(self) -> u64 {
        self.ns.saturating_mul(self.weight)
    }
}

/// A consistent copy of a tally.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TallyReading {
    pub(crate) samples: u64,
    pub(crate) sum: SumReading,
    pub(crate) max_ns: u64,
}

/// A consistent copy of a sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SumReading {
    pub(crate) total_ns: u64,
    pub(crate) variance: f64,
    pub(crate) reset_generation: u64,
    pub(crate) longest_sampled_ns: u64,
}

impl SumReading {
    /// As words, which [`from_words`](Self::from_words) reads.
    pub(super) fn to_words(self) -> [u64; 4] {
        [
            self.total_ns,
            self.variance.to_bits(),
            self.reset_generation,
            self.longest_sampled_ns,
        ]
    }

    /// The sum in these words.
    pub(super) fn from_words([total_ns, variance, reset_generation, longest]: [u64; 4]) -> Self {
        SumReading {
            total_ns,
            variance: f64::from_bits(variance),
            reset_generation,
            longest_sampled_ns: longest,
        }
    }
}

/// What a usual duration needs, noted at the last one that was not usual. Only the owner uses it.
#[derive(Debug, Default)]
struct Usual {
    /// The [word](OpenCollection::word) of the collection for which this is noted, or 0. Then the
    /// tally has seen all resets, its histogram exists, and its reservoir is
    /// [ready](Reservoir::make_ready).
    open: AtomicU64,
    /// Nanoseconds. Shorter durations have a bucket in the table, are not for the reservoir's tail,
    /// and are not the longest.
    below_ns: AtomicU32,
    /// Nanoseconds. Shorter durations are below the middle of the reservoir's body.
    middle_ns: AtomicU32,
}

/// Durations that have their buckets in a table are their own codes.
const _: () = assert!(SHORT <= EXACT_BELOW);

/// A usual duration on its way into a tally: it stands for itself alone, it is short, it is neither
/// the longest nor the first since a collection or a reset, and its reservoir only counts it.
pub(crate) struct UsualDuration<'a> {
    tally: &'a Tally,
    ns: u32,
    offer: UsualOffer<'a>,
    bucket: UsualBucket<'a>,
}

impl UsualDuration<'_> {
    /// Adds it. Only the owner calls this, inside the sequence.
    #[inline(always)]
    pub(super) fn add(self) {
        let is_below_middle = self.ns < self.tally.usual.middle_ns.own_load();
        self.offer.make(is_below_middle);
        bump(&self.tally.samples, 1);
        bump(&self.tally.sum.total_ns, u64::from(self.ns));
        self.bucket.add_one();
    }
}

impl Tally {
    /// Prepares to add a duration of weight 1, if it is a usual one. Changes nothing. `open` is the
    /// open collection's word. Only the owner calls this.
    #[inline(always)]
    pub(super) fn usual(&self, ns: u64, open: u64) -> Option<UsualDuration<'_>> {
        let is_usual =
            self.usual.open.own_load() == open && ns < u64::from(self.usual.below_ns.own_load());
        if !is_usual {
            return None;
        }
        // SAFETY: `note_usual` has seen that the reservoir is ready, and the histogram exists.
        // `below_ns` is at most `SHORT`.
        let (offer, bucket) = unsafe {
            let offer = self.reservoir.usual_offer()?;
            (offer, self.histogram.usual_bucket(ns as usize)?)
        };
        Some(UsualDuration {
            tally: self,
            ns: ns as u32,
            offer,
            bucket,
        })
    }

    /// Notes what a usual duration needs, after another one was added.
    fn note_usual(&self, open: OpenCollection) {
        let bounds = self.reservoir.make_ready(open.collection);
        let Some(bounds) = bounds.filter(|_| self.histogram.exists()) else {
            self.usual.open.store(0, Relaxed);
            return;
        };
        let longest_ns = self.max_ns.own_load();
        let below_ns = SHORT.min(longest_ns.saturating_add(1)).min(bounds.tail_ns);
        self.usual.below_ns.store(below_ns as u32, Relaxed);
        self.usual.middle_ns.store(bounds.middle_ns as u32, Relaxed);
        self.usual.open.store(open.word(), Relaxed);
    }

    /// `false` if that would allocate.
    #[inline(always)]
    pub(super) fn offer_in_place(
        &self,
        measured: Measured,
        open: OpenCollection,
        seed: &AtomicU64,
    ) -> bool {
        let item = Packed::new(measured.ns, measured.weight);
        self.reservoir.offer_in_place(open.collection, item, seed)
    }

    /// `false` when there is no memory for the histogram or the reservoir: the sums still take it.
    #[inline]
    pub(super) fn offer(&self, measured: Measured, open: OpenCollection, seed: &AtomicU64) -> bool {
        let item = Packed::new(measured.ns, measured.weight);
        // A reservoir that needs no allocation has a histogram.
        self.histogram.prepare()
            && self
                .reservoir
                .offer(open.collection, item, open.reservoir, seed)
    }

    #[inline(always)]
    pub(super) fn add(&self, measured: Measured, open: OpenCollection) {
        bump(&self.samples, 1);
        self.histogram.add(measured.ns, measured.weight);
        if self.sum.add(measured, open.resets) || measured.ns > self.max_ns.own_load() {
            self.max_ns.store(measured.ns, Relaxed);
        }
        // Waits come rarely.
        if measured.kind == Measure::Hold {
            self.note_usual(open);
        }
    }

    #[inline]
    pub(super) fn read(&self) -> TallyReading {
        TallyReading {
            samples: self.samples.load(Relaxed),
            sum: self.sum.read(),
            max_ns: self.max_ns.load(Relaxed),
        }
    }
}

impl Sum {
    /// `true` when this begins a new time between two resets.
    #[inline(always)]
    pub(super) fn add(&self, measured: Measured, resets: u64) -> bool {
        bump(&self.total_ns, measured.total_ns());
        self.add_variance(measured, resets)
    }

    /// The same without the total, which is counted elsewhere.
    #[inline(always)]
    pub(super) fn add_variance(&self, measured: Measured, resets: u64) -> bool {
        let Measured { ns, weight, .. } = measured;
        let begins = self.reset_generation.own_load() != resets;
        if begins {
            self.reset_generation.store(resets, Relaxed);
            self.variance.store(0.0_f64.to_bits(), Relaxed);
            self.longest_sampled_ns.store(0, Relaxed);
        }
        if weight > 1 {
            if ns > self.longest_sampled_ns.own_load() {
                self.longest_sampled_ns.store(ns, Relaxed);
            }
            let (x, w) = (ns as f64, weight as f64);
            let variance = f64::from_bits(self.variance.own_load()) + w * (w - 1.0) * x * x;
            self.variance.store(variance.to_bits(), Relaxed);
        }
        begins
    }

    pub(super) fn read(&self) -> SumReading {
        SumReading {
            total_ns: self.total_ns.load(Relaxed),
            variance: f64::from_bits(self.variance.load(Relaxed)),
            reset_generation: self.reset_generation.load(Relaxed),
            longest_sampled_ns: self.longest_sampled_ns.load(Relaxed),
        }
    }
}

impl Unmeasured {
    pub(super) fn new() -> Self {
        Unmeasured {
            before: AtomicU64::new(0),
            since: AtomicU64::new(u64::MAX),
            changed: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn set_timing(&self, done: u64, timing: bool) {
        bump(&self.before, done.saturating_sub(self.since.own_load()));
        self.since
            .store(if timing { u64::MAX } else { done }, Relaxed);
        self.changed.store(done, Relaxed);
    }

    pub(super) fn read(&self) -> UnmeasuredReading {
        UnmeasuredReading {
            before: self.before.load(Relaxed),
            since: self.since.load(Relaxed),
            changed: self.changed.load(Relaxed),
        }
    }
}

/// A consistent copy of [`Unmeasured`].
pub(super) struct UnmeasuredReading {
    before: u64,
    since: u64,
    pub(super) changed: u64,
}

impl UnmeasuredReading {
    /// Of so many events.
    #[inline]
    pub(super) fn of(&self, events: u64) -> u64 {
        self.before + events.saturating_sub(self.since)
    }
}
