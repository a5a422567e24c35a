//! A weighted sample of fixed size of everything since the last reset.
//!
//! Bottom-k sampling with exponential ranks (Efraimidis and Spirakis, "Weighted random sampling
//! with a reservoir", IPL 97(5), 2006; Cohen and Kaplan, "Summarizing data using bottom-k
//! sketches", PODC 2007). Each item draws the rank `-ln(u)/weight` once and keeps it. The k items
//! with the smallest ranks stay. The smallest dropped rank is the threshold. An item was kept with
//! probability `1 - exp(-weight * threshold)`, so its weight is divided by that. Sums over any
//! subset of the items are then unbiased estimates. Ranks are drawn only once, so errors do not add
//! up over collections.
//!
//! There are two such samples. The body is a sample of everything. The tail is a sample of all
//! durations from a bound upwards, for the 95th and 99th percentiles. `reservoir::bank` does the
//! same for one record and one collection. Also as there, two weights are known: that of all
//! durations below a middle near the median, and that of the tail. The kept items of each part get
//! the weight of that part.

use crate::record::random::open_unit;
use crate::record::reservoir::nearest_bound;
use nexus_lockprof_snapshot::{Sample, Samples};

/// The smallest size of a sample that has a tail.
const WITH_TAIL: usize = 32;
/// Where the tail begins, as a share of the weight.
const QUANTILE: f64 = 0.87;
/// The share of the weight at which the tail is too wide, and the share to which it is then cut.
const TOO_WIDE: f64 = 0.18;
const WIDTH: f64 = 0.12;
/// The middle moves when the share below it is this far from a half.
const OFF_MIDDLE: f64 = 0.05;
/// Number of weights whose estimates are kept while samples are made.
const KEPT_WEIGHTS: usize = 128;

/// The items with the smallest ranks.
#[derive(Clone, Debug)]
struct Bottom {
    /// Each sample as it was added, with its rank. In the order of snapshots, except those added
    /// since. Sorting a few into many sorted items is cheap.
    items: Vec<(Sample, f32)>,
    /// The smallest rank that was dropped.
    threshold: f32,
}

/// The sample.
#[derive(Clone, Debug, Default)]
pub(crate) struct LifetimeSample {
    body: Bottom,
    tail: Bottom,
    /// The shortest duration of the tail, once there is one.
    from_ns: Option<u64>,
    /// Once there is a tail, durations below this are the lower half of all.
    middle_ns: u64,
    /// Weight of everything added, of what was below the middle, and of what went to the tail.
    all: f64,
    below: f64,
    above: f64,
    /// Value of `all` at which the middle is next judged.
    judged_at: f64,
    /// The last result of `samples`, until something is added.
    made: Option<Samples>,
}

impl Default for Bottom {
    fn default() -> Self {
        Bottom {
            items: Vec::new(),
            threshold: f32::INFINITY,
        }
    }
}

impl Bottom {
    fn push(&mut self, sample: Sample, rng: &mut fastrand::Rng) {
        let rank = (-open_unit(rng).ln() / sample.weight) as f32;
        if rank < self.threshold {
            self.items.push((sample, rank));
        }
    }

    /// Keeps the items with the `size` smallest ranks. Of equal ranks at the border it keeps none,
    /// which happens once in millions. Returns whether there were too many.
    fn truncate(&mut self, size: usize) -> bool {
        let is_full = self.items.len() > size;
        if is_full {
            let mut ranks: Vec<f32> = self.items.iter().map(|&(_, rank)| rank).collect();
            let (_, first_out, _) = ranks.select_nth_unstable_by(size, f32::total_cmp);
            self.threshold = *first_out;
            self.items.retain(|&(_, rank)| rank < self.threshold);
        }
        // Weights too: many short durations are equal, and a larger weight has a larger estimate.
        // So the estimates are in order already.
        self.items.sort_by(|(a, _), (b, _)| a.order(b));
        is_full
    }

    /// Whether items were dropped.
    fn is_sample(&self) -> bool {
        self.threshold < f32::INFINITY
    }

    /// The items, with weights that estimate those of everything added.
    fn samples(&self) -> Vec<Sample> {
        // There are few different weights, so this keeps the last result of each place.
        let mut made = [(f32::NAN, f32::NAN); KEPT_WEIGHTS];
        let estimate = |&(sample, _): &(Sample, f32)| {
            // An f32 is more precise than the estimate. It takes half the time, and half the room
            // in a file.
            let weight = sample.weight as f32;
            // Weights are whole numbers, unless other samples were merged into them.
            let last = &mut made[weight as usize % KEPT_WEIGHTS];
            if weight != last.0 {
                // 1 - exp(-weight * threshold): 1 while nothing was dropped.
                let kept = -(-weight * self.threshold).exp_m1();
                *last = (weight, weight / kept);
            }
            Sample {
                weight: f64::from(last.1),
                ..sample
            }
        };
        self.items.iter().map(estimate).collect()
    }
}

