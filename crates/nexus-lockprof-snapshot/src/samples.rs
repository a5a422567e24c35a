//! Measured times by value: [`Samples`].

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sample::Sample;

/// Samples by value. Copies of a snapshot share them, and so do snapshots between which nothing was
/// measured.
///
/// Reads as a slice; made [from](Self::from) a `Vec`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Arc<[Sample]>);

impl Deref for Samples {
    type Target = [Sample];

    fn deref(&self) -> &[Sample] {
        &self.0
    }
}

impl From<Vec<Sample>> for Samples {
    fn from(samples: Vec<Sample>) -> Self {
        Self(samples.into())
    }
}

impl From<Arc<[Sample]>> for Samples {
    fn from(samples: Arc<[Sample]>) -> Self {
        Self(samples)
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample>>(samples: I) -> Self {
        Self(samples.into_iter().collect())
    }
}

impl Samples {
    /// Sorts them by value, unless they already are.
    pub(crate) fn sort(&mut self) {
        // Ties go by weight, so that equal samples in any order make equal values and equal files.
        if !self.0.is_sorted_by(|a, b| a.order(b).is_le()) {
            let mut samples = self.0.to_vec();
            samples.sort_unstable_by(Sample::order);
            *self = Self::from(samples);
        }
    }

    /// Adds all `others` at once. One by one, each step would copy the first samples again.
    pub(crate) fn extend<'a>(&mut self, others: impl Iterator<Item = &'a Self> + Clone) {
        let mut some = others.filter(|samples| !samples.0.is_empty());
        match (some.clone().count(), self.0.is_empty()) {
            (0, _) => {}
            (1, true) => *self = some.next().cloned().unwrap_or_default(),
            _ => {
                let all: Vec<Sample> = self
                    .0
                    .iter()
                    .chain(some.flat_map(|s| s.0.iter()))
                    .copied()
                    .collect();
                *self = Self::from(all);
            }
        }
    }
}

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
