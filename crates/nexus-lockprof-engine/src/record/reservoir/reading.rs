//! The aggregator's reading of a bank.

use super::Packed;
use super::middle::{Divided, share};
use nexus_lockprof_snapshot::Sample;

/// The samples of one record and one collection.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BankReading {
    /// Durations offered.
    pub(crate) offered: u64,
    /// The durations kept, with the weight of all offers.
    pub(crate) samples: Vec<Sample>,
}

/// Where the body and the tail are divided.
#[derive(Debug)]
pub(super) struct Strata {
    pub(super) body: Divided,
    pub(super) tail: Option<Tail>,
}

/// The tail's bound, the number of offers to it, its samples, and where it is divided.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) threshold: u32,
    pub(super) offered: u64,
    pub(super) kept: Vec<Packed>,
    pub(super) divided: Divided,
}

impl BankReading {
    /// The samples of the items that the body and the tail keep of the `offered`. Each stands for
    /// its share of the offers to its part. Without `strata`, the body stands for everything.
    pub(super) fn new(
        offered: u64,
        mut body: Vec<Packed>,
        strata: Option<Strata>,
        longest_ns: u64,
    ) -> Self {
        let Some(strata) = strata else {
            let samples = share(&body, offered, longest_ns).collect();
            return BankReading { offered, samples };
        };
        let mut samples = Vec::new();
        // The body stands for all that the tail does not cover.
        let mut under = offered;
        if let Some(tail) = strata.tail {
            // An offer that is counted in the tail may not be counted in the body yet.
            let left = offered.saturating_sub(tail.offered);
            let is_under = |item: &Packed| !item.is_from(tail.threshold);
            if !tail.kept.is_empty() && (left == 0 || body.iter().any(is_under)) {
                tail.divided
                    .weigh(&tail.kept, tail.offered, longest_ns, &mut samples);
                under = left;
                body.retain(is_under);
            }
        }
        if under > 0 {
            strata.body.weigh(&body, under, longest_ns, &mut samples);
        }
        BankReading { offered, samples }
    }
}
