//! Measures the costs of the profiler's own work on this machine, once in a process, by doing some
//! of that work.

use crate::clock::Clock;
use crate::config::{self, Mode};
use crate::control::Control;
use crate::identity::{PointKey, ThreadBits};
use crate::record::collection_clock::OpenCollection;
use crate::record::governor::{Costs, Governor};
use crate::record::hot::{HotCache, Probe};
use crate::record::owner::Owner;
use crate::record::pool::Pool;
use crate::record::random::with_rng;
use crate::record::sampler::Schedule;
use crate::record::statistics::{Delta, Record};
use crate::record::tally::{Measure, Measured};
use crate::sync::{AtomicBool, AtomicU64, Ordering, bump};
use Ordering::{Acquire, Relaxed, Release};
use std::hint::black_box;

const READINGS: u64 = 128;
const FEW: usize = 3;
const MANY: usize = 9;
const ACQUISITIONS: u64 = 4096;
/// One in this many acquisitions is timed, on average. That is rare enough to surprise the
/// processor, as in a real program.
const INTERVAL: u64 = 256;

/// The cost of a lookup, as a multiple of a timed acquisition.
const TWICE: u64 = 2;

/// What the loop does besides locking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Nothing,
    Counting,
    Timing,
}

/// Sets the costs of an engine with a real clock. The first call in a process that has the memory
/// for it measures them, which takes some hundred microseconds. All real clocks are the same one,
/// so later engines get the same costs.
pub(crate) fn calibrate(clock: &Clock, costs: &Costs) {
    static MEASURED: Costs = Costs::assumed();
    static READING: AtomicU64 = AtomicU64::new(0);
    static IS_MEASURED: AtomicBool = AtomicBool::new(false);
    until_done(&IS_MEASURED, || match Bench::try_new(clock) {
        Some(bench) => {
            READING.store(measure(&bench, &MEASURED), Relaxed);
            true
        }
        // No memory for it: the assumed costs stay, and the next engine tries again.
        None => false,
    });
    costs.copy_from(&MEASURED);
    clock.set_reading(READING.load(Relaxed));
}

/// Calls `work` until it says that it is done.
fn until_done(is_done: &AtomicBool, work: impl FnOnce() -> bool) {
    // Acquire: what `work` stored is seen. Pairs with the Release below.
    // Two threads that are here at one time both work, and either result is good.
    if !is_done.load(Acquire) && work() {
        is_done.store(true, Release);
    }
}

/// Measures the costs, and returns how many ticks a reading of the clock takes.
fn measure(bench: &Bench<'_>, costs: &Costs) -> u64 {
    let readings = bench.readings();
    // Constant work takes the shortest batch, since all else that the machine does only adds time.
    let [(nothing, _), ..] = bench.batches::<FEW>(Work::Nothing);
    let [(counting, _), ..] = bench.batches::<FEW>(Work::Counting);
    let mut each = bench
        .batches::<MANY>(Work::Timing)
        .map(|(ns, timed)| ns.saturating_sub(counting) / timed.max(1));
    each.sort_unstable();
    // Takes the lower quartile. The first batches meet colder caches and branch predictors than a
    // program's locks do, the last ones warmer.
    // Again at the end: the processor may have been slow for a while.
    let readings = readings.min(bench.readings());
    let clock_ns = bench.clock.nanos(0, 2 * readings) / READINGS;
    // On a busy machine the subtraction may take off too much. The bookkeeping takes at least as
    // long as the clock readings.
    let timed_ns = each[MANY / 4].max(2 * clock_ns).max(1);
    costs.timed_ns.store(timed_ns, Relaxed);
    costs.clock_ns.store(clock_ns, Relaxed);
    costs.processor_ns.store(bench.processor_time(), Relaxed);
    costs.looked_up_ns.store(TWICE * timed_ns, Relaxed);
    // A processor may hide all of it behind the lock.
    let counted_ps = counting.saturating_sub(nothing) * 1_000 / ACQUISITIONS;
    costs.counted_ps.store(counted_ps, Relaxed);
    readings / READINGS
}

const COLLECTION: OpenCollection = OpenCollection {
    collection: 1,
    resets: 0,
    reservoir: config::RESERVOIR,
};

/// A record and its surroundings, which belong to no engine.
struct Bench<'a> {
    clock: &'a Clock,
    cache: Box<HotCache<()>>,
    pool: Pool,
    record: Box<Record>,
    governor: Governor,
    costs: Costs,
    lock: AtomicBool,
    seed: AtomicU64,
}

impl<'a> Bench<'a> {
    fn try_new(clock: &'a Clock) -> Option<Self> {
        let bench = Bench {
            clock,
            cache: Box::new(HotCache::new()),
            pool: Pool::try_new(u64::MAX)?,
            record: Box::new(Record::new(PointKey(8))),
            governor: Governor::new(),
            costs: Costs::assumed(),
            lock: AtomicBool::new(false),
            seed: AtomicU64::new(1),
        };
        let control = Control::new(1, Mode::Exact);
        bench
            .cache
            .remember(&bench.record, ThreadBits::UNKNOWN, control, || control);
        // SAFETY: only this function has the record.
        let owner = unsafe { Owner::assume() };
        let first = Delta {
            hold: Some(Measured {
                kind: Measure::Hold,
                ns: 1,
                weight: 1,
            }),
            ..Delta::default()
        };
        // Adds one measured hold, so that the reservoir exists.
        bench
            .record
            .add(&owner, &first, COLLECTION, &bench.seed, || true);
        Some(bench)
    }

