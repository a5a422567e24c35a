//! How many durations fell into each of a fixed set of buckets: [`Histogram`].

use serde::{Deserialize, Serialize};

/// Durations by length, in buckets that are the same everywhere. So histograms of many threads,
/// processes and intervals add up, which percentiles do not.
///
/// There are two buckets for each factor of two. Bounds are 2^(i/2) seconds, for i from -52 to 12:
/// those of Prometheus's native histograms of schema 1. The first bucket has everything up to 2^-26
/// s, which is 14 ns, and the last one everything above 64 s. A duration is above its bucket's
/// lower bound, and at most the upper bound.
///
/// A measured duration adds its weight: the number of events that it stands for, which is 1 where
/// each event is measured. So [`total`](Self::total) is the number of measured events there. Where
/// events are sampled, it estimates the number of events that are represented,
/// [`Durations::events`](crate::Durations::events).
///
/// ```
/// use nexus_lockprof_snapshot::Histogram;
///
/// let mut histogram = Histogram::default();
/// histogram.add(Histogram::bucket_of(100), 3);
/// histogram.add(Histogram::bucket_of(5_000), 1);
/// let buckets: Vec<_> = histogram.buckets().collect();
/// assert_eq!((buckets[0].above_ns, buckets[0].up_to_ns, buckets[0].weight), (84, Some(119), 3));
/// assert_eq!(histogram.total(), 4);
/// // Half of the durations are in the first of them.
/// assert_eq!(histogram.quantile(0.5), Some(buckets[0]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Number of the first bucket that is kept.
    first: usize,
    /// Weights from that one on. The first and the last are not 0.
    weights: Vec<u64>,
}

/// A bucket of a [`Histogram`] that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its number, below [`Histogram::BUCKETS`].
    pub index: usize,
    /// Its durations are above this, in nanoseconds, rounded down.
    pub above_ns: u64,
    /// The longest whole duration in it, in nanoseconds; `None` for the last bucket.
    pub up_to_ns: Option<u64>,
    /// The number of events in it.
    pub weight: u64,
}

/// 2^34 s in nanoseconds. The highest bit is set.
const WHOLE: u64 = 1_000_000_000 << 34;
/// 2^33.5 s in nanoseconds, rounded down. The highest bit is set, too.
const HALF: u64 = 12_148_001_999_904_198_769;
/// Bounds from 1 ns to that of the first bucket.
const BEFORE: usize = 7;

impl Histogram {
    /// The number of buckets.
    pub const BUCKETS: usize = 66;
    /// Of bucket `n`, the upper bound is 2^((n + `FIRST_BOUND`)/2) seconds.
    pub const FIRST_BOUND: i32 = -52;

    /// The schema of Prometheus's native histograms that has these bounds, and the scale of
    /// OpenTelemetry's.
    pub const SCHEMA: i32 = 1;

    /// The number of the bucket that a duration belongs to.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Histogram;
    ///
    /// assert_eq!([0, 14, 15].map(Histogram::bucket_of), [0, 0, 1]);
    /// assert_eq!([64_000_000_000, 64_000_000_001].map(Histogram::bucket_of), [64, 65]);
    /// ```
    #[inline(always)]
    #[must_use]
    pub const fn bucket_of(ns: u64) -> usize {
        let zeros = (ns | 1).leading_zeros();
        // With the highest bit set, bounds are the same for all powers of two.
        let shifted = ns << zeros;
        let number =
            2 * (63 - zeros) as usize + (shifted > HALF) as usize + (shifted > WHOLE) as usize;
        let number = number.saturating_sub(BEFORE);
        if number < Self::BUCKETS {
            number
        } else {
            Self::BUCKETS - 1
        }
    }

    /// The longest whole duration in a bucket, in nanoseconds; `None` for the last, and if there is
    /// no such bucket.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Histogram;
    ///
    /// assert_eq!(Histogram::up_to_ns(0), Some(14));
    /// assert_eq!(Histogram::up_to_ns(52), Some(1_000_000_000));
    /// assert_eq!(Histogram::up_to_ns(65), None);
    /// ```
    #[must_use]
    pub const fn up_to_ns(index: usize) -> Option<u64> {
        if index >= Self::BUCKETS - 1 {
            return None;
        }
        // These two are the upper bounds of the buckets 120 and 119, if there were so many.
        let highest = if index.is_multiple_of(2) { WHOLE } else { HALF };
        Some(highest >> ((120 - index) / 2))
    }

