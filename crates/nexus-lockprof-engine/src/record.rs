//! Statistics of one acquisition point in one shard.
//!
//! Every field is written by the shard's owner alone, with plain stores. `acquisitions` is the hot
//! counter and stands outside the sequence; the rest changes together, on the cold path, between
//! two writes of `seq` (a seqlock with one writer), so that a reader gets all of an update or none
//! of it. A reader that keeps meeting an update under way gives up instead of waiting: the
//! aggregator then uses what it read the last time.
//!
//! Relaxed is enough for all counters: they are only compared with one another through `seq`.

use crate::identity::PointKey;
use crate::reservoir::{Packed, Reservoir};
use crate::sync::{AtomicU64, Ordering, OwnLoad, bump, fence, spin_loop};
use Ordering::{Acquire, Relaxed, Release};
use std::sync::OnceLock;

/// Attempts to read a record that is being written.
const READ_ATTEMPTS: usize = if cfg!(lockprof_loom) { 2 } else { 64 };

/// Proof that the calling thread owns the shard: only then may its records be written.
///
/// Neither `Send` nor `Sync`, so that it cannot leave the thread.
#[derive(Debug)]
pub(crate) struct Owner(std::marker::PhantomData<*mut ()>);

impl Owner {
    /// # Safety
    /// The calling thread holds the lease of the shard whose records it will write with this.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Owner(std::marker::PhantomData)
    }
}

/// Statistics of one acquisition point in one shard.
// The first cache line is what the hot path touches.
#[repr(C, align(64))]
pub(crate) struct Record {
    pub(crate) acquisitions: AtomicU64,
    /// The acquisition with this number, or a later one, is timed. 0: every one; `u64::MAX`: none.
    pub(crate) next_timed: AtomicU64,
    /// Weight of the next timed acquisition: the inverse of its probability of being timed.
    pub(crate) next_weight: AtomicU64,
    /// The control word that the schedule above was made under.
    pub(crate) control: AtomicU64,
    pub(crate) key: PointKey,
    /// Acquisitions whose hold is, or was, timed.
    pub(crate) timed: AtomicU64,
    /// Position in the shard, from 0, in order of creation.
    pub(crate) ordinal: usize,

    seq: AtomicU64,
    /// Acquisitions that no timed one stands for, of periods that are over, and forfeited ones.
    unmeasured: AtomicU64,
    /// Number of acquisitions at which a period without timing began; `u64::MAX` when there is timing.
    untimed_since: AtomicU64,
    contentions: AtomicU64,
    try_failures: AtomicU64,
    timeouts: AtomicU64,
    blocked: AtomicU64,
    caused_wait_ns: AtomicU64,
    wait: Tally,
    hold: Tally,
}

/// Sums over the measured durations of one kind.
#[derive(Default)]
struct Tally {
    samples: AtomicU64,
    total_ns: AtomicU64,
    /// An f64's bits: sum of w(w-1)x², the variance of the Horvitz-Thompson estimate of the total.
    variance: AtomicU64,
    max_ns: AtomicU64,
    /// Number of resets that `max_ns` and `variance` have seen. A maximum cannot be subtracted, and of a float
    /// what is left after subtracting may be nothing.
    stretch: AtomicU64,
    reservoir: OnceLock<Box<Reservoir>>,
}

/// Wait or hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Wait,
    Hold,
}

/// A measured duration on its way into a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) kind: Kind,
    pub(crate) ns: u64,
    pub(crate) weight: u64,
}

/// What the owner adds to a record in one go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delta {
    pub(crate) contentions: u64,
    pub(crate) try_failures: u64,
    pub(crate) timeouts: u64,
    pub(crate) blocked: u64,
    pub(crate) caused_wait_ns: u64,
    pub(crate) wait: Option<Measured>,
    pub(crate) hold: Option<Measured>,
}

/// What engine-wide state an update needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Era {
    /// The collection that is open.
    pub(crate) collection: u64,
    /// Resets so far.
    pub(crate) resets: u64,
    /// Slots of a new reservoir bank.
    pub(crate) reservoir: usize,
}

