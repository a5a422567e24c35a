//! Measured times by value: [`Samples`].

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// Samples by value. Copies of a snapshot share them, and so do snapshots between which nothing was
/// measured. What was derived from them once, such as their form in a file, is shared too.
///
/// Reads as a slice; made [from](Self::from) a `Vec`.
#[derive(Clone, Default)]
pub struct Samples(
    /// `None` without samples.
    Option<Arc<Shared>>,
);

struct Shared {
    samples: Box<[Sample]>,
    /// Whether they are in the [order](Sample::order) of snapshots.
    is_sorted: bool,
    /// Their form in a file, once it was asked for.
    in_file: OnceLock<Box<[u8]>>,
}

impl Deref for Samples {
    type Target = [Sample];

    fn deref(&self) -> &[Sample] {
        self.0.as_ref().map_or(&[], |shared| &shared.samples)
    }
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Samples").field(&&**self).finish()
    }
}

impl From<Vec<Sample>> for Samples {
    fn from(samples: Vec<Sample>) -> Self {
        if samples.is_empty() {
            return Self(None);
        }
        // Ties go by weight, so that equal samples in any order make equal values and equal files.
        let is_sorted = samples.is_sorted_by(|a, b| a.order(b).is_le());
        Self(Some(Arc::new(Shared {
            samples: samples.into(),
            is_sorted,
            in_file: OnceLock::new(),
        })))
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        Self::from(Vec::from_iter(samples))
    }
}

impl Samples {
    /// Sorts them by value, unless they already are.
    pub(crate) fn sort(&mut self) {
        if self.0.as_ref().is_some_and(|shared| !shared.is_sorted) {
            let mut samples = self.to_vec();
            samples.sort_unstable_by(Sample::order);
            *self = Self::from(samples);
        }
    }

    /// Their form in a file, which `encode` makes of them. It is made once for all copies.
    ///
    /// # Errors
    /// Those of `encode`.
    pub(crate) fn in_file(
        &self,
        encode: impl FnOnce(&[Sample]) -> Result<Vec<u8>, String>,
    ) -> Result<&[u8], String> {
        let Some(shared) = &self.0 else {
            return Ok(&[]);
        };
        if let Some(bytes) = shared.in_file.get() {
            return Ok(bytes);
        }
        let bytes = encode(&shared.samples)?.into_boxed_slice();
        // Of two threads at once, both have made the same.
        Ok(shared.in_file.get_or_init(|| bytes))
    }

    /// Adds all `others` at once. One by one, each step would copy the first samples again.
    pub(crate) fn extend<'a>(&mut self, others: impl Iterator<Item = &'a Self> + Clone) {
        let mut some = others.filter(|samples| !samples.is_empty());
        match (some.clone().count(), self.is_empty()) {
            (0, _) => {}
            (1, true) => *self = some.next().cloned().unwrap_or_default(),
            _ => {
                let all = self.iter().chain(some.flat_map(|samples| samples.iter()));
                *self = all.copied().collect();
            }
        }
    }
}

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