    /// Adds events to a bucket. A number that is too large means the last bucket.
    pub fn add(&mut self, index: usize, weight: u64) {
        if weight == 0 {
            return;
        }
        let index = index.min(Self::BUCKETS - 1);
        if self.weights.is_empty() {
            self.first = index;
        }
        if index < self.first {
            let more = self.first - index;
            self.weights.splice(0..0, std::iter::repeat_n(0, more));
            self.first = index;
        }
        let place = index - self.first;
        if place >= self.weights.len() {
            self.weights.resize(place + 1, 0);
        }
        if let Some(sum) = self.weights.get_mut(place) {
            *sum = sum.saturating_add(weight);
        }
    }

    /// Adds another histogram.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Histogram;
    ///
    /// let mut a = Histogram::default();
    /// a.add(3, 1);
    /// let mut both = a.clone();
    /// both.merge(&a);
    /// assert_eq!(both.weight(3), 2);
    /// ```
    pub fn merge(&mut self, other: &Self) {
        for (index, weight) in other.each() {
            self.add(index, weight);
        }
    }

    /// What was added since it was `earlier`. The error is the first bucket that had more then, and
    /// both weights: later, earlier.
    pub(crate) fn since(&self, earlier: &Self) -> Result<Self, [u64; 2]> {
        let mut since = Self::default();
        for index in 0..Self::BUCKETS {
            let [later, earlier] = [self.weight(index), earlier.weight(index)];
            let grown = later.checked_sub(earlier).ok_or([later, earlier])?;
            since.add(index, grown);
        }
        Ok(since)
    }

    /// What a bucket has.
    #[must_use]
    pub fn weight(&self, index: usize) -> u64 {
        let place = index.checked_sub(self.first);
        let weight = place.and_then(|place| self.weights.get(place));
        weight.copied().unwrap_or_default()
    }

    /// The number of events in all buckets.
    #[must_use]
    pub fn total(&self) -> u64 {
        let weights = self.weights.iter();
        weights.fold(0, |sum, weight| sum.saturating_add(*weight))
    }

    /// The number of events in the buckets up to and including this one.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Histogram;
    ///
    /// let mut histogram = Histogram::default();
    /// histogram.add(3, 10);
    /// histogram.add(7, 1);
    /// assert_eq!([2, 3, 6, 7].map(|index| histogram.total_to(index)), [0, 10, 10, 11]);
    /// ```
    #[must_use]
    pub fn total_to(&self, index: usize) -> u64 {
        let upto = self.each().take_while(|(bucket, _)| *bucket <= index);
        upto.fold(0, |sum, (_, weight)| sum.saturating_add(weight))
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The buckets that are not empty, in order of their bounds.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.each().map(|(index, weight)| Bucket {
            index,
            above_ns: match index.checked_sub(1).map(Self::up_to_ns) {
                Some(Some(above_ns)) => above_ns,
                _ => 0,
            },
            up_to_ns: Self::up_to_ns(index),
            weight,
        })
    }

    /// The bucket that the `q`-quantile is in: the first one up to which are at least the share `q`
    /// of all events. `None` if it is empty, or if `q` is NaN.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<Bucket> {
        let total = self.total() as f64;
        let q = q.clamp(0.0, 1.0);
        let mut sum = 0_u64;
        self.buckets().find(|bucket| {
            sum = sum.saturating_add(bucket.weight);
            sum as f64 / total >= q
        })
    }

    /// The numbers and weights of the buckets that are not empty.
    pub(crate) fn each(&self) -> impl Iterator<Item = (usize, u64)> {
        let weights = (self.first..).zip(self.weights.iter().copied());
        weights.filter(|(_, weight)| *weight != 0)
    }
}

