//! Who waits at this moment, and who holds what they wait for.
//!
//! A thread that parks has said so in its shard. The lock's own word, which names its holder, is
//! read through the system ([`memory`](super::memory)), because the lock may be gone by then. What
//! was read counts only if the wait still goes on afterwards: then the lock existed all along.
//!
//! The lock publishes a holder when it is acquired, and nothing when it is released. So between a
//! release and the next holder's word, the old one is named for a moment. A holder is named only if
//! two readings agree.
//!
//! [Tasks](super::task_waiters) that wait are in a table of their own.

use crate::acquire::thread;
use crate::collect::wait::{Look, Wait, WaitId};
use crate::collect::{memory, task_waiters};
use crate::core::Core;
use crate::identity::{SiteKey, ThreadBits, to_site};
use crate::record::task_slot::TaskSlot;
use crate::record::thread_info::ThreadId;
use crate::record::waiting::{WaitKind, WaitSlot, Waiting};
use nexus_lockprof_snapshot::{AcquireMode, Holder, Site, Waiter};
use std::collections::{HashMap, HashSet};

/// A wait that was seen.
struct Seen<'a> {
    slot: &'a WaitSlot,
    seq: u64,
    waiting: Waiting,
    task: Option<&'a TaskSlot>,
    thread: Option<ThreadId>,
    /// The published word, if it could be read.
    holder: Option<usize>,
    /// Whether it was, and cannot be from before the profiler was off.
    is_read: bool,
}

/// The threads that have a shard, by the number that locks publish.
#[derive(Debug, Default)]
struct Threads {
    /// Those from before the words were read.
    before: HashSet<ThreadBits>,
    /// Those from after it. `None` stands for several.
    after: HashMap<ThreadBits, Option<ThreadId>>,
    /// How many threads have had a number.
    started: u64,
}

impl Threads {
    fn thread(&self, bits: ThreadBits) -> Option<ThreadId> {
        self.after.get(&bits).copied().flatten()
    }

    /// Whether the thread that the word names is the only one that ever had its number.
    fn is_only(&self, word: Option<usize>) -> bool {
        let bits = ThreadBits::from_published(word.unwrap_or_default());
        let token = self.thread(bits).map(|thread| thread.token);
        token.is_none_or(|token| ThreadBits::is_only(token, self.started))
    }

    /// Whether the thread ended before the words were read. One that ended since may have released
    /// its lock before that.
    fn had_ended(&self, bits: ThreadBits) -> bool {
        let is_known = bits != ThreadBits::UNKNOWN;
        is_known && !self.before.contains(&bits) && !self.after.contains_key(&bits)
    }
}

impl Look for Core {
    fn waits(&self) -> Vec<Wait> {
        let mut seen: Vec<Seen<'_>> = Vec::new();
        for shard in self.shards.iter() {
            let Some((seq, waiting)) = shard.waiting.read() else {
                continue;
            };
            let thread = shard.thread.read();
            seen.push(Seen {
                slot: &shard.waiting,
                seq,
                waiting,
                task: None,
                thread,
                holder: None,
                is_read: false,
            });
        }
        let threads_seen = seen.len();
        for (seq, waiting, task) in task_waiters::waits(self) {
            seen.push(Seen {
                slot: &task.wait,
                seq,
                waiting,
                task: Some(task),
                thread: None,
                holder: None,
                is_read: false,
            });
        }
        if seen.is_empty() {
            return Vec::new();
        }
        let before = self.living().map(|thread| thread.bits()).collect();
        let first = holders(&seen);
        let again = holders(&seen);
        for (seen, (first, again)) in seen.iter_mut().zip(first.into_iter().zip(again)) {
            seen.is_read = first.is_some() && !self.since_off.names_may_be_old();
            seen.holder = match (first, again) {
                // The system does not tell. It is the holder that was met, unless the lock has
                // changed hands since.
                (None, None) => Some(seen.waiting.first_holder),
                _ => first.filter(|_| first == again),
            };
        }
        if seen.len() > threads_seen {
            let places = task_waiters::places(self);
            for seen in seen.iter_mut().filter(|seen| seen.task.is_some()) {
                let is_place = |word: &usize| places.contains(&ThreadBits::left_out_of(*word));
                seen.holder = seen.holder.filter(is_place);
            }
        }
        // After all readings.
        seen.retain(|seen| seen.slot.is_still(seen.seq));
        let mut threads = Threads {
            before,
            after: HashMap::new(),
            started: thread::tokens(),
        };
        for thread in self.living() {
            let several = threads.after.contains_key(&thread.bits());
            let thread_of = (!several).then_some(thread);
            threads.after.insert(thread.bits(), thread_of);
        }
        let now_ns = self.clock.coarse_ns();
        let waits = seen.iter().filter_map(|seen| {
            let wait = Wait {
                id: id(seen),
                kind: seen.waiting.kind,
                is_read: seen.is_read,
                is_only: threads.is_only(seen.holder),
                has_changed: seen.holder != Some(seen.waiting.first_holder),
                waiter: self.waiter(seen, &threads, now_ns),
            };
            // That a task was given the lock was read only now.
            seen.slot.is_still(seen.seq).then_some(wait)
        });
        let mut waits: Vec<Wait> = waits.collect();
        task_waiters::hold_what_they_were_given(&mut waits);
        waits
    }