impl LifetimeSample {
    /// Adds `samples`, and keeps at most `size` items.
    pub(crate) fn extend(
        &mut self,
        samples: impl IntoIterator<Item = Sample>,
        size: usize,
        rng: &mut fastrand::Rng,
    ) {
        let body = if size < WITH_TAIL { size } else { size / 2 };
        for sample in samples {
            self.made = None;
            self.body.push(sample, rng);
            self.all += sample.weight;
            if sample.value_ns < self.middle_ns {
                self.below += sample.weight;
            }
            self.push_tail(sample, rng);
        }
        if self.made.is_some() {
            // Nothing was added.
            return;
        }
        if self.body.items.len() > body && body < size && self.from_ns.is_none() {
            self.begin_tail(rng);
        }
        if self.from_ns.is_some() && self.all >= self.judged_at {
            self.judge_middle();
        }
        self.body.truncate(body);
        if self.tail.truncate(size - body) {
            self.cut();
        }
    }

    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.body.items.len() + self.tail.items.len()
    }

    /// Adds a sample to the tail, if it belongs there.
    fn push_tail(&mut self, sample: Sample, rng: &mut fastrand::Rng) {
        if self
            .from_ns
            .is_some_and(|from_ns| sample.value_ns >= from_ns)
        {
            self.tail.push(sample, rng);
            self.above += sample.weight;
        }
    }

    /// Sets up the tail. The body still has everything that was ever added.
    fn begin_tail(&mut self, rng: &mut fastrand::Rng) {
        let mut samples = self.body.samples();
        self.from_ns = quantile(&mut samples, QUANTILE);
        for sample in samples {
            self.push_tail(sample, rng);
        }
    }

    /// Moves the middle if it is not near the median. Before the first move, nothing was dropped.
    fn judge_middle(&mut self) {
        self.judged_at = 2.0 * self.all;
        if (self.below / self.all - 0.5).abs() <= OFF_MIDDLE {
            return;
        }
        let mut samples = self.body.samples();
        let known = [self.below, self.all - self.below];
        weigh(&mut samples, self.middle_ns, known);
        samples.sort_unstable_by_key(|sample| sample.value_ns);
        let half = self.all / 2.0;
        let items = samples
            .iter()
            .map(|sample| (sample.value_ns, sample.weight));
        if let Some(better) = nearest_bound(items, half, (self.below - half).abs()) {
            (self.middle_ns, self.below) = better;
        }
    }

    /// Cuts the tail if it is too wide. What is left of it remains a valid sample.
    fn cut(&mut self) {
        let mut samples = self.tail.samples();
        let whole = weight(&samples);
        let share = whole / weight(&self.body.samples());
        if share < TOO_WIDE {
            return;
        }
        let old = self.from_ns;
        let cut = quantile(&mut samples, 1.0 - WIDTH / share);
        // If most are equal, the tail begins at the next value above them.
        let next = samples.iter().map(|sample| Some(sample.value_ns));
        let from_ns = next.filter(|&next| next > old && next >= cut).min();
        if let Some(Some(from_ns)) = from_ns {
            // The weight shrinks by the same share as that of the samples.
            samples.retain(|sample| sample.value_ns >= from_ns);
            self.above *= weight(&samples) / whole;
            self.tail.items.retain(|item| item.0.value_ns >= from_ns);
            self.from_ns = Some(from_ns);
        }
    }

    /// The items, sorted by value, with weights that estimate those of everything added.
    pub(crate) fn samples(&mut self) -> Samples {
        if let Some(made) = &self.made {
            return made.clone();
        }
        let mut samples = match self.from_ns {
            None => self.body.samples(),
            Some(from_ns) => self.parts(from_ns),
        };
        // They are nearly in order.
        samples.sort_by(Sample::order);
        self.made.insert(Samples::from(samples)).clone()
    }

    /// The items below the middle, from there to the tail, and in the tail. Each part gets its
    /// known weight.
    fn parts(&self, from_ns: u64) -> Vec<Sample> {
        let mut samples = self.body.samples();
        samples.retain(|sample| sample.value_ns < from_ns);
        if self.body.is_sample() {
            let under = (self.all - self.above).max(0.0);
            // The middle may be inside the tail if the tail begins low.
            let below = if self.middle_ns > from_ns {
                under
            } else {
                self.below.min(under)
            };
            weigh(&mut samples, self.middle_ns, [below, under - below]);
        }
        let mut tail = self.tail.samples();
        if self.tail.is_sample() {
            weigh(&mut tail, from_ns, [0.0, self.above]);
        }
        samples.append(&mut tail);
        samples
    }
}

fn weight(samples: &[Sample]) -> f64 {
    samples.iter().map(|sample| sample.weight).sum()
}