/// A list of pairs: the longest whole duration of a bucket, in nanoseconds, and its weight. The
/// last bucket has no longest duration.
impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.each();
        serializer.collect_seq(pairs.map(|(index, weight)| (Self::up_to_ns(index), weight)))
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs: Vec<(Option<u64>, u64)> = Vec::deserialize(deserializer)?;
        let mut read = Self::default();
        for (up_to_ns, weight) in pairs {
            let index = up_to_ns.map_or(Self::BUCKETS - 1, Self::bucket_of);
            if Self::up_to_ns(index) != up_to_ns {
                let ns = up_to_ns.unwrap_or_default();
                let message = format_args!("no bucket of a histogram ends at {ns} ns");
                return Err(serde::de::Error::custom(message));
            }
            read.add(index, weight);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a duration is at most 2^(`i`/2) s, in whole numbers.
    fn is_at_most(ns: u64, i: i32) -> bool {
        // ns <= 10^9 * 2^(i/2), squared. Both sides are multiplied by 2^52 where i is negative.
        let square = u128::from(ns) * u128::from(ns);
        let bound = 1_000_000_000_000_000_000_u128;
        if i < 0 {
            square.leading_zeros() >= i.unsigned_abs() && square << i.unsigned_abs() <= bound
        } else {
            square <= bound << i
        }
    }

    fn check(ns: u64) {
        let index = Histogram::bucket_of(ns);
        let upper = index as i32 + Histogram::FIRST_BOUND;
        if index < Histogram::BUCKETS - 1 {
            assert!(is_at_most(ns, upper), "{ns} ns is above bucket {index}");
        }
        if index > 0 {
            assert!(
                !is_at_most(ns, upper - 1),
                "{ns} ns is below bucket {index}"
            );
        }
    }

    #[test]
    fn a_duration_is_above_the_lower_bound_and_at_most_the_upper() {
        (0..100_000).for_each(check);
        for bits in 0..64 {
            for near in [-1, 0, 1] {
                check((1_u64 << bits).saturating_add_signed(near));
            }
        }
        let mut ns = 1_u64;
        while let Some(next) = ns.checked_mul(1_009) {
            ns = next / 1_000 + 1;
            check(ns);
        }
        check(u64::MAX);
    }

    #[test]
    fn every_edge_belongs_to_the_bucket_below_it() {
        let mut before = None;
        for index in 0..Histogram::BUCKETS - 1 {
            let edge = Histogram::up_to_ns(index).unwrap();
            assert!(before < Some(edge));
            assert_eq!(Histogram::bucket_of(edge), index, "{edge} ns");
            assert_eq!(
                Histogram::bucket_of(edge + 1),
                index + 1,
                "{edge} ns, and 1 more"
            );
            check(edge);
            check(edge + 1);
            before = Some(edge);
        }
        assert_eq!(Histogram::up_to_ns(64), Some(64_000_000_000));
        assert_eq!(Histogram::bucket_of(u64::MAX), 65);
    }

    fn of(pairs: &[(usize, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        for &(index, weight) in pairs {
            histogram.add(index, weight);
        }
        histogram
    }

    #[test]
    fn a_merge_is_the_sum_and_an_interval_the_difference() {
        let (a, b) = (of(&[(5, 2), (9, 1)]), of(&[(2, 7), (9, 4), (65, 1)]));
        let mut both = a.clone();
        both.merge(&b);
        assert_eq!(both, of(&[(65, 1), (2, 7), (9, 5), (5, 2)]));
        assert_eq!(both.total(), a.total() + b.total());
        assert_eq!(both.since(&a), Ok(b.clone()));
        assert_eq!(both.since(&both), Ok(Histogram::default()));
        assert_eq!(a.since(&b), Err([0, 7]));
        let mut most = of(&[(1, u64::MAX)]);
        most.merge(&of(&[(1, 1)]));
        assert_eq!(most.weight(1), u64::MAX);
    }

    #[test]
    fn a_quantile_is_in_the_bucket_of_its_rank() {
        let histogram = of(&[(3, 50), (8, 49), (65, 1)]);
        for (q, index) in [
            (0.0, 3),
            (0.5, 3),
            (0.51, 8),
            (0.99, 8),
            (0.999, 65),
            (1.0, 65),
        ] {
            let bucket = histogram.quantile(q).unwrap();
            assert_eq!(bucket.index, index, "{q}");
        }
        assert_eq!(histogram.quantile(f64::NAN), None);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
