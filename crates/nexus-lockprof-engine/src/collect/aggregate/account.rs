//! What is subtracted at a reset beside the points: losses, and what the profiler itself took.

use crate::record::shard::{self, Loss};
use nexus_lockprof_snapshot as snapshot;
use snapshot::Overhead;

/// What counting took, charged by increments: each collection's acquisitions at the cost known by then. Otherwise
/// the clock's calibration would charge a whole stretch in mode `Counts` to the interval in which it happens.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// Acquisitions that were charged.
    acquisitions: u64,
    total_ps: u128,
}

impl Counting {
    /// There are now `acquisitions` in all, and one of the new ones took `each_ps` picoseconds. Nanoseconds of all.
    pub(super) fn charge(&mut self, acquisitions: u64, each_ps: u64) -> u64 {
        let new = acquisitions.saturating_sub(self.acquisitions);
        self.acquisitions = acquisitions;
        self.total_ps += u128::from(new) * u128::from(each_ps);
        u64::try_from(self.total_ps / 1_000).unwrap_or(u64::MAX)
    }
}

/// What has been added since `before`.
pub(super) fn overhead_since(now: Overhead, before: Overhead) -> Overhead {
    Overhead {
        budgeted_ns: now.budgeted_ns.saturating_sub(before.budgeted_ns),
        counting_ns: now.counting_ns.saturating_sub(before.counting_ns),
        threads_ns: now.threads_ns.saturating_sub(before.threads_ns),
    }
}

/// What an engine or a shard has lost until now.
pub(super) fn losses(losses: &shard::Losses) -> snapshot::Losses {
    snapshot::Losses {
        points_full: losses.get(Loss::PointsFull),
        shards_full: losses.get(Loss::ShardsFull),
        reentrant: losses.get(Loss::Reentrant),
        thread_exit: losses.get(Loss::ThreadExit),
        memory: losses.get(Loss::Memory),
        guards: losses.get(Loss::Guards),
        stacks: losses.get(Loss::Stacks),
    }
}

pub(super) fn add_losses(sum: &mut snapshot::Losses, more: snapshot::Losses) {
    sum.points_full += more.points_full;
    sum.shards_full += more.shards_full;
    sum.reentrant += more.reentrant;
    sum.thread_exit += more.thread_exit;
    sum.memory += more.memory;
    sum.guards += more.guards;
    sum.stacks += more.stacks;
}

pub(super) fn subtract_losses(sum: &mut snapshot::Losses, less: &snapshot::Losses) {
    sum.points_full = sum.points_full.saturating_sub(less.points_full);
    sum.shards_full = sum.shards_full.saturating_sub(less.shards_full);
    sum.reentrant = sum.reentrant.saturating_sub(less.reentrant);
    sum.thread_exit = sum.thread_exit.saturating_sub(less.thread_exit);
    sum.memory = sum.memory.saturating_sub(less.memory);
    sum.guards = sum.guards.saturating_sub(less.guards);
    sum.stacks = sum.stacks.saturating_sub(less.stacks);
}