/// Gives the samples below the middle and the others the weight that is `known` of them. If one of
/// the two parts has weight but no sample, all samples stand for both.
fn weigh(samples: &mut [Sample], middle_ns: u64, known: [f64; 2]) {
    let part = |sample: &Sample| usize::from(sample.value_ns >= middle_ns);
    let mut sums = [0.0; 2];
    for sample in &*samples {
        sums[part(sample)] += sample.weight;
    }
    let factor = |known: f64, sum: f64| (known > 0.0 && sum > 0.0).then(|| known / sum);
    let whole = factor(known[0] + known[1], sums[0] + sums[1]).unwrap_or(1.0);
    let mut factors = [whole; 2];
    if (0..2).all(|part| sums[part] > 0.0 || known[part] <= 0.0) {
        factors = [0, 1].map(|part| factor(known[part], sums[part]).unwrap_or(whole));
    }
    for sample in samples {
        // Rounds to an f32, as weights are.
        sample.weight = f64::from((sample.weight * factors[part(sample)]) as f32);
    }
}

/// The value at share `q` of the weight. Sorts the samples.
fn quantile(samples: &mut [Sample], q: f64) -> Option<u64> {
    samples.sort_unstable_by_key(|sample| sample.value_ns);
    let wanted = q * weight(samples);
    let mut sum = 0.0;
    let reached = samples.iter().find(|sample| {
        sum += sample.weight;
        sum >= wanted
    });
    reached.map(|sample| sample.value_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value_ns: u64, weight: f64) -> Sample {
        Sample { value_ns, weight }
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let mut archive = LifetimeSample::default();
        let mut rng = fastrand::Rng::with_seed(1);
        let items = [sample(1, 1.0), sample(2, 64.0)];
        archive.extend(items, 2, &mut rng);
        assert_eq!(*archive.samples(), items);
    }

    #[test]
    fn weights_of_any_part_are_estimated_without_bias() {
        // Adds 100 light items and 100 heavy ones in 10 batches, with room for 30.
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut light, mut heavy) = (0.0, 0.0);
        const TRIALS: usize = 4000;
        for _ in 0..TRIALS {
            let mut archive = LifetimeSample::default();
            for batch in 0..10 {
                let items = (0..20).map(|i| {
                    let value = batch * 20 + i;
                    sample(value, if value < 100 { 1.0 } else { 10.0 })
                });
                archive.extend(items, 30, &mut rng);
            }
            let kept = archive.samples();
            assert_eq!(kept.len(), 30);
            for item in kept.iter() {
                let side = if item.value_ns < 100 {
                    &mut light
                } else {
                    &mut heavy
                };
                *side += item.weight;
            }
        }
        let (light, heavy) = (light / TRIALS as f64, heavy / TRIALS as f64);
        assert!((light / 100.0 - 1.0).abs() < 0.03, "light {light}, not 100");
        assert!(
            (heavy / 1000.0 - 1.0).abs() < 0.01,
            "heavy {heavy}, not 1000"
        );
    }

    /// Collections of 250 durations, of which later ones may be longer. Returns how many trials
    /// were within 5 points at p50, and within 1 point at p95 and p99.
    fn within(trials: usize, collections: u64, longer: u64) -> [usize; 3] {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut within = [0; 3];
        for _ in 0..trials {
            let mut archive = LifetimeSample::default();
            let mut all = Vec::new();
            for collection in 0..collections {
                let values: Vec<u64> = (0..250)
                    .map(|_| rng.u64(..1_000 + longer * collection))
                    .collect();
                archive.extend(values.iter().map(|&v| sample(v, 1.0)), 768, &mut rng);
                all.extend(values);
            }
            all.sort_unstable();
            let mut kept = archive.samples().to_vec();
            assert!(kept.len() <= 768);
            let weight: f64 = kept.iter().map(|sample| sample.weight).sum();
            assert!((weight / all.len() as f64 - 1.0).abs() < 1e-6, "{weight}");
            let quantiles = [(0.5, 0.05), (0.95, 0.01), (0.99, 0.01)];
            for ((q, near), within) in quantiles.into_iter().zip(&mut within) {
                let value = quantile(&mut kept, q).unwrap();
                let rank = all.partition_point(|&v| v <= value) as f64 / all.len() as f64;
                *within += usize::from((rank - q).abs() <= near);
            }
        }
        within
    }

    #[test]
    fn ranks_stay_near_over_many_collections() {
        const TRIALS: usize = 200;
        for (collections, longer) in [(5, 0), (40, 0), (200, 0), (200, 20)] {
            let within = within(TRIALS, collections, longer);
            assert!(
                within.iter().all(|&n| n >= TRIALS * 95 / 100),
                "{collections} collections: {within:?} of {TRIALS}"
            );
        }
    }
}
