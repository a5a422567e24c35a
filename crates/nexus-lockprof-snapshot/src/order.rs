//! [`LockPair`]: one lock acquired while another was held. [`PotentialDeadlock`]: locks acquired in
//! orders that can deadlock.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::json::is_default;
use crate::{EdgeEnd, Lock, Thread, logfmt};

/// Maximum number of pairs, and of those in all potential deadlocks together. One process has at
/// most 2,048.
pub(crate) const MOST: usize = 1 << 16;

/// A thread acquired one lock while it held another: seen at least once since the program's start.
///
/// The profiler sees it if it measures the acquisition of the lock that is held: always in mode
/// `Exact`, by sample in mode `Sampled`. There is one pair for two classes, each with a mode. Both
/// places are those of the first time it was seen. A `try_lock` does not wait, so it makes no pair
/// with what is held already.
///
/// Displays as its two places:
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, EdgeEnd, Lock, LockPair, Site};
///
/// let end = |lock: &str, line| EdgeEnd {
///     lock: Lock::Named(lock.into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("bank.rs", line, 5),
/// };
/// let pair = LockPair {
///     held: end("accounts", 17),
///     wanted: end("audit", 19),
///     same_lock: false,
///     guarded: false,
///     thread: None,
///     count: 3,
/// };
/// assert_eq!(pair.to_string(), "bank.rs:17(accounts)+bank.rs:19(audit)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LockPair {
    /// The acquisition point of the lock that the thread held.
    pub held: EdgeEnd,
    /// The point at which it then acquired the other lock.
    pub wanted: EdgeEnd,
    /// Whether both are one and the same lock, which the thread reads twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub same_lock: bool,
    /// Whether the thread held a third lock exclusively, the same one each time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub guarded: bool,
    /// The thread that was the first to do it, if known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub thread: Option<Thread>,
    /// How often it was seen since the program's start.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: u64,
}

/// What makes two pairs the same.
type Key<'a> = (
    &'a Lock,
    crate::AcquireMode,
    &'a Lock,
    crate::AcquireMode,
    bool,
    bool,
);

impl LockPair {
    fn key(&self) -> Key<'_> {
        (
            &self.held.lock,
            self.held.mode,
            &self.wanted.lock,
            self.wanted.mode,
            self.same_lock,
            self.guarded,
        )
    }

    /// Number of bytes in its texts.
    pub(crate) fn texts_len(&self) -> usize {
        let thread = self.thread.as_ref();
        let name = thread.and_then(|thread| thread.name.as_ref());
        self.held.texts_len() + self.wanted.texts_len() + name.map_or(0, |name| name.len())
    }
}

impl fmt::Display for LockPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: &EdgeEnd| format!("{}({})", end.site, end.lock.name());
        write!(f, "{}+{}", end(&self.held), end(&self.wanted))
    }
}

/// Locks that were acquired in orders which can deadlock, even if they never did.
///
/// Displays as its marker line, which is a stable interface:
///
/// ```text
/// lock.order kind=inversion|recursive_read locks=N cycle=HELD+WANTED->... needs_writer=true|false
/// ```
///
/// `HELD` and `WANTED` are each `FILE:LINE(LOCK)`. A thread held the first when it acquired the
/// second. What one step wants is what the next one holds, and what the last one wants is what the
/// first one holds. The line follows the rules of
/// [`HotLine`](crate::HotLine#the-line-an-interface).
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, EdgeEnd, Lock, LockPair, PotentialDeadlock, Site};
///
/// let end = |lock: &str, line| EdgeEnd {
///     lock: Lock::Named(lock.into()),
///     mode: AcquireMode::Exclusive,
///     site: Site::new("bank.rs", line, 5),
/// };
/// let pair = |held, wanted| LockPair {
///     held,
///     wanted,
///     same_lock: false,
///     guarded: false,
///     thread: None,
///     count: 1,
/// };
/// let potential = PotentialDeadlock {
///     needs_writer: false,
///     steps: vec![
///         pair(end("accounts", 17), end("audit", 19)),
///         pair(end("audit", 22), end("accounts", 24)),
///     ],
/// };
/// assert_eq!(
///     potential.to_string(),
///     "lock.order kind=inversion locks=2 cycle=bank.rs:17(accounts)+bank.rs:19(audit)\
///      ->bank.rs:22(audit)+bank.rs:24(accounts) needs_writer=false"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PotentialDeadlock {
    /// Whether it takes one more thread that waits to write: some of the locks are held by readers
    /// and wanted by readers, who wait for one another only if a writer waits between them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub needs_writer: bool,
    /// The pairs: each wants the class that the next one holds, and the last one wants that which
    /// the first one holds. A single one is a recursive read.
    pub steps: Vec<LockPair>,
}

