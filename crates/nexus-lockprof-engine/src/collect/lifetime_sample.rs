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
use nexus_lockprof_snapshot::Sample;
use std::sync::Arc;

/// The smallest size of a sample that has a tail.
const WITH_TAIL: usize = 32;
/// Where the tail begins, as a share of the weight.
const QUANTILE: f64 = 0.87;
/// The share of the weight at which the tail is too wide, and the share to which it is then cut.
const TOO_WIDE: f64 = 0.18;
const WIDTH: f64 = 0.12;
/// The middle moves when the share below it is this far from a half.
const OFF_MIDDLE: f64 = 0.05;

#[derive(Clone, Copy, Debug)]
struct Ranked {
    value_ns: u64,
    weight: f32,
    rank: f32,
}

/// The items with the smallest ranks.
#[derive(Clone, Debug)]
struct Bottom {
    /// Sorted by value, except those added since. Sorting a few into many sorted items is cheap.
    items: Vec<Ranked>,
    /// The smallest rank that was dropped.
    threshold: f32,
}

/// The sample.
#[derive(Clone, Debug)]
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
    made: Option<Arc<[Sample]>>,
}

impl Default for LifetimeSample {
    fn default() -> Self {
        LifetimeSample {
            body: Bottom::new(),
            tail: Bottom::new(),
            from_ns: None,
            middle_ns: 0,
            all: 0.0,
            below: 0.0,
            above: 0.0,
            judged_at: 0.0,
            made: None,
        }
    }
}

impl Bottom {
    fn new() -> Self {
        Bottom {
            items: Vec::new(),
            threshold: f32::INFINITY,
        }
    }

    fn push(&mut self, value_ns: u64, weight: f64, rng: &mut fastrand::Rng) {
        let rank = (-open_unit(rng).ln() / weight) as f32;
        if rank < self.threshold {
            let weight = weight as f32;
            self.items.push(Ranked {
                value_ns,
                weight,
                rank,
            });
        }
    }

    /// Keeps the items with the `size` smallest ranks, in their order. Of equal ranks at the border
    /// it keeps none, which happens once in millions.
    fn truncate(&mut self, size: usize, ranks: &mut Vec<f32>) {
        if self.items.len() > size {
            ranks.clear();
            ranks.extend(self.items.iter().map(|item| item.rank));
            let (_, first_out, _) = ranks.select_nth_unstable_by(size, f32::total_cmp);
            self.threshold = *first_out;
            self.items.retain(|item| item.rank < self.threshold);
        }
        self.items.sort_by_key(|item| item.value_ns);
    }

    /// Whether items were dropped.
    fn is_sample(&self) -> bool {
        self.threshold < f32::INFINITY
    }

    /// The items, with weights that estimate those of everything added.
    fn samples(&self) -> impl Iterator<Item = Sample> {
        // Consecutive weights are often equal, so this keeps the last result.
        let mut last = (f32::NAN, f32::NAN);
        self.items.iter().map(move |item| {
            if item.weight != last.0 {
                // 1 - exp(-weight * threshold): 1 while nothing was dropped.
                let kept = -(-item.weight * self.threshold).exp_m1();
                last = (item.weight, item.weight / kept);
            }
            Sample {
                value_ns: item.value_ns,
                // An f32 is more precise than the estimate. It takes half the time, and half the
                // room in a file.
                weight: f64::from(last.1),
            }
        })
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
        let mut taken = false;
        for Sample { value_ns, weight } in samples {
            taken = true;
            self.body.push(value_ns, weight, rng);
            self.all += weight;
            if value_ns < self.middle_ns {
                self.below += weight;
            }
            if self.from_ns.is_some_and(|from_ns| value_ns >= from_ns) {
                self.tail.push(value_ns, weight, rng);
                self.above += weight;
            }
        }
        if !taken {
            return;
        }
        self.made = None;
        if self.body.items.len() > body && body < size && self.from_ns.is_none() {
            // The body still has everything that was ever added.
            self.begin_tail(rng);
        }
        let mut ranks = Vec::new();
        if self.from_ns.is_some() && self.all >= self.judged_at {
            self.judge_middle();
        }
        self.body.truncate(body, &mut ranks);
        let is_full = self.tail.items.len() > size - body;
        self.tail.truncate(size - body, &mut ranks);
        if is_full {
            self.cut();
        }
    }

    fn begin_tail(&mut self, rng: &mut fastrand::Rng) {
        let mut samples: Vec<Sample> = self.body.samples().collect();
        let Some(from_ns) = quantile(&mut samples, QUANTILE) else {
            return;
        };
        self.from_ns = Some(from_ns);
        for sample in samples.iter().filter(|sample| sample.value_ns >= from_ns) {
            self.tail.push(sample.value_ns, sample.weight, rng);
            self.above += sample.weight;
        }
    }

