//! [`Instance`]: which lock of a class was waited for most.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Lock;
use crate::json::hex;

/// Maximum number of locks in a snapshot.
pub(crate) const MOST: usize = 1 << 10;

/// One lock of a class, and how long threads waited for it.
///
/// Only long waits are told apart by lock: those in which the thread parked, and those of tasks.
/// The times are bounds, because a sketch of bounded size keeps them. Where waits are timed by
/// sample, they are bounds of the estimate. See
/// [`Snapshot::instances`](crate::Snapshot::instances).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instance {
    /// The lock class, with the line that created the lock, if that is known.
    pub lock: Lock,
    /// Which lock of the class: its address in the process. Another lock of the class may have had
    /// the address before.
    #[serde(with = "hex")]
    pub address: u64,
    /// Number of waits, at least: those since the sketch has an entry for the lock.
    pub waits: u64,
    /// The least time waited for it, in nanoseconds.
    pub least_ns: u64,
    /// The most time waited for it, in nanoseconds.
    pub most_ns: u64,
}

impl Instance {
    /// The least time waited for it.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Instance, Lock};
    ///
    /// let instance = Instance {
    ///     lock: Lock::Named("shard".into()),
    ///     address: 0x7f00_1000,
    ///     waits: 3,
    ///     least_ns: 4_000_000,
    ///     most_ns: 5_000_000,
    /// };
    /// assert_eq!(instance.least().as_millis(), 4);
    /// ```
    #[must_use]
    pub const fn least(&self) -> Duration {
        Duration::from_nanos(self.least_ns)
    }

    /// Number of bytes in its texts.
    pub(crate) fn texts_len(&self) -> usize {
        match &self.lock {
            Lock::Anonymous => 0,
            Lock::Named(name) => name.len(),
            Lock::Created(site) | Lock::FirstUsed(site) => site.file.len(),
        }
    }
}

/// Sorts them by the least time, longest first, and keeps those that a snapshot has room for. The
/// others raise `unlisted`, the most that any lock without an entry was waited for.
pub(crate) fn normalize(instances: &mut Vec<Instance>, unlisted: &mut u64) {
    let order = |of: &Instance| Reverse((of.least_ns, of.most_ns, of.waits));
    instances.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.cmp(b)));
    for left_out in instances.iter().skip(MOST) {
        *unlisted = (*unlisted).max(left_out.most_ns);
    }
    instances.truncate(MOST);
    instances.shrink_to_fit();
}

/// Those of two processes, in which one address is two locks.
pub(crate) fn merge(mut instances: Vec<Instance>, others: &[Instance]) -> Vec<Instance> {
    instances.extend_from_slice(others);
    instances
}

/// Those of an interval. `unlisted`: the most that was waited for a lock without an entry before.
pub(crate) fn between(later: &[Instance], earlier: &[Instance], unlisted: u64) -> Vec<Instance> {
    let before: HashMap<(&Lock, u64), &Instance> = earlier
        .iter()
        .map(|instance| ((&instance.lock, instance.address), instance))
        .collect();
    let between = |now: &Instance| {
        let (waits, least_ns, most_ns) = match before.get(&(&now.lock, now.address)) {
            Some(before) => (before.waits, before.least_ns, before.most_ns),
            // Nobody knows how many of its waits came before.
            None if unlisted > 0 => (now.waits, 0, unlisted),
            None => (0, 0, 0),
        };
        Instance {
            waits: now.waits.saturating_sub(waits),
            least_ns: now.least_ns.saturating_sub(most_ns),
            most_ns: now.most_ns.saturating_sub(least_ns),
            ..now.clone()
        }
    };
    let all = later.iter().map(between);
    all.filter(|instance| instance.most_ns > 0).collect()
}

/// The instances of a part of an interval, and the most that was waited for any other lock.
type Part<'a> = (&'a [Instance], u64);

/// Those of both parts of an interval, between which there was a reset.
pub(crate) fn join(before: Part<'_>, after: Part<'_>) -> Vec<Instance> {
    let mut both: HashMap<(&Lock, u64), [Option<&Instance>; 2]> = HashMap::new();
    for (part, (instances, _)) in [before, after].into_iter().enumerate() {
        for instance in instances {
            let parts = both.entry((&instance.lock, instance.address)).or_default();
            if let Some(place) = parts.get_mut(part) {
                *place = Some(instance);
            }
        }
    }
    let unlisted = [before.1, after.1];
    let joined = both.into_iter().map(|((lock, address), parts)| {
        let mut sum = Instance {
            lock: lock.clone(),
            address,
            waits: 0,
            least_ns: 0,
            most_ns: 0,
        };
        for (part, unlisted) in parts.into_iter().zip(unlisted) {
            let [waits, least_ns, most_ns] = match part {
                Some(part) => [part.waits, part.least_ns, part.most_ns],
                None => [0, 0, unlisted],
            };
            sum.waits = sum.waits.saturating_add(waits);
            sum.least_ns = sum.least_ns.saturating_add(least_ns);
            sum.most_ns = sum.most_ns.saturating_add(most_ns);
        }
        sum
    });
    joined.collect()
}
