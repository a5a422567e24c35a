//! A weighted sample of everything since the last reset, of a fixed size.
//!
//! Bottom-k sampling with exponential ranks (Efraimidis and Spirakis, "Weighted random sampling with
//! a reservoir", IPL 97(5), 2006; Cohen and Kaplan, "Summarizing data using bottom-k sketches", PODC
//! 2007): each item draws the rank `-ln(u)/weight` once and keeps it; the k smallest stay. With the smallest
//! dropped rank as threshold, an item was kept with probability `1 - exp(-weight * threshold)`, by
//! which its weight is divided: sums over any part of the items are unbiased estimates.

use crate::reservoir::open_unit;
use nexus_lockprof_snapshot::Sample;

#[derive(Clone, Copy, Debug)]
struct Ranked {
    rank: f64,
    sample: Sample,
}

/// The sample.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    items: Vec<Ranked>,
    /// Smallest rank that was dropped.
    threshold: f64,
}

impl Default for Archive {
    fn default() -> Self {
        Archive {
            items: Vec::new(),
            threshold: f64::INFINITY,
        }
    }
}

impl Archive {
    /// Takes in `samples`, and keeps `size` items at most.
    pub(crate) fn extend(
        &mut self,
        samples: impl IntoIterator<Item = Sample>,
        size: usize,
        rng: &mut fastrand::Rng,
    ) {
        for sample in samples {
            let rank = -open_unit(rng).ln() / sample.weight;
            if rank < self.threshold {
                self.items.push(Ranked { rank, sample });
            }
        }
        if self.items.len() > size {
            let (_, first_out, _) = self
                .items
                .select_nth_unstable_by(size, |a, b| a.rank.total_cmp(&b.rank));
            self.threshold = first_out.rank;
            self.items.truncate(size);
        }
    }

    /// The items, with weights that estimate those of everything that was taken in.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.items
            .iter()
            .map(|item| {
                let weight = item.sample.weight;
                // 1 - exp(-weight * threshold): 1 while nothing was dropped.
                let kept = -(-weight * self.threshold).exp_m1();
                Sample {
                    value_ns: item.sample.value_ns,
                    weight: weight / kept,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(value_ns: u64, weight: f64) -> Sample {
        Sample { value_ns, weight }
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let mut archive = Archive::default();
        let mut rng = fastrand::Rng::with_seed(1);
        let items = [sample(1, 1.0), sample(2, 64.0)];
        archive.extend(items, 2, &mut rng);
        let mut kept = archive.samples();
        kept.sort_by_key(|s| s.value_ns);
        assert_eq!(kept, items);
    }

    #[test]
    fn weights_of_any_part_are_estimated_without_bias() {
        // 100 light items and 100 heavy ones, taken in in 10 batches into room for 40.
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut light, mut heavy) = (0.0, 0.0);
        const TRIALS: usize = 4000;
        for _ in 0..TRIALS {
            let mut archive = Archive::default();
            for batch in 0..10 {
                let items = (0..20).map(|i| {
                    let value = batch * 20 + i;
                    sample(value, if value < 100 { 1.0 } else { 10.0 })
                });
                archive.extend(items, 40, &mut rng);
            }
            let kept = archive.samples();
            assert_eq!(kept.len(), 40);
            for item in kept {
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
}
