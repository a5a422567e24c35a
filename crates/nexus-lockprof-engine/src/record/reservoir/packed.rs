//! A duration and its weight in four bytes.

use nexus_lockprof_snapshot::Sample;

/// Largest value; longer ones saturate. 2^44 ns is 4.8 hours. Totals and maxima do not saturate.
pub(crate) const MAX_VALUE: u64 = (1 << 44) - 1;
/// Values below this are their own codes.
pub(crate) const EXACT_BELOW: u64 = 1 << (VALUE.digits + 1);

/// Largest weight; larger ones saturate.
pub(crate) const MAX_WEIGHT: u64 = (1 << 36) - 1;

/// Values below 2^17 are exact. The others are exact to 1 in 2^16.
const VALUE: Float = Float { digits: 16 };
/// Weights below 2^6 are exact. The others have six binary digits.
const WEIGHT: Float = Float { digits: 5 };
const WEIGHT_BITS: u32 = 10;

/// A duration and its weight in one 32-bit word, so a reader never sees half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed(pub(super) u32);

impl Packed {
    #[inline]
    pub(crate) fn new(value_ns: u64, weight: u64) -> Self {
        let value = VALUE.encode(value_ns.min(MAX_VALUE));
        // Nearly all weights are small, and a small weight is its own code.
        let weight = if weight < 1 << (WEIGHT.digits + 1) {
            weight as u32
        } else {
            WEIGHT.encode(weight.min(MAX_WEIGHT))
        };
        Packed(value << WEIGHT_BITS | weight)
    }

    /// The largest duration that this code can stand for. Rounding up loses no rank below it.
    fn value_ns(self) -> u64 {
        let code = self.0 >> WEIGHT_BITS;
        VALUE.decode(code + 1) - 1
    }

    fn weight(self) -> u64 {
        WEIGHT.decode(self.0 & ((1 << WEIGHT_BITS) - 1))
    }

    /// A sample that stands for `offers` like this one. Its value is at most `longest_ns` if this
    /// may be the code of `longest_ns`.
    pub(super) fn sample(self, offers: f64, longest_ns: u64) -> Sample {
        let value_ns = self.value_ns();
        let may_be_longest = Packed::new(longest_ns, 1).rank() == self.rank();
        Sample {
            value_ns: if may_be_longest {
                value_ns.min(longest_ns)
            } else {
                value_ns
            },
            weight: self.weight() as f64 * offers,
        }
    }

    /// The key by which values are compared.
    pub(super) fn rank(self) -> u32 {
        self.0 >> WEIGHT_BITS
    }

    /// Whether its rank is at least that of a [`bound`](Self::bound): one compare.
    #[inline(always)]
    pub(super) fn is_from(self, bound: u32) -> bool {
        self.0 >= bound
    }

    /// The smallest sample of a rank, to compare others with. All ranks fit above the weight.
    pub(super) fn bound(rank: u32) -> u32 {
        rank << WEIGHT_BITS
    }
}

/// The largest weight that a sample can carry without exceeding `weight`.
pub(crate) fn representable(weight: u64) -> u64 {
    WEIGHT.decode(WEIGHT.encode(weight.min(MAX_WEIGHT)))
}

/// Whole numbers with this many binary digits after the first. Codes have the order of their
/// values.
struct Float {
    digits: u32,
}

impl Float {
    /// Rounds down.
    #[inline]
    fn encode(&self, value: u64) -> u32 {
        let exponent = (u64::BITS - value.leading_zeros()).saturating_sub(self.digits + 1);
        // The first digit of the mantissa adds one to the exponent.
        (exponent << self.digits) + (value >> exponent) as u32
    }

    fn decode(&self, code: u32) -> u64 {
        let exponent = (code >> self.digits).saturating_sub(1);
        u64::from(code - (exponent << self.digits)) << exponent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_exact_and_large_ones_near() {
        for value in (0..EXACT_BELOW).step_by(7).chain([EXACT_BELOW - 1]) {
            assert_eq!(Packed::new(value, 1).value_ns(), value);
            assert_eq!(u64::from(Packed::new(value, 1).rank()), value);
        }
        let mut value = 1_u64 << 17;
        while value < MAX_VALUE {
            let read = Packed::new(value, 1).value_ns();
            assert!(read >= value && (read - value) as f64 <= value as f64 / 65_536.0);
            value += value / 3;
        }
        for weight in 0..64 {
            assert_eq!(Packed::new(5, weight).weight(), weight);
        }
        let mut weight = 64;
        while weight < MAX_WEIGHT {
            let read = representable(weight);
            assert!(read <= weight && (weight - read) as f64 <= weight as f64 / 32.0);
            assert_eq!(Packed::new(5, read).weight(), read, "as it was");
            weight += weight / 3;
        }
    }

    #[test]
    fn a_sample_is_cut_to_the_longest_only_if_it_may_be_that() {
        let longest = (1 << 20) + 3;
        let packed = Packed::new(longest, 1);
        assert!(packed.value_ns() > longest);
        let value_ns = |packed: Packed, longest| packed.sample(1.0, longest).value_ns;
        assert_eq!(value_ns(packed, longest), longest);
        for older in [0, 1, 1 << 19] {
            assert_eq!(value_ns(packed, older), packed.value_ns(), "an older one");
        }
        assert_eq!(value_ns(Packed::new(7, 1), 0), 7);
    }

    #[test]
    fn a_sample_saturates() {
        let packed = Packed::new(u64::MAX, u64::MAX);
        assert_eq!(packed.value_ns(), MAX_VALUE);
        assert_eq!(packed.weight(), representable(MAX_WEIGHT));
    }

    #[test]
    fn samples_rank_by_value() {
        let mut last = 0;
        for value in (0..44).flat_map(|bits| [1 << bits, (1 << bits) + (1 << bits) / 2]) {
            let rank = Packed::new(value, 3).rank();
            assert!(rank >= last);
            last = rank;
        }
    }
}
