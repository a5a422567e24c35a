//! A reading of a record in little room, until the record is read again.
//!
//! Most figures of most records are 0: nobody waited, nothing failed, and durations fell into a few
//! buckets. Only the others are kept.

use crate::record::histogram::{BUCKETS, Weights, nonzero};
use crate::record::reading::{Reading, WORDS};

/// The histograms of the waits and of the holds. `None` if none was measured.
pub(super) type Histograms = [Option<Weights>; 2];

/// Bits of a bucket's weight. The bits above it are the bucket's number.
const WEIGHT_BITS: u32 = 48;

/// A reading and its histograms.
#[derive(Debug, Default)]
pub(super) struct PackedReading {
    /// Which words of the reading are not 0.
    mask: u64,
    /// Those words, and then the buckets that are not empty: of the waits, then of the holds.
    words: Box<[u64]>,
}

const _: () = assert!(WORDS <= u64::BITS as usize);

impl PackedReading {
    pub(super) fn new(reading: &Reading, histograms: &Histograms) -> Self {
        let mut words = [0; WORDS + 2 * BUCKETS];
        let (mut mask, mut len) = (0, 0);
        let mut keep = |word: u64| {
            if let Some(place) = words.get_mut(len) {
                *place = word;
                len += 1;
            }
        };
        for (place, word) in reading.to_words().into_iter().enumerate() {
            if word != 0 {
                mask |= 1 << place;
                keep(word);
            }
        }
        for (weights, first) in histograms.iter().zip([0, BUCKETS]) {
            for (bucket, weight) in weights.iter().flat_map(nonzero) {
                keep(((first + bucket) as u64) << WEIGHT_BITS | weight);
            }
        }
        PackedReading {
            mask,
            words: words.get(..len).unwrap_or_default().into(),
        }
    }

    pub(super) fn reading(&self) -> Reading {
        let mut kept = self.words.iter();
        Reading::from_words(std::array::from_fn(|place| match self.mask >> place & 1 {
            0 => 0,
            _ => kept.next().copied().unwrap_or_default(),
        }))
    }

    /// The buckets that were not empty, each with its weight: the waits' for 0, the holds' for 1.
    pub(super) fn buckets(&self, kind: usize) -> impl Iterator<Item = (usize, u64)> {
        let buckets = self.words.iter().skip(self.mask.count_ones() as usize);
        buckets.filter_map(move |word| {
            let number = (word >> WEIGHT_BITS) as usize;
            let weight = word & ((1 << WEIGHT_BITS) - 1);
            (number / BUCKETS == kind).then_some((number % BUCKETS, weight))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The histograms that the packed buckets are from.
    fn histograms(packed: &PackedReading) -> [Weights; 2] {
        let mut histograms = [[0; BUCKETS]; 2];
        for (kind, weights) in histograms.iter_mut().enumerate() {
            for (bucket, weight) in packed.buckets(kind) {
                weights[bucket] = weight;
            }
        }
        histograms
    }

    #[test]
    fn what_is_packed_is_read_again() {
        let none = PackedReading::new(&Reading::default(), &[None; 2]);
        assert!(none.words.is_empty());
        assert_eq!(none.reading(), Reading::default());
        assert_eq!(histograms(&none), [[0; BUCKETS]; 2]);
        // Each word alone, and all of them.
        for place in 0..=WORDS {
            let words = std::array::from_fn(|word| match word == place || place == WORDS {
                true => 1000 + word as u64,
                false => 0,
            });
            let reading = Reading::from_words(words);
            assert_eq!(reading.to_words(), words);
            let mut waits = [0; BUCKETS];
            waits[BUCKETS - 1] = place as u64;
            let holds = [(1 << WEIGHT_BITS) - 1; BUCKETS];
            let packed = PackedReading::new(&reading, &[Some(waits), Some(holds)]);
            assert_eq!(packed.reading(), reading, "word {place}");
            assert_eq!(histograms(&packed), [waits, holds], "word {place}");
        }
    }
}