/// A consistent copy of a tally.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TallyReading {
    pub(crate) samples: u64,
    pub(crate) total_ns: u64,
    pub(crate) variance: f64,
    pub(crate) max_ns: u64,
    pub(crate) stretch: u64,
}

/// A consistent copy of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) acquisitions: u64,
    pub(crate) timed: u64,
    /// Acquisitions that no timed one stands for.
    pub(crate) unmeasured: u64,
    pub(crate) contentions: u64,
    pub(crate) try_failures: u64,
    pub(crate) timeouts: u64,
    pub(crate) blocked: u64,
    pub(crate) caused_wait_ns: u64,
    pub(crate) wait: TallyReading,
    pub(crate) hold: TallyReading,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Record {
    pub(crate) fn new(key: PointKey, ordinal: usize) -> Self {
        Record {
            acquisitions: AtomicU64::new(0),
            next_timed: AtomicU64::new(0),
            next_weight: AtomicU64::new(1),
            control: AtomicU64::new(0),
            key,
            timed: AtomicU64::new(0),
            ordinal,
            seq: AtomicU64::new(0),
            unmeasured: AtomicU64::new(0),
            untimed_since: AtomicU64::new(u64::MAX),
            contentions: AtomicU64::new(0),
            try_failures: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            caused_wait_ns: AtomicU64::new(0),
            wait: Tally::default(),
            hold: Tally::default(),
        }
    }

    /// Adds `delta`. Returns how many reservoirs could not be had for want of memory.
    pub(crate) fn add(&self, _owner: &Owner, delta: &Delta, era: Era, seed: &AtomicU64) -> u64 {
        // Reservoirs are their own protocol and may allocate: outside the sequence.
        let mut refused = 0;
        for measured in [delta.wait, delta.hold].into_iter().flatten() {
            refused += u64::from(!self.tally(measured.kind).offer(measured, era, seed));
        }

        self.write(|| {
            bump(&self.contentions, delta.contentions);
            bump(&self.try_failures, delta.try_failures);
            bump(&self.timeouts, delta.timeouts);
            bump(&self.blocked, delta.blocked);
            bump(&self.caused_wait_ns, delta.caused_wait_ns);
            for measured in [delta.wait, delta.hold].into_iter().flatten() {
                self.tally(measured.kind).add(measured, era.resets);
            }
        });
        refused
    }

    /// From now on acquisitions are timed, in all or by sample, or not at all.
    pub(crate) fn set_timing(&self, _owner: &Owner, timing: bool) {
        let done = self.acquisitions.own_load();
        self.write(|| {
            let since = self.untimed_since.own_load();
            bump(&self.unmeasured, done.saturating_sub(since));
            let since = if timing { u64::MAX } else { done };
            self.untimed_since.store(since, Relaxed);
        });
    }

    /// A timed acquisition that stands for `weight` of them could not be measured.
    pub(crate) fn forfeit(&self, _owner: &Owner, weight: u64) {
        self.write(|| bump(&self.unmeasured, weight));
    }

    /// Adds a hold, and nothing else, if its reservoir is there already: allocates nothing. `false` if it did not.
    #[inline]
    pub(crate) fn add_hold(
        &self,
        _owner: &Owner,
        ns: u64,
        weight: u64,
        era: Era,
        seed: &AtomicU64,
    ) -> bool {
        let Some(reservoir) = self.hold.reservoir.get() else {
            return false;
        };
        reservoir.offer(era.collection, Packed::new(ns, weight), seed);
        let measured = Measured {
            kind: Kind::Hold,
            ns,
            weight,
        };
        self.write(|| self.hold.add(measured, era.resets));
        true
    }

    /// Runs `stores` between an odd and an even sequence.
    #[inline(always)]
    fn write(&self, stores: impl FnOnce()) {
        let seq = self.seq.own_load();
        self.seq.store(seq.wrapping_add(1), Relaxed);
        // Release fence: whoever sees one of the stores and then fences with Acquire also sees the
        // odd sequence; pairs with the fence in `read`.
        fence(Release);
        stores();
        // Release: whoever sees the even sequence sees the stores; pairs with the Acquire load in `read`.
        self.seq.store(seq.wrapping_add(2), Release);
    }

    /// A consistent copy, or `None` when the owner was writing at every attempt.
    pub(crate) fn read(&self) -> Option<Reading> {
        for _ in 0..READ_ATTEMPTS {
            // Acquire: sees everything up to the update that stored this; pairs with the Release store in `write`.
            let before = self.seq.load(Acquire);
            if before & 1 == 0 {
                let untimed_since = self.untimed_since.load(Relaxed);
                let mut reading = Reading {
                    acquisitions: 0,
                    timed: 0,
                    unmeasured: self.unmeasured.load(Relaxed),
                    contentions: self.contentions.load(Relaxed),
                    try_failures: self.try_failures.load(Relaxed),
                    timeouts: self.timeouts.load(Relaxed),
                    blocked: self.blocked.load(Relaxed),
                    caused_wait_ns: self.caused_wait_ns.load(Relaxed),
                    wait: self.wait.read(),
                    hold: self.hold.read(),
                };
                // Acquire fence: if any load above saw a newer store, the load below sees that the
                // sequence moved; pairs with the Release fence in `write`.
                fence(Acquire);
                if self.seq.load(Relaxed) == before {
                    // After the Acquire load, so that it is never behind the contentions that were read; last, to be fresh.
                    reading.acquisitions = self.acquisitions.load(Relaxed);
                    // After it: one that is being timed just now must not look untimed.
                    reading.timed = self.timed.load(Relaxed);
                    reading.unmeasured += reading.acquisitions.saturating_sub(untimed_since);
                    return Some(reading);
                }
            }
            spin_loop();
        }
        None
    }

    /// A consistent copy, or the `last` one when the owner was writing at every attempt: what has been
    /// added since is then in the next copy, and copies never go backwards.
    pub(crate) fn read_or(&self, last: Option<Reading>) -> Reading {
        self.read().or(last).unwrap_or_default()
    }

    /// The reservoir of a kind, if anything of it was ever measured here.
    pub(crate) fn reservoir(&self, kind: Kind) -> Option<&Reservoir> {
        self.tally(kind).reservoir.get().map(|boxed| &**boxed)
    }

    fn tally(&self, kind: Kind) -> &Tally {
        match kind {
            Kind::Wait => &self.wait,
            Kind::Hold => &self.hold,
        }
    }
}

