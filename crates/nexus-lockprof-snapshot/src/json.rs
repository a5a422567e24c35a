//! The JSON document, schema 1: its content and form, for any of serde's formats. `json_text` turns
//! it into text.
//!
//! **Invariant:** every later version reads a document of schema N. A schema may gain fields that
//! have a default; any other change makes schema N + 1. `tests/golden/` keeps a file of each
//! schema.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::head::Document;
use crate::{Point, Sample, Snapshot, text};

/// The value of `format` in each of our documents.
pub(crate) const FORMAT: &str = "lockprof-snapshot";

/// The schema that we write, and the newest that we read.
pub(crate) const SCHEMA: u32 = 1;

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Document::new(FORMAT, SCHEMA, &self.head, &self.points).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document: Document<Vec<Point>> = text::sharing(|| Document::deserialize(deserializer))?;
        Self::try_from(document).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Document<Vec<Point>>> for Snapshot {
    type Error = String;

    fn try_from(document: Document<Vec<Point>>) -> Result<Self, String> {
        let Document { format, schema, .. } = &document;
        if (format.as_str(), *schema) != (FORMAT, SCHEMA) {
            return Err(format!(
                "format {format:?}, schema {schema}, where {FORMAT:?}, schema {SCHEMA} was expected"
            ));
        }
        let (head, points) = document.into_head();
        let snapshot = Self::new(head, points);
        match snapshot.merged() == 0 && snapshot.has_anything() {
            true => Err(FROM_NOTHING.to_owned()),
            false => Ok(snapshot),
        }
    }
}

/// The error for a non-empty snapshot that claims to be a merge of 0 others.
pub(crate) const FROM_NOTHING: &str = "a snapshot merged from 0 snapshots that is not empty";

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

/// For `skip_serializing_if` of a float.
pub(crate) fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// 2⁶⁴: no sample represents more events than a counter can count.
pub(crate) const MAX_WEIGHT: f64 = 18_446_744_073_709_551_616.0;

fn check_weight(weight: f64) -> Result<f64, String> {
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
