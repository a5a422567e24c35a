//! [`Deadlock`]: threads that wait for one another. [`Stuck`]: a wait that lasts too long.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::is_default;
use crate::{AcquireMode, Holder, Thread, Waiter, logfmt, waiter};

/// Threads that wait for one another in a circle, or one that waits for itself.
///
/// Displays as its marker line, which is a stable interface:
///
/// ```text
/// lock.deadlock threads=N cycle=THREAD@FILE:LINE(LOCK)->... certain=true|false
/// ```
///
/// `THREAD` waits at `FILE:LINE` for `LOCK`, which the next thread of the circle holds; the last
/// one waits for the first. A thread without a name is `#` and its number. The line follows the
/// rules of [`HotLine`](crate::HotLine#the-line-an-interface).
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Deadlock, Holder, Lock, Site, Thread, Waiter};
///
/// let thread = |id, name: &str| Some(Thread { id, name: Some(name.into()) });
/// let wait = |of, lock: &str, line, holder, held_at| Waiter {
///     thread: of,
///     lock: Lock::Named(lock.into()),
///     address: line,
///     mode: AcquireMode::Exclusive,
///     site: Site::new("bank.rs", line as u32, 5),
///     waited_ns: 3_000_000_000,
///     handed: false,
///     holder: Some(Holder {
///         thread: holder,
///         exited: false,
///         mode: AcquireMode::Exclusive,
///         site: Site::new("bank.rs", held_at, 5),
///         held_ns: None,
///     }),
/// };
/// let (transfer, report) = (thread(7, "transfer"), thread(8, "report"));
/// let waiters = [
///     wait(transfer.clone(), "audit", 19, report.clone(), 22),
///     wait(report, "accounts", 24, transfer, 17),
/// ];
/// let [deadlock] = Deadlock::find(&waiters).try_into().expect("one circle");
/// assert_eq!(
///     deadlock.to_string(),
///     "lock.deadlock threads=2 \
///      cycle=transfer@bank.rs:19(audit)->report@bank.rs:24(accounts) certain=true"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deadlock {
    /// Whether it cannot be anything else, as long as guards stay with their threads: not with
    /// parking_lot's `send_guard`, nor where blocking methods of an async lock share it with tasks,
    /// since a release may wake a task that nobody polls. `false` if a lock of the circle is held
    /// by readers: the last of them to come is known, and another one may be the one that is waited
    /// for. `false` also if a thread of the circle waits for a limited time.
    #[serde(default, skip_serializing_if = "is_default")]
    pub certain: bool,
    /// The waits. The thread of each holds the lock that the one before waits for, and that of the
    /// first holds the last one's. Begins with the thread of the smallest number.
    pub waits: Vec<Waiter>,
}

impl Deadlock {
    /// The shortest wait that can be part of a deadlock: 1 s. What a lock says of its holder may be
    /// old for a moment, and shorter waits are no trouble.
    pub const AFTER: Duration = Duration::from_secs(1);

    /// The circles among these waits of one process, that is, those of threads which have each
    /// waited for at least [`AFTER`](Self::AFTER). Sorted by the threads' numbers.
    ///
    /// It knows only the waits. The profiler also asks whether they still go on, and is less
    /// certain for reasons that are not in here. So use
    /// [`Snapshot::deadlocks`](crate::Snapshot::deadlocks).
    #[must_use]
    pub fn find(waits: &[Waiter]) -> Vec<Self> {
        let old_enough = |wait: &&Waiter| wait.waited() >= Self::AFTER;
        let waits: Vec<&Waiter> = waits.iter().filter(old_enough).collect();
        let of_thread: HashMap<u64, usize> = waits
            .iter()
            .enumerate()
            .filter_map(|(number, wait)| Some((wait.thread.as_ref()?.id, number)))
            .collect();
        // Each thread waits for one other at most.
        let next = |number: usize| {
            let holder = waits.get(number)?.holder.as_ref()?;
            of_thread.get(&holder.thread.as_ref()?.id).copied()
        };
        let mut seen_from = vec![None; waits.len()];
        let mut found = Vec::new();
        for start in 0..waits.len() {
            let mut at = Some(start);
            while let Some(number) = at {
                match seen_from.get_mut(number) {
                    Some(from @ None) => *from = Some(start),
                    Some(Some(from)) if *from == start => {
                        found.push(Self::through(number, next, &waits));
                        break;
                    }
                    _ => break,
                }
                at = next(number);
            }
        }
        found.sort();
        found
    }