impl Tally {
    /// `false` when there is no memory for the reservoir: the sums still take it.
    fn offer(&self, measured: Measured, era: Era, seed: &AtomicU64) -> bool {
        if self.reservoir.get().is_none() {
            let Some(new) = Reservoir::try_new(era.reservoir) else {
                return false;
            };
            // Only the owner sets it: it cannot have been set in between.
            let _ = self.reservoir.set(Box::new(new));
        }
        if let Some(reservoir) = self.reservoir.get() {
            reservoir.offer(
                era.collection,
                Packed::new(measured.ns, measured.weight),
                seed,
            );
        }
        true
    }

    #[inline(always)]
    fn add(&self, measured: Measured, resets: u64) {
        let Measured { ns, weight, .. } = measured;
        bump(&self.samples, 1);
        bump(&self.total_ns, ns.saturating_mul(weight));
        if self.stretch.own_load() != resets {
            self.stretch.store(resets, Relaxed);
            self.max_ns.store(ns, Relaxed);
            self.variance.store(0.0_f64.to_bits(), Relaxed);
        } else if ns > self.max_ns.own_load() {
            self.max_ns.store(ns, Relaxed);
        }
        if weight > 1 {
            let (x, w) = (ns as f64, weight as f64);
            let variance = f64::from_bits(self.variance.own_load()) + w * (w - 1.0) * x * x;
            self.variance.store(variance.to_bits(), Relaxed);
        }
    }

    fn read(&self) -> TallyReading {
        TallyReading {
            samples: self.samples.load(Relaxed),
            total_ns: self.total_ns.load(Relaxed),
            variance: f64::from_bits(self.variance.load(Relaxed)),
            max_ns: self.max_ns.load(Relaxed),
            stretch: self.stretch.load(Relaxed),
        }
    }
}
