//! Which events are measured: acquisitions with a timed hold, and contended ones with a timed wait.
//!
//! In `Sampled` mode, the probability of measuring an event is known exactly when the event
//! happens. After each measured event, the sampler draws the gap to the next from the geometric
//! distribution of the current probability. That equals independent draws for each event at the
//! cost of one draw for each measured event. A periodic program finds no period to alias with.
//! Given all that went before, an event is measured with probability 1/weight. So the sum of weight
//! times duration is an unbiased estimate of the total, and the sum of w(w-1)x² is an unbiased
//! estimate of its variance.
//!
//! The probability follows from the point's rate. The aim is one measured event of a point in each
//! `spacing` nanoseconds, which the thread's governor sets. So a point with rarer events is
//! measured every time, and points with more frequent events are measured equally often. See
//! `docs/decisions/0004-sampling.md`.

use crate::control::ModeKind;
use crate::record::random::open_unit;
use crate::record::reservoir::representable;
use crate::sync::{AtomicU64, Ordering::Relaxed, OwnLoad};

/// The mean gap may grow by one for each `STEP` events. The first 2 * `STEP` events are all
/// measured.
///
/// So a new point has samples from every stage of its life, not only of its first events.
pub(crate) const STEP: u64 = 16;

/// When a point is next measured, and what that sample stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The first event with this number or a later one is measured. 0: every event is; `u64::MAX`:
    /// none is.
    pub(crate) next: u64,
    /// The inverse of the sample's probability.
    pub(crate) weight: u64,
}

impl Schedule {
    pub(crate) const NEVER: Schedule = Schedule {
        next: u64::MAX,
        weight: 0,
    };
    pub(crate) const ALWAYS: Schedule = Schedule { next: 0, weight: 1 };

    /// The schedule after `done` events, to measure one event in `mean`.
    pub(crate) fn after(done: u64, mean: u64, rng: &mut fastrand::Rng) -> Self {
        let weight = representable(mean.max(1));
        Schedule {
            next: done.saturating_add(geometric(weight, rng)),
            weight,
        }
    }

    /// The schedule of a point that is looked up for the first time in a new mode.
    pub(crate) fn of(kind: ModeKind, sampled: impl FnOnce() -> Self) -> Self {
        match kind {
            ModeKind::Off | ModeKind::Counts => Schedule::NEVER,
            ModeKind::Exact => Schedule::ALWAYS,
            ModeKind::Sampled => sampled(),
        }
    }
}

/// Number of trials up to and including the first success, at probability 1/`mean` each.
fn geometric(mean: u64, rng: &mut fastrand::Rng) -> u64 {
    if mean <= 1 {
        return 1;
    }
    let miss = (-1.0 / mean as f64).ln_1p();
    // `as` saturates at the largest u64.
    1_u64.saturating_add((open_unit(rng).ln() / miss).floor() as u64)
}

/// The schedule for one kind of events of a record, and how many were measured. Only the owner
/// writes it.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// The next event is measured after this many. 0: every event is.
    after: AtomicU64,
    /// Weight of the next measured event: the inverse of its probability.
    weight: AtomicU64,
    /// Number of events measured, including those still in progress.
    pub(crate) measured: AtomicU64,
}

impl Sampling {
    pub(crate) fn new() -> Self {
        Sampling {
            after: AtomicU64::new(0),
            weight: AtomicU64::new(1),
            measured: AtomicU64::new(0),
        }
    }

    /// Whether to measure the event after `done` others.
    // Asked before the event is counted, so the hot path need not keep its number until then.
    #[inline(always)]
    pub(crate) fn is_due(&self, done: u64) -> bool {
        done >= self.after.load(Relaxed)
    }

    /// [`is_due`](Self::is_due) after as many events as `done` has counted, in fewer instructions.
    ///
    /// # Safety
    /// The calling thread is the owner of both.
    #[inline(always)]
    pub(crate) unsafe fn is_due_now(&self, done: &AtomicU64) -> bool {
        // SAFETY: the caller's.
        unsafe { done.plain_load() >= self.after.plain_load() }
    }