    /// The circle that this wait is in.
    fn through(first: usize, next: impl Fn(usize) -> Option<usize>, all: &[&Waiter]) -> Self {
        let mut numbers = vec![first];
        let mut at = next(first);
        while let Some(number) = at.filter(|&number| number != first) {
            numbers.push(number);
            at = next(number);
        }
        let waits = numbers.into_iter().filter_map(|number| all.get(number));
        let mut waits: Vec<Waiter> = waits.map(|wait| Waiter::clone(wait)).collect();
        let least = (0..waits.len()).min_by_key(|&at| waits.get(at).map(|wait| &wait.thread));
        waits.rotate_left(least.unwrap_or(0));
        let alone = |wait: &Waiter| {
            let mode = wait.holder.as_ref().map(|holder| holder.mode);
            mode == Some(AcquireMode::Exclusive)
        };
        Self {
            certain: waits.iter().all(alone),
            waits,
        }
    }

    /// Each wait of the circle, with the holder of the lock that it is for.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Deadlock;
    ///
    /// fn tell(deadlock: &Deadlock) {
    ///     for (wait, holder) in deadlock.steps() {
    ///         println!("{} waits for the hold of {}", wait.site, holder.site);
    ///     }
    /// }
    /// ```
    pub fn steps(&self) -> impl Iterator<Item = (&Waiter, &Holder)> {
        let waits = self.waits.iter();
        waits.filter_map(|wait| Some((wait, wait.holder.as_ref()?)))
    }

    /// The circle in its text form: `THREAD@FILE:LINE(LOCK)->...`.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Deadlock;
    ///
    /// assert_eq!(Deadlock::default().cycle(), "");
    /// ```
    #[must_use]
    pub fn cycle(&self) -> String {
        let step = |wait: &Waiter| {
            let thread = name_of(wait.thread.as_ref());
            format!("{thread}@{}({})", wait.site, wait.lock.name())
        };
        let steps: Vec<String> = self.waits.iter().map(step).collect();
        steps.join("->")
    }

    /// The thread that waits for itself, if that is what happens.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Deadlock;
    ///
    /// assert_eq!(Deadlock::default().waits_for_itself(), None);
    /// ```
    #[must_use]
    pub fn waits_for_itself(&self) -> Option<&Waiter> {
        match self.waits.as_slice() {
            [wait] => Some(wait),
            _ => None,
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lock.deadlock threads={} cycle=", self.waits.len())?;
        logfmt::write_value(f, &self.cycle())?;
        write!(f, " certain={}", self.certain)
    }
}

/// A wait that lasts too long, or whose lock nobody is left to release.
///
/// Displays as its marker line, which is a stable interface:
///
/// ```text
/// lock.stuck lock=NAME site=FILE:LINE thread=NAME waited_ms=N holder_site=FILE:LINE holder_thread=NAME
/// ```
///
/// A thread without a name is `#` and its number. `thread` is `(task)` for a task. The holder's
/// fields are `?` if it is not known, and `holder_thread` is `(exited)` if the thread that acquired
/// the lock has ended. The line follows the rules of
/// [`HotLine`](crate::HotLine#the-line-an-interface).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stuck {
    /// The wait.
    pub wait: Waiter,
}

impl Stuck {
    /// How long a wait goes on by default before it counts as stuck: 10 s.
    pub const AFTER: Duration = Duration::from_secs(10);
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = &self.wait;
        f.write_str("lock.stuck lock=")?;
        logfmt::write_value(f, &wait.lock.name())?;
        f.write_str(" site=")?;
        logfmt::write_value(f, &wait.site.to_string())?;
        f.write_str(" thread=")?;
        match &wait.thread {
            None => f.write_str("(task)")?,
            thread => logfmt::write_value(f, &name_of(thread.as_ref()))?,
        }
        write!(f, " waited_ms={}", wait.waited().as_millis())?;
        f.write_str(" holder_site=")?;
        match &wait.holder {
            None => f.write_str("? holder_thread=?"),
            Some(holder) => {
                logfmt::write_value(f, &holder.site.to_string())?;
                f.write_str(" holder_thread=")?;
                match holder.exited {
                    true => f.write_str("(exited)"),
                    false => logfmt::write_value(f, &name_of(holder.thread.as_ref())),
                }
            }
        }
    }
}