impl PotentialDeadlock {
    /// Whether it is one lock that a thread read while it already read it.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::PotentialDeadlock;
    ///
    /// assert!(!PotentialDeadlock::default().is_recursive_read());
    /// ```
    #[must_use]
    pub fn is_recursive_read(&self) -> bool {
        matches!(self.steps.as_slice(), [step] if step.same_lock)
    }

    /// What it is, as its marker line says it: `inversion` or `recursive_read`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::PotentialDeadlock;
    ///
    /// assert_eq!(PotentialDeadlock::default().kind(), "inversion");
    /// ```
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.is_recursive_read() {
            true => "recursive_read",
            false => "inversion",
        }
    }

    /// The steps in their text form: `FILE:LINE(LOCK)+FILE:LINE(LOCK)->...`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::PotentialDeadlock;
    ///
    /// assert_eq!(PotentialDeadlock::default().cycle(), "");
    /// ```
    #[must_use]
    pub fn cycle(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(LockPair::to_string).collect();
        steps.join("->")
    }

    /// What makes two of them the same.
    fn key(&self) -> (bool, Vec<Key<'_>>) {
        (
            self.needs_writer,
            self.steps.iter().map(LockPair::key).collect(),
        )
    }
}

impl fmt::Display for PotentialDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, locks) = (self.kind(), self.steps.len());
        write!(f, "lock.order kind={kind} locks={locks} cycle=")?;
        logfmt::write_value(f, &self.cycle())?;
        write!(f, " needs_writer={}", self.needs_writer)
    }
}

/// Sorts pairs, and adds up equal ones. Of those, the smallest places stay.
pub(crate) fn normalize_pairs(pairs: &mut Vec<LockPair>) {
    pairs.sort_unstable_by(|a, b| a.key().cmp(&b.key()).then_with(|| a.cmp(b)));
    pairs.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            kept.count = kept.count.saturating_add(next.count);
        }
        is_same
    });
    pairs.truncate(MOST);
}

/// Sorts potential deadlocks, and leaves one of those that are the same.
pub(crate) fn normalize(potential: &mut Vec<PotentialDeadlock>) {
    potential.retain(|potential| !potential.steps.is_empty());
    potential.sort_unstable_by(|a, b| a.key().cmp(&b.key()).then_with(|| a.cmp(b)));
    potential.dedup_by(|next, kept| next.key() == kept.key());
    let mut steps = 0;
    let kept = potential.iter().take_while(|potential| {
        steps += potential.steps.len();
        steps <= MOST
    });
    let kept = kept.count();
    potential.truncate(kept);
}

/// The pairs of both.
pub(crate) fn merge_pairs(mut pairs: Vec<LockPair>, others: &[LockPair]) -> Vec<LockPair> {
    if !others.is_empty() {
        pairs.extend_from_slice(others);
        normalize_pairs(&mut pairs);
    }
    pairs
}

/// The potential deadlocks of both.
pub(crate) fn merge(
    mut potential: Vec<PotentialDeadlock>,
    others: &[PotentialDeadlock],
) -> Vec<PotentialDeadlock> {
    if !others.is_empty() {
        potential.extend_from_slice(others);
        normalize(&mut potential);
    }
    potential
}