    /// How many events the next measured one stands for.
    #[inline(always)]
    pub(crate) fn weight(&self) -> u64 {
        self.weight.load(Relaxed)
    }

    /// Stores a new schedule, in two plain stores.
    #[inline(always)]
    pub(crate) fn set(&self, schedule: Schedule) {
        self.after.store(schedule.next.saturating_sub(1), Relaxed);
        self.weight.store(schedule.weight, Relaxed);
    }
}

/// How often one kind of events of a record happens: a moving average over the last few measured
/// ones. Only the owner uses it.
#[derive(Debug, Default)]
pub(crate) struct EventRate {
    /// Clock ticks and number of the last measured event.
    last: AtomicU64,
    number: AtomicU64,
    /// Nanoseconds and events as two f32, each halved at every update.
    rate: AtomicU64,
}

impl EventRate {
    /// Notes that event `number` happened at `ticks`. `nanos` returns the time between two tick
    /// counts.
    pub(crate) fn note(&self, number: u64, ticks: u64, nanos: impl FnOnce(u64, u64) -> u64) {
        let before = self.number.own_load();
        if number <= before {
            // This event was acquired before the last one and released after it, or it has no
            // number (0) because it is in no sample.
            return;
        }
        if before != 0 {
            let (ns, events) = self.rate();
            let ns = ns / 2.0 + nanos(self.last.own_load(), ticks) as f32;
            let events = events / 2.0 + (number - before) as f32;
            let rate = u64::from(ns.to_bits()) << 32 | u64::from(events.to_bits());
            self.rate.store(rate, Relaxed);
        }
        self.last.store(ticks, Relaxed);
        self.number.store(number, Relaxed);
    }

    /// How many events there were since the last measured one, and when that was, in ticks. `None`
    /// if none was measured.
    pub(crate) fn since_last(&self, events: u64) -> Option<(u64, u64)> {
        let number = self.number.load(Relaxed);
        (number != 0).then(|| (events.saturating_sub(number), self.last.load(Relaxed)))
    }

    /// Replaces the known rate: `events` happened in `ns` and none was measured.
    pub(crate) fn replace(&self, events: u64, ns: u64) {
        let rate = u64::from((ns as f32).to_bits()) << 32 | u64::from((events as f32).to_bits());
        self.rate.store(rate, Relaxed);
    }

