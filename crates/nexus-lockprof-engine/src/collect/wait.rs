//! A wait as collections see it.

use crate::collect::asleep;
use crate::record::waiting::WaitKind;
use nexus_lockprof_snapshot::Waiter;

/// A wait in progress, which no other has the number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WaitId {
    /// The thread's number in the process; 0 if it is not known. `None` for a task.
    pub(crate) token: Option<u64>,
    /// Which wait of the thread's shard, or of all tasks.
    pub(crate) number: u64,
}

/// A wait in progress.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) id: WaitId,
    pub(crate) kind: WaitKind,
    /// Whether the holder is what the lock says now, and not what it said when the wait began.
    pub(crate) is_read: bool,
    /// Whether no other thread has had the number by which the lock names the holder.
    pub(crate) is_only: bool,
    /// Whether the lock has said something else since the wait began.
    pub(crate) has_changed: bool,
    pub(crate) waiter: Waiter,
}

/// Reads waits and threads. Tests answer for the system.
pub(crate) trait Look {
    /// The waits in progress, in any order.
    fn waits(&self) -> Vec<Wait>;

    /// The numbers of the threads that use locks.
    fn threads(&self) -> Vec<u64>;

    /// Those of all but the calling thread.
    fn others(&self) -> Vec<u64> {
        let mut threads = self.threads();
        threads.retain(|&thread| thread != asleep::this_thread());
        threads
    }

    /// Whether the system tells what the functions below ask.
    fn system_tells(&self) -> bool {
        asleep::system_tells()
    }

    /// Whether a thread sleeps.
    fn is_asleep(&self, thread: u64) -> bool {
        asleep::is_asleep(thread)
    }

    /// For how many nanoseconds a thread has had a processor.
    fn run_ns(&self, thread: u64) -> Option<u64> {
        asleep::run_ns(thread)
    }
}
