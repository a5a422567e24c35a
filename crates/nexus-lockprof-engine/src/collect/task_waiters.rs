//! Which tasks wait at this moment, and which were given a lock and have not been polled since.
//!
//! A task's wait ends with its future. A program can forget a future without dropping it, and then
//! free the lock. So what is read at the lock's address may be anything, even if the wait still
//! goes on. It counts only if it is the place of a point.

use crate::collect::wait::Wait;
use crate::core::Core;
use crate::identity::{SiteKey, to_site};
use crate::record::task_slot::{TASKS, TaskSlot};
use crate::record::waiting::Waiting;
use nexus_lockprof_snapshot::Holder;
use std::collections::{HashMap, HashSet};

/// The waits of tasks, each with its number.
pub(super) fn waits(core: &Core) -> impl Iterator<Item = (u64, Waiting, &'static TaskSlot)> {
    TASKS.waits(core.number)
}

/// The places and modes of all points that have a record, as locks publish them.
pub(super) fn places(core: &Core) -> HashSet<usize> {
    let guard = crossbeam_epoch::pin();
    let mut places = HashSet::new();
    for shard in core.shards.iter() {
        shard.table.for_each(&guard, |record| {
            places.insert(record.key.site().0);
        });
    }
    places
}

/// The task at `site` as the holder of the lock that it waits for, if it was given the lock.
pub(super) fn handed(task: &TaskSlot, site: SiteKey, now_ns: u64) -> Option<Holder> {
    let since_ns = task.handed()?;
    Some(Holder {
        thread: None,
        exited: false,
        mode: site.mode().into(),
        site: to_site(site.location()),
        held_ns: (since_ns != 0).then(|| now_ns.saturating_sub(since_ns)),
    })
}

/// Names the tasks that were given a lock as its holders. The lock itself publishes the last task
/// that was polled.
pub(super) fn hold_what_they_were_given(waits: &mut [Wait]) {
    let mut holders: HashMap<u64, Holder> = HashMap::new();
    for Wait { waiter, .. } in waits.iter().filter(|wait| wait.waiter.handed) {
        let Some(holder) = &waiter.holder else {
            continue;
        };
        // Among several readers, the last to come.
        let later = |other: &Holder| holder.held_ns < other.held_ns;
        if holders.get(&waiter.address).is_none_or(later) {
            holders.insert(waiter.address, holder.clone());
        }
    }
    if holders.is_empty() {
        return;
    }
    for Wait { waiter, .. } in waits.iter_mut().filter(|wait| !wait.waiter.handed) {
        if let Some(holder) = holders.get(&waiter.address) {
            waiter.holder = Some(holder.clone());
        }
    }
}