    /// Number of the last measured event, or 0 if there was none. Any thread may call this.
    pub(crate) fn last_measured(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// Number of events that happen in `ns`: at least 1, and 1 while nothing is known.
    pub(crate) fn events_in(&self, ns: f64) -> u64 {
        let (per, events) = self.rate();
        if events == 0.0 {
            return 1;
        }
        // `as` saturates. A rate over no time at all means that the clock stands still.
        ((ns * f64::from(events) / f64::from(per).max(1e-3)) as u64).max(1)
    }

    fn rate(&self) -> (f32, f32) {
        let rate = self.rate.own_load();
        (
            f32::from_bits((rate >> 32) as u32),
            f32::from_bits(rate as u32),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_the_mean_and_the_spread_of_a_geometric_distribution() {
        let mut rng = fastrand::Rng::with_seed(1);
        const N: usize = 200_000;
        let gaps: Vec<f64> = (0..N).map(|_| geometric(64, &mut rng) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / N as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / N as f64;
        // Standard error of the mean: 64/sqrt(N) = 0.14.
        assert!((mean - 64.0).abs() < 0.6, "mean {mean}");
        // Variance of the geometric distribution: 64 * 63.
        assert!(
            (variance / (64.0 * 63.0) - 1.0).abs() < 0.03,
            "variance {variance}"
        );
        assert!(gaps.iter().all(|&g| g >= 1.0));
    }

    #[test]
    fn a_mean_of_one_measures_every_event() {
        let mut rng = fastrand::Rng::with_seed(1);
        for done in [0, 1, 1 << 40] {
            let schedule = Schedule::after(done, 1, &mut rng);
            assert_eq!((schedule.next, schedule.weight), (done + 1, 1));
        }
        assert_eq!(Schedule::after(9, 0, &mut rng).weight, 1);
        assert_eq!(Schedule::after(u64::MAX, 64, &mut rng).next, u64::MAX);
    }

    #[test]
    fn the_modes_measure_all_none_or_a_sample() {
        let sample = Schedule { next: 9, weight: 4 };
        assert_eq!(Schedule::of(ModeKind::Exact, || sample), Schedule::ALWAYS);
        assert_eq!(Schedule::of(ModeKind::Counts, || sample), Schedule::NEVER);
        assert_eq!(Schedule::of(ModeKind::Sampled, || sample), sample);
        let sampling = Sampling::new();
        for (schedule, due) in [
            (Schedule::ALWAYS, [true, true]),
            (Schedule::NEVER, [false, false]),
            (sample, [false, true]),
        ] {
            sampling.set(schedule);
            assert_eq!([sampling.is_due(7), sampling.is_due(8)], due);
        }
    }

    #[test]
    fn a_rate_follows_the_events() {
        let nanos = |start, end| end - start;
        let rate = EventRate::default();
        assert_eq!(rate.events_in(1e6), 1, "nothing is known");
        rate.note(1, 1_000, nanos);
        assert_eq!(rate.events_in(1e6), 1, "one event has no rate");
        rate.note(101, 11_000, nanos);
        assert_eq!(rate.events_in(1_000.0), 10);
        // Ten times as fast. The average follows within some events.
        for i in 1..=16 {
            rate.note(101 + 100 * i, 11_000 + 1_000 * i, nanos);
        }
        assert_eq!(rate.events_in(1_000.0), 99);
        // Released out of order.
        rate.note(5, 12_000, nanos);
        assert_eq!(rate.events_in(1_000.0), 99);
        // The clock stands still.
        let rate = EventRate::default();
        rate.note(1, 7, nanos);
        rate.note(2, 7, nanos);
        assert_eq!(rate.events_in(0.0), 1);
        assert!(rate.events_in(10.0) > 1_000);
    }

    #[test]
    fn estimated_totals_are_unbiased_and_their_variance_is_known() {
        // x(i) = i for 3,000 events. Both the durations and the mean drift, so a wrong weight shows
        // anywhere.
        const N: u64 = 3000;
        const TRIALS: usize = 4000;
        let truth = (N * (N + 1) / 2) as f64;
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut totals, mut variances) = (Vec::new(), 0.0);
        for _ in 0..TRIALS {
            let (mut total, mut variance) = (0.0, 0.0);
            let mean = |done: u64| (done / STEP).min(16);
            let mut schedule = Schedule::after(0, mean(0), &mut rng);
            while schedule.next <= N {
                let (i, w) = (schedule.next, schedule.weight as f64);
                total += w * i as f64;
                variance += w * (w - 1.0) * (i as f64).powi(2);
                schedule = Schedule::after(i, mean(i), &mut rng);
            }
            totals.push(total);
            variances += variance;
        }
        let mean = totals.iter().sum::<f64>() / TRIALS as f64;
        let spread = totals.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / TRIALS as f64;
        // The mean of 4,000 trials has a standard error of 1/63 of one trial's standard deviation.
        let error = (mean - truth).abs() / (spread / TRIALS as f64).sqrt();
        assert!(
            error < 4.0,
            "mean {mean}, truth {truth}: {error} standard errors"
        );
        let ratio = variances / TRIALS as f64 / spread;
        assert!(
            (0.9..1.1).contains(&ratio),
            "estimated variance is {ratio} of the observed"
        );
    }
}
