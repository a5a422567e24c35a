//! [`Finding`] and [`FindingKind`].

use serde::Serialize;

use super::evidence::Evidence;
use super::words;
use crate::{AcquireMode, Lock, Site, WhatIf};

/// The rule that made a [`Finding`].
///
/// `docs/explanation/findings.md` gives the rule of each, and the reasons for its thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// Writers wait much longer than any reader holds the lock: readers follow each other.
    StarvedWriter,
    /// One thread has most of the waiting: the others take the lock again and again before it gets
    /// its turn.
    StarvedThread,
    /// Upgradable reads make each other wait, and few of them are upgraded.
    UpgradableReads,
    /// A few long holds cause most of the waiting, at a point whose other holds are short.
    RareLongHold,
    /// One of several points holds much longer than the others, and most of the waiting is behind
    /// it.
    SlowCaller,
    /// Most of the waiting is behind a point that holds the lock long enough for I/O or an
    /// `.await`.
    LongHold,
    /// Many waits that are much longer than the short holds explain: handing the lock over takes
    /// the time.
    Convoy,
    /// The lock is held for most of the time, in holds that are not long.
    Saturated,
    /// Threads wait, and none of the other kinds fits.
    Contended,
    /// A `try_*` function fails so often that it must be a loop.
    TryLoop,
}

impl FindingKind {
    /// The kind's name, as the JSON form spells it.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::FindingKind;
    ///
    /// assert_eq!(FindingKind::RareLongHold.as_str(), "rare_long_hold");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StarvedWriter => "starved_writer",
            Self::StarvedThread => "starved_thread",
            Self::UpgradableReads => "upgradable_reads",
            Self::RareLongHold => "rare_long_hold",
            Self::SlowCaller => "slow_caller",
            Self::LongHold => "long_hold",
            Self::Convoy => "convoy",
            Self::Saturated => "saturated",
            Self::Contended => "contended",
            Self::TryLoop => "try_loop",
        }
    }
}

/// One thing that costs the program time, with its evidence and the usual remedy. Made by
/// [`Snapshot::findings`](crate::Snapshot::findings).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule that made it.
    pub kind: FindingKind,
    /// The lock class.
    pub lock: Lock,
    /// The place to change, if one is known: mostly that which holds the lock while others wait.
    pub site: Option<Site>,
    /// How that place acquires the lock.
    pub mode: Option<AcquireMode>,
    /// The time that threads waited because of it, in nanoseconds. `None` if it is not known: a
    /// `try_*` function does not wait.
    pub cost_ns: Option<u64>,
    /// The standard error of `cost_ns`, in nanoseconds.
    pub cost_error_ns: f64,
    /// The figures behind the text.
    pub evidence: Vec<Evidence>,
    /// The finding in one or two sentences. Safe to print.
    pub text: String,
    /// The usual remedy, in one or two sentences. Safe to print.
    pub remedy: String,
    /// The expected gain from changes to the lock, in one sentence. Safe to print. Empty if
    /// too little is known, the model does not fit the finding, or it is not one of the first few.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// The figures behind `expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

impl Finding {
    /// The kind, the lock, the place and the cost in a few words, for where there is one line.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Finding, FindingKind, Lock, Site};
    ///
    /// let finding = Finding {
    ///     kind: FindingKind::LongHold,
    ///     lock: Lock::Named("sessions".into()),
    ///     site: Some(Site::new("src/http.rs", 88, 31)),
    ///     mode: None,
    ///     cost_ns: None,
    ///     cost_error_ns: 0.0,
    ///     evidence: Vec::new(),
    ///     text: String::new(),
    ///     remedy: String::new(),
    ///     expected: String::new(),
    ///     what_if: None,
    /// };
    /// assert_eq!(finding.headline(), "long hold: `sessions` at src/http.rs:88");
    /// ```
    #[must_use]
    pub fn headline(&self) -> String {
        let kind = self.kind.as_str().replace('_', " ");
        let site = self
            .site
            .as_ref()
            .map(|site| format!(" at {}", words::site(site)));
        let waiting = self.evidence("threads").map(words::waiting);
        format!(
            "{kind}: {}{}{}",
            words::lock(&self.lock),
            site.unwrap_or_default(),
            waiting.unwrap_or_default()
        )
    }

    /// The figure called `name`.
    #[must_use]
    pub fn evidence(&self, name: &str) -> Option<&Evidence> {
        self.evidence.iter().find(|figure| figure.name == name)
    }
}
