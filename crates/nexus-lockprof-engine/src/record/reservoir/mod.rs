//! A fixed-size sample of the durations of one record, one interval at a time.
//!
//! Two [banks](bank) take turns. An offer goes to the bank of the open collection. The aggregator
//! opens the next collection, then reads the bank of the one it closed. The writer does not touch
//! that bank until the collection after. `docs/protocol.md` has the argument.

mod bank;
mod middle;
mod packed;
mod reading;
mod stratum;

pub(crate) use bank::{Bounds, UsualOffer};
pub(crate) use middle::nearest_bound;
pub(crate) use packed::{EXACT_BELOW, Packed, representable};
pub(crate) use reading::BankReading;

use crate::record::memory::try_box;
use crate::sync::{AtomicPtr, AtomicU64, Ordering::Relaxed, OwnLoad, SetOnce};
use bank::Bank;

/// The two banks, each made when first used. The shard's owner writes them and the aggregator reads
/// them.
#[derive(Default)]
pub(crate) struct Reservoir {
    banks: [SetOnce<Bank>; 2],
    /// The one of them to which usual offers go, once there were some. Only the owner uses it.
    ready: AtomicPtr<Bank>,
}

impl Reservoir {
    /// Offers a duration to the bank of `collection`. `size` is the number of slots of a bank that
    /// has none yet. `false` if there is no memory. Only the owner calls this.
    #[inline]
    pub(crate) fn offer(
        &self,
        collection: u64,
        item: Packed,
        size: usize,
        seed: &AtomicU64,
    ) -> bool {
        let place = &self.banks[(collection & 1) as usize];
        let bank = match place.get() {
            Some(bank) => bank,
            None => {
                let Some(new) = try_box(Bank::new()) else {
                    return false;
                };
                place.set(new)
            }
        };
        bank.belong_to(collection);
        bank.offer(item, size, seed)
    }

    /// Does the same only if it need not allocate; `false` if it would.
    #[inline(always)]
    pub(crate) fn offer_in_place(&self, collection: u64, item: Packed, seed: &AtomicU64) -> bool {
        match self.banks[(collection & 1) as usize].get() {
            Some(bank) if bank.is_full_size() => {
                bank.belong_to(collection);
                bank.offer(item, 0, seed)
            }
            _ => false,
        }
    }

    /// Prepares for usual offers to the bank of `collection`, until the next other offer. `None` if
    /// the bank is another's, or its size is not its full size. Only the owner calls this.
    pub(crate) fn make_ready(&self, collection: u64) -> Option<Bounds> {
        let bank = self.banks[(collection & 1) as usize].get()?;
        bank.is_full_size_of(collection).then(|| {
            self.ready
                .store(std::ptr::from_ref(bank).cast_mut(), Relaxed);
            bank.bounds()
        })
    }

