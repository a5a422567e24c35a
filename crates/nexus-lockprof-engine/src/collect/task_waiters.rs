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
use nexus_lockprof_snapshot::{Holder, Lock};
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
///
/// A future that was given a lock and then forgotten stays in the table. Its lock's memory may have
/// become another lock. That one has another class, or has had another holder since the wait began.
/// A wait that began before the lock was given proves that it is the same lock.
pub(super) fn hold_what_they_were_given(waits: &mut [Wait]) {
    let mut holders: HashMap<u64, (Lock, Holder)> = HashMap::new();
    for Wait { waiter, .. } in waits.iter().filter(|wait| wait.waiter.handed) {
        let Some(holder) = &waiter.holder else {
            continue;
        };
        // Among several readers, the last to come.
        let later = |(_, other): &(Lock, Holder)| holder.held_ns < other.held_ns;
        if holders.get(&waiter.address).is_none_or(later) {
            let given = (waiter.lock.clone(), holder.clone());
            holders.insert(waiter.address, given);
        }
    }
    if holders.is_empty() {
        return;
    }
    for wait in waits.iter_mut().filter(|wait| !wait.waiter.handed) {
        let Some((lock, holder)) = holders.get(&wait.waiter.address) else {
            continue;
        };
        let waited_ns = wait.waiter.waited_ns;
        let came_before = holder.held_ns.is_some_and(|held_ns| waited_ns >= held_ns);
        let may_hold = came_before || !(wait.is_read && wait.has_changed);
        if *lock == wait.waiter.lock && may_hold {
            wait.waiter.holder = Some(holder.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::wait::WaitId;
    use crate::record::waiting::WaitKind;
    use nexus_lockprof_snapshot::{AcquireMode, Site, Waiter};

    fn holder(line: u32, held_ns: Option<u64>) -> Holder {
        Holder {
            thread: None,
            exited: false,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/main.rs", line, 1),
            held_ns,
        }
    }

    /// A task that waits for the lock at one address.
    fn wait(name: &str, waited_ns: u64, holder: Holder) -> Wait {
        Wait {
            id: WaitId {
                token: None,
                number: 0,
            },
            kind: WaitKind::Limited,
            is_read: true,
            is_only: true,
            has_changed: false,
            waiter: Waiter {
                thread: None,
                lock: Lock::Named(name.into()),
                address: 64,
                mode: AcquireMode::Exclusive,
                site: Site::new("src/main.rs", 9, 1),
                waited_ns,
                handed: false,
                holder: Some(holder),
            },
        }
    }

    #[test]
    fn a_forgotten_future_holds_no_other_lock_in_its_place() {
        let mut handed = wait("lock", 500, holder(1, Some(300)));
        handed.waiter.handed = true;
        for (name, waited_ns, has_changed, held_at) in [
            ("lock", 400, false, 1),
            // It waited when the lock was given.
            ("lock", 400, true, 1),
            ("lock", 200, false, 1),
            ("lock", 200, true, 2),
            ("other", 200, false, 2),
        ] {
            let mut behind = wait(name, waited_ns, holder(2, None));
            behind.has_changed = has_changed;
            let mut waits = [handed.clone(), behind];
            hold_what_they_were_given(&mut waits);
            let at = waits.map(|wait| wait.waiter.holder.map(|holder| holder.site.line));
            assert_eq!(
                at,
                [Some(1), Some(held_at)],
                "{name} {waited_ns} {has_changed}"
            );
        }
    }
}