/// Keeps deadlocks with as many waits as a reader takes, and sorts them. Those with the fewest
/// waits stay, and of these the longest. So the order in which others were dropped before makes no
/// difference.
pub(crate) fn normalize(deadlocks: &mut Vec<Deadlock>) {
    bound(deadlocks, waiter::MOST);
    deadlocks.sort();
}

/// The deadlocks of both.
pub(crate) fn merge(mut deadlocks: Vec<Deadlock>, others: &[Deadlock]) -> Vec<Deadlock> {
    deadlocks.extend_from_slice(others);
    bound(&mut deadlocks, waiter::MOST);
    deadlocks
}

fn bound(deadlocks: &mut Vec<Deadlock>, most: usize) {
    // One without waits is none, but takes room.
    let size = |deadlock: &Deadlock| deadlock.waits.len().max(1);
    if deadlocks.iter().map(size).sum::<usize>() <= most {
        return;
    }
    let longest = |deadlock: &Deadlock| deadlock.waits.iter().map(|wait| wait.waited_ns).max();
    deadlocks.sort_by(|a, b| {
        let by_size = size(a).cmp(&size(b));
        let by_wait = by_size.then_with(|| longest(b).cmp(&longest(a)));
        by_wait.then_with(|| a.cmp(b))
    });
    let mut waits = 0;
    let kept = deadlocks.iter().take_while(|deadlock| {
        waits += size(deadlock);
        waits <= most
    });
    let kept = kept.count();
    deadlocks.truncate(kept);
}

/// The waits that are stuck and in no deadlock: see [`Snapshot::stuck`](crate::Snapshot::stuck).
pub(crate) fn stuck<'a>(
    waiters: &'a [Waiter],
    deadlocks: &[Deadlock],
    after: Duration,
) -> Vec<&'a Waiter> {
    let in_circle = |wait: &Waiter| {
        let mut circles = deadlocks.iter();
        circles.any(|deadlock| deadlock.waits.contains(wait))
    };
    let is_left = |wait: &Waiter| {
        // Another reader may be left.
        let has_left = |holder: &Holder| holder.exited && holder.mode != AcquireMode::Shared;
        let exited = wait.holder.as_ref().is_some_and(has_left);
        wait.waited() >= after || (exited && wait.waited() >= Deadlock::AFTER)
    };
    let waiters = waiters.iter();
    let stuck = waiters.filter(|wait| is_left(wait) && !in_circle(wait));
    stuck.collect()
}

/// The thread in a marker line.
fn name_of(thread: Option<&Thread>) -> String {
    match thread {
        None => "?".to_owned(),
        Some(Thread {
            name: Some(name), ..
        }) => name.to_string(),
        Some(Thread { id, name: None }) => format!("#{id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lock, Site};

    fn of(waited_ns: &[u64]) -> Deadlock {
        let wait = |waited_ns: &u64| Waiter {
            thread: None,
            lock: Lock::Anonymous,
            address: 1,
            mode: AcquireMode::Exclusive,
            site: Site::new("a.rs", 1, 1),
            waited_ns: *waited_ns,
            handed: false,
            holder: None,
        };
        Deadlock {
            certain: true,
            waits: waited_ns.iter().map(wait).collect(),
        }
    }

    #[test]
    fn the_order_of_merges_does_not_matter_for_which_deadlocks_stay() {
        let parts = [
            vec![of(&[9, 9, 9]), of(&[1])],
            vec![of(&[2, 3]), of(&[8, 1])],
            vec![of(&[5]), of(&[])],
        ];
        let expected = [of(&[5]), of(&[1]), of(&[]), of(&[8, 1])];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut all = Vec::new();
            for part in order {
                all.extend_from_slice(&parts[part]);
                bound(&mut all, 6);
            }
            assert_eq!(all, expected);
        }
    }
}
