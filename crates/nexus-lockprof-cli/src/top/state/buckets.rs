//! The buckets of a histogram: the share of a weighted sample in each range of durations.

use nexus_lockprof_snapshot::Sample;

/// A range of durations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// Its lower end, inclusive, in nanoseconds: 0, or 1, 2 or 5 times a power of 10.
    pub(crate) from_ns: u64,
    /// Its upper end, exclusive: the lower end of the next.
    pub(crate) below_ns: u64,
    /// The share of the sample's weight in this range, from 0 to 1.
    pub(crate) share: f64,
}

/// The buckets of `samples`, from the shortest to the longest duration, without gaps. If there were
/// more than `most`, their ends are powers of 10. Empty without samples.
pub(crate) fn buckets(samples: &[Sample], most: usize) -> Vec<Bucket> {
    let fine = counted(samples, &[1, 2, 5]);
    match fine.len() > most {
        true => counted(samples, &[1]),
        false => fine,
    }
}

fn counted(samples: &[Sample], steps: &[u64]) -> Vec<Bucket> {
    let whole: f64 = samples.iter().map(|sample| sample.weight).sum();
    let (Some(shortest), Some(longest)) = (
        samples.iter().map(|s| s.value_ns).min(),
        samples.iter().map(|s| s.value_ns).max(),
    ) else {
        return Vec::new();
    };
    let mut buckets: Vec<Bucket> = bounds(steps)
        .filter(|&(from, below)| (below > shortest || below == u64::MAX) && from <= longest)
        .map(|(from_ns, below_ns)| Bucket {
            from_ns,
            below_ns,
            share: 0.0,
        })
        .collect();
    for sample in samples {
        let at = buckets.partition_point(|bucket| bucket.from_ns <= sample.value_ns);
        if let Some(bucket) = at.checked_sub(1).and_then(|at| buckets.get_mut(at)) {
            bucket.share += sample.weight / whole;
        }
    }
    buckets
}

/// The ends of all possible buckets. The last also contains `u64::MAX`.
fn bounds(steps: &[u64]) -> impl Iterator<Item = (u64, u64)> {
    let decades = (0..=19).filter_map(|power| 10_u64.checked_pow(power));
    let mut starts: Vec<u64> = decades
        .flat_map(|decade| {
            steps
                .iter()
                .filter_map(move |step| decade.checked_mul(*step))
        })
        .collect();
    starts.insert(0, 0);
    let ends: Vec<u64> = starts.iter().skip(1).copied().chain([u64::MAX]).collect();
    starts.into_iter().zip(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[(u64, f64)], most: usize) -> Vec<(u64, u64, f64)> {
        let samples: Vec<Sample> = samples
            .iter()
            .map(|&(value_ns, weight)| Sample { value_ns, weight })
            .collect();
        let buckets = buckets(&samples, most).into_iter();
        buckets.map(|b| (b.from_ns, b.below_ns, b.share)).collect()
    }

    #[test]
    fn weights_are_counted_and_gaps_are_shown() {
        assert_eq!(of(&[], 9), []);
        assert_eq!(of(&[(0, 2.0)], 9), [(0, 1, 1.0)]);
        assert_eq!(
            of(&[(10, 1.0), (19, 5.0), (100, 2.0)], 9),
            [
                (10, 20, 0.75),
                (20, 50, 0.0),
                (50, 100, 0.0),
                (100, 200, 0.25)
            ]
        );
    }

    #[test]
    fn many_are_by_powers_of_ten() {
        assert_eq!(
            of(&[(3, 1.0), (70, 1.0), (100, 2.0)], 4),
            [(1, 10, 0.25), (10, 100, 0.25), (100, 1_000, 0.5)]
        );
    }

    #[test]
    fn the_longest_of_all_has_a_bucket() {
        let last = of(&[(u64::MAX, 1.0)], 9);
        assert_eq!(last, [(10_000_000_000_000_000_000, u64::MAX, 1.0)]);
    }
}
