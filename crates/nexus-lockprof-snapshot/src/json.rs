//! The JSON document, schema 1: what is in it and in which form, for any of serde's formats. `json_text` makes text of it.
//!
//! **Invariant:** a document of schema N stays readable by every later version; fields may be added to a
//! schema if they have a default, anything else is schema N + 1. `tests/golden/` keeps a file of each schema.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    Losses, Overhead, Point, ProfilerMode, Sample, Snapshot, SnapshotParts, TableStats, Text, text,
};

/// What `format` says in each of our documents.
pub(crate) const FORMAT: &str = "lockprof-snapshot";

/// The schema that is written, and the newest that is read.
pub(crate) const SCHEMA: u32 = 1;

/// A document as written: the envelope first, then small things, then the points.
#[derive(Serialize)]
struct DocumentRef<'a> {
    format: &'static str,
    schema: u32,
    #[serde(with = "hex")]
    engine: u64,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: &'a Option<Text>,
    taken_unix_ns: u64,
    collection: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    glance: bool,
    resets: u64,
    elapsed_ns: u64,
    #[serde(skip_serializing_if = "is_one")]
    merged: u64,
    #[serde(skip_serializing_if = "is_default")]
    incomplete: bool,
    mode: ProfilerMode,
    table: &'a TableStats,
    #[serde(skip_serializing_if = "is_default")]
    losses: Losses,
    #[serde(skip_serializing_if = "is_default")]
    overhead: Overhead,
    points: &'a [Point],
}

/// A document as read. Fields it does not know are skipped.
#[derive(Deserialize)]
pub(crate) struct Document {
    format: String,
    schema: u32,
    #[serde(with = "hex")]
    engine: u64,
    pid: u32,
    #[serde(default)]
    program: Option<Text>,
    taken_unix_ns: u64,
    collection: u64,
    #[serde(default)]
    base: Option<u64>,
    #[serde(default)]
    glance: bool,
    resets: u64,
    elapsed_ns: u64,
    #[serde(default = "one")]
    merged: u64,
    #[serde(default)]
    incomplete: bool,
    mode: ProfilerMode,
    table: TableStats,
    #[serde(default)]
    losses: Losses,
    #[serde(default)]
    overhead: Overhead,
    points: Vec<Point>,
}

#[cfg(feature = "json")]
impl Document {
    pub(crate) fn points(&self) -> usize {
        self.points.len()
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        DocumentRef {
            format: FORMAT,
            schema: SCHEMA,
            engine: self.engine,
            pid: self.pid,
            program: &self.program,
            taken_unix_ns: self.taken_unix_ns,
            collection: self.collection,
            base: self.base,
            glance: self.glance,
            resets: self.resets,
            elapsed_ns: self.elapsed_ns,
            merged: self.merged,
            incomplete: self.incomplete,
            mode: self.mode,
            table: &self.table,
            losses: self.losses,
            overhead: self.overhead,
            points: &self.points,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = text::sharing(|| Document::deserialize(deserializer))?;
        Self::try_from(document).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Document> for Snapshot {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        let Document { format, schema, .. } = &document;
        if (format.as_str(), *schema) != (FORMAT, SCHEMA) {
            return Err(format!(
                "format {format:?}, schema {schema}, where {FORMAT:?}, schema {SCHEMA} was expected"
            ));
        }
        let (base, glance, merged, incomplete) = (
            document.base,
            document.glance,
            document.merged,
            document.incomplete,
        );
        let snapshot = Self::from_parts(SnapshotParts {
            engine: document.engine,
            collection: document.collection,
            resets: document.resets,
            taken_unix_ns: document.taken_unix_ns,
            elapsed_ns: document.elapsed_ns,
            pid: document.pid,
            program: document.program,
            mode: document.mode,
            points: document.points,
            table: document.table,
            losses: document.losses,
            overhead: document.overhead,
        });
        let snapshot = Self {
            base,
            glance,
            merged,
            incomplete,
            ..snapshot
        };
        match snapshot.merged == 0 && snapshot.has_anything() {
            true => Err(FROM_NOTHING.to_owned()),
            false => Ok(snapshot),
        }
    }
}

/// What is wrong with a snapshot that was merged from 0 others and is not empty.
pub(crate) const FROM_NOTHING: &str = "a snapshot merged from 0 snapshots that is not empty";

/// For `skip_serializing_if`: whether a field can be left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How many snapshots one is, unless it is said.
const fn one() -> u64 {
    1
}

/// For `skip_serializing_if`.
const fn is_one(number: &u64) -> bool {
    *number == 1
}

/// For `skip_serializing_if` of a float.
pub(crate) fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// 2⁶⁴: no sample stands for more events than a counter can count.
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
            // `[12,1]`, not `[12,1.0]`: most weights are whole, and a file is mostly samples. 2⁶⁴ becomes 2⁶⁴ - 1,
            // to which it is the nearest double, and so what is read back.
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

    /// The variance of a sum, from those of its parts. It stops at the largest number, as counters do, so that what can be added up can be
    /// shown, written and read.
    pub(crate) fn sum(a: f64, b: f64) -> f64 {
        let sum = a + b;
        // Two numbers that cannot be written make no number that can.
        if a.is_finite() && b.is_finite() {
            sum.min(f64::MAX)
        } else {
            sum
        }
    }

    /// What a reader takes; 0 for -0, which is equal to it, and is not written as a different file.
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

    /// What a reader takes; 0 for -0.
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

/// An identity in 16 hexadecimal digits: a program that keeps numbers in doubles would round it.
mod hex {
    use super::{Cow, Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let digits = Cow::<str>::deserialize(deserializer)?;
        // `from_str_radix` alone would take a sign.
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