    /// Moves the middle if it is not near the median. Before the first move, nothing was dropped.
    fn judge_middle(&mut self) {
        self.judged_at = 2.0 * self.all;
        if (self.below / self.all - 0.5).abs() <= OFF_MIDDLE {
            return;
        }
        let mut samples: Vec<Sample> = self.body.samples().collect();
        let old = Part::of(&samples, self.below, |sample| {
            sample.value_ns < self.middle_ns
        });
        let rest = Part::of(&samples, self.all - self.below, |sample| {
            sample.value_ns >= self.middle_ns
        });
        if let (Some(old), Some(rest)) = (old, rest) {
            for sample in &mut samples {
                let part = if sample.value_ns < self.middle_ns {
                    old
                } else {
                    rest
                };
                sample.weight *= part.0;
            }
        }
        samples.sort_unstable_by_key(|sample| sample.value_ns);
        // Of the bounds between two different values, picks the one whose share is nearest to a
        // half.
        let half = self.all / 2.0;
        let (mut sum, mut last, mut best) = (0.0, None, (f64::INFINITY, 0, 0.0));
        for sample in &samples {
            let off = (sum - half).abs();
            if last.is_some_and(|last| last != sample.value_ns) && off < best.0 {
                best = (off, sample.value_ns, sum);
            }
            last = Some(sample.value_ns);
            sum += sample.weight;
        }
        if best.0 < (self.below - half).abs() {
            (_, self.middle_ns, self.below) = best;
        }
    }

    /// Cuts the tail if it is too wide. What is left of it remains a valid sample.
    fn cut(&mut self) {
        let all: f64 = self.body.samples().map(|sample| sample.weight).sum();
        let mut samples: Vec<Sample> = self.tail.samples().collect();
        let share = samples.iter().map(|sample| sample.weight).sum::<f64>() / all;
        if share < TOO_WIDE {
            return;
        }
        let old = self.from_ns;
        let cut = quantile(&mut samples, 1.0 - WIDTH / share);
        // If most are equal, the tail begins at the next value above them.
        let next = samples.iter().map(|sample| sample.value_ns);
        let from_ns = next
            .filter(|&value_ns| Some(value_ns) > old && Some(value_ns) >= cut)
            .min();
        if let Some(from_ns) = from_ns {
            // The weight shrinks by the same share as that of the samples.
            let left = samples.iter().filter(|sample| sample.value_ns >= from_ns);
            let left: f64 = left.map(|sample| sample.weight).sum();
            self.above *= left / samples.iter().map(|sample| sample.weight).sum::<f64>();
            self.tail.items.retain(|item| item.value_ns >= from_ns);
            self.from_ns = Some(from_ns);
        }
    }

    /// The items, sorted by value, with weights that estimate those of everything added.
    pub(crate) fn samples(&mut self) -> Arc<[Sample]> {
        if let Some(made) = &self.made {
            return Arc::clone(made);
        }
        let mut samples: Vec<Sample> = match self.from_ns {
            None => self.body.samples().collect(),
            Some(from_ns) => self.parts(from_ns),
        };
        // Only the weights of equal values are out of order.
        samples.sort_by(|a, b| {
            a.value_ns
                .cmp(&b.value_ns)
                .then(a.weight.total_cmp(&b.weight))
        });
        let made: Arc<[Sample]> = samples.into();
        self.made = Some(Arc::clone(&made));
        made
    }
}

impl LifetimeSample {
    /// The items below the middle, from there to the tail, and in the tail. Each part gets its
    /// known weight.
    fn parts(&self, from_ns: u64) -> Vec<Sample> {
        let mut samples: Vec<Sample> = self.body.samples().collect();
        samples.retain(|sample| sample.value_ns < from_ns);
        if self.body.is_sample() {
            // The middle may be inside the tail if the tail begins low.
            let middle_ns = self.middle_ns.min(from_ns);
            let under = (self.all - self.above).max(0.0);
            let below = if middle_ns == self.middle_ns {
                self.below.min(under)
            } else {
                under
            };
            let lower = Part::of(&samples, below, |sample| sample.value_ns < middle_ns);
            let upper = Part::of(&samples, under - below, |sample| {
                sample.value_ns >= middle_ns
            });
            let whole = Part::of(&samples, under, |_| true).unwrap_or_default();
            for sample in &mut samples {
                let part = if sample.value_ns < middle_ns {
                    lower
                } else {
                    upper
                };
                // One of the parts may have weight but no item. Then all items stand for both
                // parts.
                let both = lower.is_some() || below <= 0.0;
                let both = both && (upper.is_some() || under - below <= 0.0);
                part.filter(|_| both).unwrap_or(whole).scale(sample);
            }
        }
        let begin = samples.len();
        samples.extend(self.tail.samples());
        if self.tail.is_sample()
            && let Some(part) = Part::of(&samples[begin..], self.above, |_| true)
        {
            samples[begin..]
                .iter_mut()
                .for_each(|sample| part.scale(sample));
        }
        samples
    }
}

/// The factor by which the weights of a part's samples are too small.
#[derive(Clone, Copy, Debug)]
struct Part(f64);

impl Default for Part {
    fn default() -> Self {
        Part(1.0)
    }
}

impl Part {
    /// `None` if the part has no sample or no weight.
    fn of(samples: &[Sample], weight: f64, is_of: impl Fn(&Sample) -> bool) -> Option<Self> {
        let samples = samples.iter().filter(|sample| is_of(sample));
        let sum: f64 = samples.map(|sample| sample.weight).sum();
        (sum > 0.0 && weight > 0.0).then(|| Part(weight / sum))
    }

    /// Rounds to an f32, as weights are.
    fn scale(self, sample: &mut Sample) {
        sample.weight = f64::from((sample.weight * self.0) as f32);
    }
}

/// The value at share `q` of the weight. Sorts the samples.
fn quantile(samples: &mut [Sample], q: f64) -> Option<u64> {
    samples.sort_unstable_by_key(|sample| sample.value_ns);
    let all: f64 = samples.iter().map(|sample| sample.weight).sum();
    let mut sum = 0.0;
    samples
        .iter()
        .find(|sample| {
            sum += sample.weight;
            sum >= q * all
        })
        .map(|sample| sample.value_ns)
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