    fn threads(&self) -> Vec<u64> {
        self.living().map(|thread| thread.to_thread().id).collect()
    }
}

impl Core {
    /// The threads that have a shard.
    fn living(&self) -> impl Iterator<Item = ThreadId> {
        self.shards.iter().filter_map(|shard| shard.thread.read())
    }

    fn waiter(&self, seen: &Seen<'_>, threads: &Threads, now_ns: u64) -> Waiter {
        let Waiting {
            key,
            lock,
            since_ns,
            ..
        } = seen.waiting;
        let handed = seen
            .task
            .and_then(|task| task_waiters::handed(task, key.site(), now_ns));
        let named = || {
            let holder = self.named(seen, seen.holder?, threads)?;
            // A task's guard goes to another thread with it.
            let stays = seen.task.is_none() && seen.waiting.kind != WaitKind::Movable;
            let exited = holder.exited && stays;
            Some(Holder { exited, ..holder })
        };
        Waiter {
            thread: seen.thread.map(ThreadId::to_thread),
            lock: key.class().to_lock(),
            address: lock as u64,
            mode: key.site().mode().into(),
            site: to_site(key.site().location()),
            waited_ns: now_ns.saturating_sub(since_ns),
            handed: handed.is_some(),
            holder: handed.or_else(named),
        }
    }

    /// The holder that a word names to the waiter.
    fn named(&self, seen: &Seen<'_>, word: usize, threads: &Threads) -> Option<Holder> {
        // SAFETY: a lock that existed published the word, or it is the place of a point: see the
        // modules.
        let site = unsafe { SiteKey::from_published(word) }?;
        let mode = AcquireMode::from(site.mode());
        if seen.waiting.kind == WaitKind::Upgrade && mode != AcquireMode::Shared {
            // It is the waiter's own hold. Others can only be readers.
            return Some(Holder {
                thread: None,
                exited: false,
                mode: AcquireMode::Shared,
                site: Site::readers(),
                held_ns: None,
            });
        }
        // While the profiler was off, nobody published anything.
        self.known_holder(seen.waiting.key, site)?;
        let bits = ThreadBits::from_published(word);
        // Of several readers it may be another one that stays, and a word from the beginning of the
        // wait may be old.
        let is_sure = mode != AcquireMode::Shared && seen.is_read;
        let exited = is_sure && threads.had_ended(bits) && !self.has_threads_without_shard();
        Some(Holder {
            thread: threads.thread(bits).map(ThreadId::to_thread),
            exited,
            mode,
            site: to_site(site.location()),
            held_ns: None,
        })
    }

    /// Whether a living thread may be unknown.
    fn has_threads_without_shard(&self) -> bool {
        let lost = self.losses.read();
        lost.shards_full != 0 || lost.memory != 0
    }
}

fn id(seen: &Seen<'_>) -> WaitId {
    match seen.task {
        Some(task) => WaitId {
            token: None,
            number: task.number(),
        },
        None => WaitId {
            token: Some(seen.thread.map_or(0, |thread| thread.token)),
            number: seen.seq,
        },
    }
}

/// What the locks publish, in the order of those who wait for them.
fn holders(seen: &[Seen<'_>]) -> Vec<Option<usize>> {
    let addresses: Vec<usize> = seen.iter().map(|seen| seen.waiting.holder_at).collect();
    memory::words(&addresses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::HoldMode;

    /// A number comes again after 65,535 threads, and the thread that had it may hold the lock.
    #[test]
    fn a_thread_that_shares_its_number_is_not_the_only_one() {
        let of = |token, started| {
            let thread = ThreadId {
                token,
                ..ThreadId::default()
            };
            let threads = Threads {
                before: HashSet::new(),
                after: HashMap::from([(thread.bits(), Some(thread))]),
                started,
            };
            let here = SiteKey::new(std::panic::Location::caller(), HoldMode::Exclusive);
            threads.is_only(Some(here.to_published(thread.bits())))
        };
        assert!(of(7, 7) && of(7, 65_541) && of(65_535, 65_535));
        assert!(!of(7, 65_542), "another one has had it since");
        assert!(!of(65_542, 65_542), "another one had it before");
    }

    #[test]
    fn a_thread_that_ends_while_words_are_read_has_not_ended() {
        let [early, late, old] = [1, 2, 3].map(ThreadBits::of);
        let threads = Threads {
            before: HashSet::from([early]),
            after: HashMap::from([(late, None)]),
            started: 3,
        };
        let ended = [early, late, old, ThreadBits::UNKNOWN].map(|bits| threads.had_ended(bits));
        assert_eq!(ended, [false, false, true, false]);
    }
}
