//! One measured time: [`Sample`].

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 2⁶⁴: no sample represents more events than a counter can count.
const MAX_WEIGHT: f64 = 18_446_744_073_709_551_616.0;

/// One measured duration and the number of events it represents.
///
/// In JSON it is the pair `[value_ns, weight]`. Reading and writing both reject a weight that is
/// not a number above 0 and at most 2⁶⁴.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The duration, in nanoseconds.
    pub value_ns: u64,
    /// Number of events that this sample represents (its inverse inclusion probability); at least
    /// 1.
    pub weight: f64,
}

impl Sample {
    /// A duration that represents only itself.
    #[must_use]
    pub const fn exact(value_ns: u64) -> Self {
        Self {
            value_ns,
            weight: 1.0,
        }
    }

    /// The order of the samples of a snapshot: by value, and equal values by weight.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        let values = self.value_ns.cmp(&other.value_ns);
        values.then(self.weight.total_cmp(&other.weight))
    }
}

/// Checks a weight.
pub(crate) fn check_weight(weight: f64) -> Result<f64, String> {
    if weight > 0.0 && weight <= MAX_WEIGHT {
        Ok(weight)
    } else {
        Err(format!(
            "weight {weight} of a sample is not above 0 and at most 2^64"
        ))
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let weight = check_weight(self.weight).map_err(serde::ser::Error::custom)?;
        if weight.fract() == 0.0 {
            // `[12,1]` instead of `[12,1.0]`: most weights are whole, and samples make up most of a
            // file. 2⁶⁴ becomes 2⁶⁴ - 1. Its nearest double is 2⁶⁴, so it reads back as that.
            (self.value_ns, weight as u64).serialize(serializer)
        } else {
            (self.value_ns, weight).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (value_ns, weight) = <(u64, f64)>::deserialize(deserializer)?;
        let weight = check_weight(weight).map_err(serde::de::Error::custom)?;
        Ok(Self { value_ns, weight })
    }
}