    /// Ticks that [`READINGS`] readings of the clock take, one right after the other.
    fn readings(&self) -> u64 {
        let batch = |_| {
            let start = self.clock.raw();
            (1..READINGS).for_each(|_| _ = black_box(self.clock.raw()));
            self.clock.raw().saturating_sub(start)
        };
        // Takes the shortest batch, since all else that the machine does only adds time.
        (0..FEW as u64).map(batch).min().unwrap_or(0)
    }

    /// Nanoseconds to read the thread's processor time.
    fn processor_time(&self) -> u64 {
        let one = |_| {
            let start = self.clock.raw();
            black_box(self.clock.processor_ns());
            self.clock.nanos(start, self.clock.raw())
        };
        // The first reading is slower, because the path into the kernel is cold.
        (0..FEW as u64).map(one).min().unwrap_or(1).max(1)
    }

    /// Runs `N` batches and sorts them, the shortest first.
    fn batches<const N: usize>(&self, work: Work) -> [(u64, u64); N] {
        let mut batches = [(); N].map(|()| self.batch(work));
        batches.sort_unstable();
        batches
    }

    /// Nanoseconds that the acquisitions took, and how many were timed.
    fn batch(&self, work: Work) -> (u64, u64) {
        let done = self.record.acquisitions.load(Relaxed);
        self.record.holds.set(match work {
            Work::Timing => with_rng(&self.seed, |rng| Schedule::after(done, INTERVAL, rng)),
            Work::Nothing | Work::Counting => Schedule::NEVER,
        });
        let timed = self.record.holds.measured.load(Relaxed);
        let start = self.clock.raw();
        (0..ACQUISITIONS).for_each(|_| self.acquire(work));
        let ns = self.clock.nanos(start, self.clock.raw());
        (ns, self.record.holds.measured.load(Relaxed) - timed)
    }

    /// One acquisition and release, as the hot path and `timed` do them.
    #[inline(always)]
    fn acquire(&self, work: Work) {
        let key = black_box(self.record.key);
        let probe = match work {
            Work::Nothing => Probe::Off,
            _ => self.cache.probe(key, || false),
        };
        match probe {
            Probe::Count(hit) => {
                self.lock.swap(true, Acquire);
                // SAFETY: only this function has the record.
                unsafe { hit.commit() };
            }
            Probe::Time(_) => return self.timed(),
            Probe::Off | Probe::Cold => {
                self.lock.swap(true, Acquire);
            }
        }
        self.lock.swap(false, Release);
    }

    #[inline(never)]
    fn timed(&self) {
        let count = self.record.acquisitions.load(Relaxed) + 1;
        // SAFETY: only this function has the record.
        let owner = unsafe { Owner::assume() };
        let Some(pending) = self.pool.take(&self.record) else {
            return;
        };
        pending.number.store(count, Relaxed);
        let next = with_rng(&self.seed, |rng| Schedule::after(count, INTERVAL, rng));
        self.lock.swap(true, Acquire);
        self.record.holds.set(next);
        bump(&self.record.holds.measured, 1);
        self.record.acquisitions.store(count, Relaxed);
        pending.hold_start.store(self.clock.raw(), Relaxed);
        pending.hold_end.store(self.clock.raw(), Relaxed);
        self.lock.swap(false, Release);
        let (start, end) = (
            pending.hold_start.load(Relaxed),
            pending.hold_end.load(Relaxed),
        );
        let ns = self.clock.nanos(start, end);
        self.record
            .add_hold(&owner, ns, INTERVAL, COLLECTION, &self.seed);
        let nanos = |start, end| self.clock.nanos(start, end);
        self.record.hold_rate.note(count, start, nanos);
        self.governor.charge(40);
        self.governor.steer(end, self.clock, 1.0, &self.costs);
        self.pool.give_back(pending);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Before, each engine measured them again, which took most of the time of making one.
    #[test]
    fn all_engines_have_the_same_costs() {
        const ENGINES: usize = 1_000;
        let clock = Clock::counter();
        clock.prepare();
        let costs = || {
            let costs = Costs::assumed();
            calibrate(&clock, &costs);
            format!("{costs:?}")
        };
        let one = costs();
        // Tests beside this one may have begun to measure before, and end meanwhile.
        let different: HashSet<String> = (0..ENGINES).map(|_| costs()).collect();
        assert!(different.len() < ENGINES / 10, "{different:?}");
        assert_ne!(one, format!("{:?}", Costs::assumed()));
    }

    /// Ticks are far shorter than a reading if they are the processor's counter's.
    #[test]
    fn the_clock_knows_how_long_a_reading_takes() {
        let clock = Clock::counter();
        clock.prepare();
        assert_eq!(clock.between(0, 1_000), clock.nanos(0, 1_000));
        calibrate(&clock, &Costs::assumed());
        if clock.processor_counter().is_some() {
            assert!(clock.between(0, 1_000) < clock.nanos(0, 1_000));
        }
    }

    #[test]
    fn what_fails_for_lack_of_memory_is_tried_again() {
        let is_done = AtomicBool::new(false);
        let mut tries = 0;
        for succeeds in [false, true, true] {
            until_done(&is_done, || {
                tries += 1;
                succeeds
            });
        }
        assert_eq!(tries, 2);
    }
}
