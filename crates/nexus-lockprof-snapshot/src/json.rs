//! How values are written in the JSON document, and which values are read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// For `skip_serializing_if`: whether a field can be left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The default number of merged snapshots.
pub(crate) const fn one() -> u64 {
    1
}

/// For `skip_serializing_if`.
pub(crate) const fn is_one(number: &u64) -> bool {
    *number == 1
}

/// A variance: finite and not negative, in both directions.
pub(crate) mod variance {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Adds two variances. It saturates at the largest finite number, like counters, so that every
    /// sum can be shown, written and read.
    pub(crate) fn sum(a: f64, b: f64) -> f64 {
        let sum = a + b;
        // Two numbers that cannot be written must not make one that can.
        if a.is_finite() && b.is_finite() {
            sum.min(f64::MAX)
        } else {
            sum
        }
    }

    /// Checks a variance. -0 becomes 0, which equals it, so that both make the same file.
    pub(crate) fn check(variance: f64) -> Result<f64, String> {
        if variance >= 0.0 && variance.is_finite() {
            Ok(variance + 0.0)
        } else {
            Err(format!("variance {variance} is not a number from 0"))
        }
    }

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        check(*value)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        check(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A budget: a share from 0 to 1, in both directions.
pub(crate) mod budget {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    /// Checks a budget. -0 becomes 0.
    pub(crate) fn check(budget: f64) -> Result<f64, String> {
        if (0.0..=1.0).contains(&budget) {
            Ok(budget + 0.0)
        } else {
            Err(format!("budget {budget} is not a share from 0 to 1"))
        }
    }

    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        check(*value)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        check(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An identity as 16 hexadecimal digits, since a program that stores numbers as doubles would round
/// it.
pub(crate) mod hex {
    use super::{Cow, Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:016x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let digits = Cow::<str>::deserialize(deserializer)?;
        // `from_str_radix` alone would accept a sign.
        let value = digits
            .bytes()
            .all(|digit| digit.is_ascii_hexdigit())
            .then(|| u64::from_str_radix(&digits, 16).ok())
            .flatten();
        value.ok_or_else(|| {
            serde::de::Error::custom(format_args!("{digits:?} is not 1 to 16 hexadecimal digits"))
        })
    }
}
