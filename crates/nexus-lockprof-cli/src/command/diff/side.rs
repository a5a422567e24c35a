//! The sides of a comparison, and the words for them.

use crate::diff::Verdict;
use nexus_lockprof_snapshot::Snapshot;

/// One side of a comparison.
#[derive(Debug)]
pub(super) struct Side {
    /// `before`, or the name of the only run.
    pub(super) name: String,
    /// The name of each run.
    pub(super) targets: Vec<String>,
    pub(super) runs: Vec<Snapshot>,
}

impl Side {
    pub(super) fn elapsed_ns(&self) -> u64 {
        let elapsed = self.runs.iter().map(Snapshot::elapsed_ns);
        elapsed.fold(0, u64::saturating_add)
    }
}

/// The word for a verdict in a table.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Worse => "worse",
        Verdict::Better => "better",
        Verdict::Load => "load",
        Verdict::Same => "same",
        Verdict::Small => "small",
    }
}
