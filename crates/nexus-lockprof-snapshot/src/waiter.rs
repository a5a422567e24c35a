//! [`Waiter`]: who waits for a lock at this moment, and who holds it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::json::{hex, is_default};
use crate::{AcquireMode, Lock, Point, Site, Text, printable};

/// Maximum number of waiters, and of those in all deadlocks together. More than any process has
/// threads and tasks that wait.
pub(crate) const MOST: usize = 1 << 20;

/// A thread of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Thread {
    /// The system's number of the thread, as debuggers show it. On systems other than Linux, the
    /// profiler's own number, counted from 1.
    pub id: u64,
    /// The name; `None` if it has none. Linux keeps its first 15 bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: Option<Text>,
}

/// The name and the number: `worker-3 (4711)`, or `thread 4711`. Safe to print.
///
/// ```
/// use nexus_lockprof_snapshot::Thread;
///
/// let mut thread = Thread { id: 4711, name: Some("worker-3".into()) };
/// assert_eq!(thread.to_string(), "worker-3 (4711)");
/// thread.name = None;
/// assert_eq!(thread.to_string(), "thread 4711");
/// ```
impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({})", printable(name), self.id),
            None => write!(f, "thread {}", self.id),
        }
    }
}

/// A thread or task that waits for a lock at the moment of the snapshot.
///
/// A wait appears here when it is a long one: the thread has parked. See
/// [`Snapshot::waiters`](crate::Snapshot::waiters).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Waiter {
    /// The waiting thread; `None` for a task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub thread: Option<Thread>,
    /// The lock class.
    pub lock: Lock,
    /// Which lock of the class: its address in the process.
    #[serde(with = "hex")]
    pub address: u64,
    /// The mode in which it wants the lock.
    pub mode: AcquireMode,
    /// The place of the waiting `lock()`, `read()`, ... call.
    pub site: Site,
    /// How long it has waited, in nanoseconds of a coarse clock (up to some milliseconds).
    pub waited_ns: u64,
    /// Whether it is a task that was given the lock, and has not been polled since. Then it is the
    /// [holder](Self::holder), also for those who wait behind it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub handed: bool,
    /// Who holds the lock; `None` if that is not known.
    #[serde(default, skip_serializing_if = "is_default")]
    pub holder: Option<Holder>,
}

/// Who holds a lock that is waited for. Among several readers, it is the last to have come, who may
/// have left. To a thread that upgrades its own hold, it is the other readers, as
/// [`Site::readers`] if none is known.
///
/// It is what the lock says at the moment of the snapshot. Where the system does not let the
/// profiler read that (other systems than Linux, or some filters of system calls), it is who held
/// the lock when the wait began.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// The thread that acquired the lock; `None` if that is not known, or for a task.
    #[serde(default, skip_serializing_if = "is_default")]
    pub thread: Option<Thread>,
    /// Whether the thread that acquired the lock has ended. Then nobody is left who could release
    /// it, unless its guard went to another thread. Set once two snapshots agree; a single one
    /// looks twice for waits of at least a second. Never set for readers, nor where the lock could
    /// not be read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exited: bool,
    /// The mode in which it holds the lock.
    pub mode: AcquireMode,
    /// The place of the `lock()`, `read()`, ... call.
    pub site: Site,
    /// How long it has held the lock, in nanoseconds; `None` if this hold is not timed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub held_ns: Option<u64>,
}

impl Waiter {
    /// How long it has waited.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns)
    }

    /// The acquisition point at which it waits, with no figures. The snapshot may have none of the
    /// same key: a point has figures once an acquisition or a failed one is over.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Point, Waiter};
    ///
    /// fn labels(waiter: &Waiter) -> [(&'static str, String); 3] {
    ///     waiter.point().labels()
    /// }
    /// ```
    #[must_use]
    pub fn point(&self) -> Point {
        Point::new(self.lock.clone(), self.mode, self.site.clone())
    }

    /// Number of bytes in its texts.
    pub(crate) fn texts_len(&self) -> usize {
        let name = |thread: &Option<Thread>| {
            let name = thread.as_ref().and_then(|thread| thread.name.as_ref());
            name.map_or(0, |name| name.len())
        };
        let of_lock = match &self.lock {
            Lock::Anonymous => 0,
            Lock::Named(name) => name.len(),
            Lock::Created(site) | Lock::FirstUsed(site) => site.file.len(),
        };
        let of_holder = |holder: &Holder| name(&holder.thread) + holder.site.file.len();
        name(&self.thread)
            + of_lock
            + self.site.file.len()
            + self.holder.as_ref().map_or(0, of_holder)
    }
}

/// Sorts waiters, the longest wait first, and keeps as many as a reader takes.
pub(crate) fn normalize(waiters: &mut Vec<Waiter>) {
    waiters.sort_by(|a, b| b.waited_ns.cmp(&a.waited_ns).then_with(|| a.cmp(b)));
    waiters.truncate(MOST);
}

/// The waiters of both. Whoever is dropped here would be dropped in any other order, too.
pub(crate) fn merge(mut waiters: Vec<Waiter>, others: &[Waiter]) -> Vec<Waiter> {
    waiters.extend_from_slice(others);
    if waiters.len() > MOST {
        normalize(&mut waiters);
    }
    waiters
}