    /// An offer to the bank that is ready, if it is a usual one. Only the owner calls this.
    ///
    /// # Safety
    /// [`make_ready`](Self::make_ready) has returned bounds.
    #[inline(always)]
    pub(crate) unsafe fn usual_offer(&self) -> Option<UsualOffer<'_>> {
        // SAFETY: `make_ready` has stored a bank of this reservoir, which keeps it.
        unsafe { &*self.ready.own_load() }.usual_offer()
    }

    /// What the bank of the closed `collection` holds. The aggregator calls this once for each
    /// collection. `longest_ns` is the longest duration of the record so far. A kept duration that
    /// may be this one is not rounded up above it.
    pub(crate) fn read(&self, collection: u64, longest_ns: u64) -> Option<BankReading> {
        self.banks[(collection & 1) as usize]
            .get()?
            .read(collection, longest_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::random::open_unit;
    use nexus_lockprof_snapshot::{Durations, Sample};

    fn fill(size: usize, values: impl IntoIterator<Item = u64>, seed: u64) -> BankReading {
        let reservoir = Reservoir::default();
        let seed = AtomicU64::new(seed);
        for value in values {
            assert!(reservoir.offer(7, Packed::new(value, 1), size, &seed));
        }
        reservoir.read(7, 0).unwrap()
    }

    #[test]
    fn everything_is_kept_while_there_is_room() {
        for n in [1, 3, 4, 5, 8] {
            let reading = fill(8, 0..n, 1);
            assert_eq!(reading.offered, n);
            let expected: Vec<_> = (0..n).map(Sample::exact).collect();
            assert_eq!(reading.samples, expected);
        }
    }

    #[test]
    fn every_offer_is_kept_equally_often() {
        // 40 offers into 8 slots, 20,000 trials: each offer is kept 4,000 times, with a standard
        // deviation of about 57. Chi-square with 39 degrees of freedom: 1 in 10,000 exceeds 80.
        const TRIALS: u64 = 20_000;
        let mut kept = [0_u64; 40];
        for seed in 0..TRIALS {
            for sample in fill(8, 0..40, seed).samples {
                kept[sample.value_ns as usize] += 1;
            }
        }
        let expected = TRIALS as f64 * 8.0 / 40.0;
        let chi: f64 = kept
            .iter()
            .map(|&n| (n as f64 - expected).powi(2) / (expected * (1.0 - 0.2)))
            .sum();
        assert!(chi < 80.0, "chi-square {chi}, counts {kept:?}");
    }

    #[test]
    fn a_collection_does_not_see_the_ones_before_it() {
        let reservoir = Reservoir::default();
        let seed = AtomicU64::new(1);
        for collection in 1..=5 {
            for _ in 0..500 {
                reservoir.offer(collection, Packed::new(collection, 1), 224, &seed);
            }
            let reading = reservoir.read(collection, 0).unwrap();
            assert_eq!(reading.offered, 500);
            let mut samples = reading.samples.iter();
            assert!(samples.all(|sample| sample.value_ns == collection));
        }
        assert_eq!(reservoir.read(6, 0), None);
    }

    fn weight(reading: &BankReading) -> f64 {
        reading.samples.iter().map(|sample| sample.weight).sum()
    }

    /// The share of the total weight at or below a value.
    fn rank(reading: &BankReading, value: u64) -> f64 {
        let samples = reading.samples.iter();
        let below = samples.filter(|sample| sample.value_ns <= value);
        below.map(|sample| sample.weight).sum::<f64>() / weight(reading)
    }

    /// The distance of the answer's rank from `q`, in points. An answer has the ranks of all equal
    /// values.
    fn rank_error(sorted: &[u64], reading: &BankReading, q: f64) -> f64 {
        let durations = Durations {
            reservoir: reading.samples.iter().copied().collect(),
            ..Durations::default()
        };
        let [answer] = Durations::quantiles_of([&durations], [q]);
        let answer = answer.unwrap_or(0);
        // The precision of a stored sample.
        let near = answer / 50_000;
        let rank = |bound: u64| sorted.partition_point(|&value| value < bound) as f64;
        let n = sorted.len() as f64;
        let (low, high) = (rank(answer - near) / n, rank(answer + near + 1) / n);
        100.0
            * if q < low {
                low - q
            } else if q > high {
                q - high
            } else {
                0.0
            }
    }

    /// Bounds, in points, that hold for 95 % of the trials: of p50, p95 and p99.
    fn rank_errors(trials: u64, values: impl Fn(&mut fastrand::Rng) -> Vec<u64>) -> [f64; 3] {
        let mut errors = [Vec::new(), Vec::new(), Vec::new()];
        for seed in 0..trials {
            let mut values = values(&mut fastrand::Rng::with_seed(seed));
            let reading = fill(crate::config::RESERVOIR, values.iter().copied(), seed + 1);
            values.sort_unstable();
            for (errors, q) in errors.iter_mut().zip([0.5, 0.95, 0.99]) {
                errors.push(rank_error(&values, &reading, q));
            }
        }
        errors.map(|mut errors| {
            errors.sort_unstable_by(f64::total_cmp);
            errors[errors.len() * 95 / 100]
        })
    }

    fn exponential(mean: f64, rng: &mut fastrand::Rng) -> u64 {
        (-mean * open_unit(rng).ln()) as u64
    }

    fn lognormal(rng: &mut fastrand::Rng) -> u64 {
        // Box-Muller transform.
        let normal =
            (-2.0 * open_unit(rng).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
        (8.0 + 1.5 * normal).exp() as u64
    }

    #[test]
    fn ranks_are_near_in_19_of_20_trials() {
        const SHAPES_THAT_STAND: usize = 7;
        type Shape = fn(u64, u64, &mut fastrand::Rng) -> u64;
        // The other shapes change on the way, so the middle and the tail end up in the wrong place.
        let shapes: [(&str, Shape); 12] = [
            ("exponential", |_, _, rng| exponential(5_000.0, rng)),
            ("lognormal", |_, _, rng| lognormal(rng)),
            ("Pareto", |_, _, rng| {
                (300.0 * open_unit(rng).powf(-1.0 / 1.5)) as u64
            }),
            ("half and half", |_, _, rng| {
                if rng.bool() {
                    200 + rng.u64(..100)
                } else {
                    50_000 + rng.u64(..20_000)
                }
            }),
            ("1 in 300", |_, _, rng| {
                if rng.u64(..300) == 0 {
                    10_000_000
                } else {
                    exponential(1_000.0, rng)
                }
            }),
            ("coarse", |_, _, rng| exponential(15.0, rng) / 10 * 10),
            ("nine of ten are equal", |_, _, rng| {
                if rng.u64(..10) == 0 {
                    exponential(1_000.0, rng)
                } else {
                    0
                }
            }),
            ("equal, then different", |i, n, rng| {
                if i < n / 2 {
                    0
                } else {
                    exponential(5_000.0, rng)
                }
            }),
            ("rising", |i, n, rng| rng.u64(..1_000 + 20_000 * i / n)),
            ("falling", |i, n, rng| rng.u64(..21_000 - 20_000 * i / n)),
            ("a step up", |i, n, rng| {
                exponential(if i < n / 3 { 1_000.0 } else { 50_000.0 }, rng)
            }),
            ("a step down", |i, n, rng| {
                exponential(if i < n / 3 { 50_000.0 } else { 1_000.0 }, rng)
            }),
        ];
        for (index, (name, shape)) in shapes.into_iter().enumerate() {
            for n in [300, 1_000, 20_000] {
                let errors = rank_errors(100, |rng| (0..n).map(|i| shape(i, n, rng)).collect());
                let most = if index < SHAPES_THAT_STAND {
                    [5.5, 1.0, 1.0]
                } else {
                    [10.0, 6.0, 6.0]
                };
                let is_near = errors.iter().zip(most).all(|(error, most)| *error <= most);
                assert!(is_near, "{name}, {n}: {errors:?} points");
            }
        }
    }

    #[test]
    fn ranks_are_unbiased_and_near_in_the_tail() {
        // A shuffled ramp, so the rank of a value is known. The standard deviation of a rank at 95
        // % is to be half a point.
        const N: u64 = 20_000;
        let mut values: Vec<u64> = (0..N).collect();
        let mut errors = [Vec::new(), Vec::new(), Vec::new()];
        for seed in 0..400 {
            fastrand::Rng::with_seed(seed).shuffle(&mut values);
            let reading = fill(crate::config::RESERVOIR, values.iter().copied(), seed + 1);
            for (q, errors) in [0.5, 0.95, 0.99].into_iter().zip(&mut errors) {
                errors.push(rank(&reading, (N as f64 * q) as u64) - q);
            }
        }
        for (errors, (mean, deviation)) in
            errors
                .iter()
                .zip([(0.005, 0.026), (0.0015, 0.006), (0.001, 0.004)])
        {
            let n = errors.len() as f64;
            let bias = errors.iter().sum::<f64>() / n;
            let spread = (errors.iter().map(|e| e * e).sum::<f64>() / n).sqrt();
            assert!(bias.abs() < mean, "bias {bias}");
            assert!(spread < deviation, "deviation {spread}");
        }
    }

    #[test]
    fn a_tail_that_becomes_too_wide_is_cut() {
        // The first durations are short, so nearly all that follow are above the threshold.
        let mut rng = fastrand::Rng::with_seed(3);
        let long: Vec<u64> = (0..50_000).map(|_| 1_000 + rng.u64(..100_000)).collect();
        let (mut within, trials) = (0, 200);
        for seed in 0..trials {
            let reading = fill(224, (0..96).chain(long.iter().copied()), seed);
            let all = weight(&reading);
            assert!((all / 50_096.0 - 1.0).abs() < 1e-9, "{all} in all");
            within += usize::from((rank(&reading, 96_000) - 0.95).abs() < 0.015);
        }
        assert!(within > 180, "{within} of {trials} within 1.5 points");
    }

    #[test]
    fn equal_durations_are_no_trouble() {
        for split in [100, 90, 50, 3] {
            let values = (0..10_000).map(|i| if i % 100 < split { 500 } else { 70_000 });
            let reading = fill(224, values, 5);
            let expected = split as f64 / 100.0;
            let found = rank(&reading, 500);
            assert!((found - expected).abs() < 0.15, "{found}, not {expected}");
            assert_eq!(rank(&reading, 70_000), 1.0);
        }
    }

    /// Durations on a clock with coarse steps: each number of steps, and its weight.
    fn steps(weights: &[u64], n: u64) -> Vec<u64> {
        let ladder: Vec<u64> = (0..)
            .step_by(10)
            .zip(weights)
            .flat_map(|(ns, &weight)| std::iter::repeat_n(ns, weight as usize))
            .collect();
        let mut rng = fastrand::Rng::with_seed(n);
        (0..n).map(|_| ladder[rng.usize(..ladder.len())]).collect()
    }

    #[test]
    fn few_durations_are_for_the_tail_even_if_most_are_equal() {
        const N: u64 = 10_000;
        for weights in [
            &[1_u64][..],
            &[0, 1],
            &[1, 1],
            &[1, 4],
            &[4, 1],
            &[1, 99],
            &[99, 1],
            &[1, 3, 3, 1],
            &[3, 3, 3, 1],
        ] {
            let reservoir = Reservoir::default();
            let seed = AtomicU64::new(1);
            let values = steps(weights, N);
            let mut for_tail = 0;
            for &ns in &values {
                let bounds = reservoir.make_ready(7);
                for_tail += u64::from(bounds.is_some_and(|it| ns >= it.tail_ns));
                assert!(reservoir.offer(7, Packed::new(ns, 1), crate::config::RESERVOIR, &seed));
            }
            let share = for_tail as f64 / N as f64;
            assert!(share < 0.15, "{weights:?}: {share}");
        }
    }

    #[test]
    fn a_point_s_memory_is_bounded() {
        let record = size_of::<crate::record::statistics::Record>();
        let histogram = size_of::<crate::record::histogram::Buckets>();
        let bank = size_of::<Bank>() + 4 * crate::config::RESERVOIR;
        let whole = record + 2 * histogram + 4 * bank;
        assert!(whole <= 4096, "{whole} bytes a point a thread");
        let rare = record + histogram + size_of::<Bank>();
        assert!(rare <= 1088, "{rare} bytes for a point that is rare");
    }
}
