//! Waits that may be a deadlock, until the other threads have run.
//!
//! A collection that doubts waits notes how long each thread has run. It does not wait for them. A
//! later one asks the system again: see [`deadlocks`](super::deadlocks).

use crate::collect::wait::{Look, Wait, WaitId};
use nexus_lockprof_snapshot::Holder;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long the other threads have to run, at least.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Waits that a collection doubted.
#[derive(Debug)]
pub(super) struct Doubt {
    since: Instant,
    waits: HashMap<WaitId, Doubted>,
    /// The threads that neither slept nor have run since, and how long each had run then.
    left: Vec<(u64, Option<u64>)>,
    /// Whether the system told that.
    is_told: bool,
}

#[derive(Debug)]
struct Doubted {
    thread: Option<u64>,
    holder: Option<Holder>,
}

/// The doubted waits whose threads sleep, after all others have run or sleep.
#[derive(Debug)]
pub(super) struct Settled {
    asleep: HashMap<WaitId, Option<Holder>>,
    /// Whether the system told that.
    pub(super) is_sure: bool,
}

impl Doubt {
    /// Doubts these waits from now on.
    pub(super) fn new<'a>(waits: impl Iterator<Item = &'a Wait>, look: &impl Look) -> Self {
        let doubted = |Wait { id, waiter, .. }: &Wait| {
            let thread = waiter.thread.as_ref().map(|thread| thread.id);
            let holder = waiter.holder.clone();
            (*id, Doubted { thread, holder })
        };
        let is_told = look.system_tells();
        let left = match is_told {
            true => look.others(),
            false => Vec::new(),
        };
        Doubt {
            since: Instant::now(),
            waits: waits.map(doubted).collect(),
            left: left
                .into_iter()
                .map(|thread| (thread, look.run_ns(thread)))
                .collect(),
            is_told,
        }
    }

    /// The doubted waits.
    pub(super) fn ids(&self) -> impl Iterator<Item = WaitId> {
        self.waits.keys().copied()
    }

    /// Asks the system about the threads. `None` if not all the others have run.
    pub(super) fn settle(&mut self, look: &impl Look) -> Option<Settled> {
        if self.since.elapsed() < PAUSE {
            return None;
        }
        self.left.retain(|&(thread, before)| {
            before.is_some() && look.run_ns(thread) == before && !look.is_asleep(thread)
        });
        if !self.left.is_empty() {
            return None;
        }
        let sleeps = |thread: u64| !self.is_told || look.is_asleep(thread);
        let asleep = self.waits.iter();
        let asleep = asleep.filter(|(_, wait)| wait.thread.is_some_and(sleeps));
        Some(Settled {
            asleep: asleep
                .map(|(&id, wait)| (id, wait.holder.clone()))
                .collect(),
            is_sure: self.is_told && look.system_tells(),
        })
    }
}

impl Settled {
    /// Whether a wait, read after all that, still goes on in the same way.
    pub(super) fn has(&self, wait: &Wait) -> bool {
        self.asleep.get(&wait.id) == Some(&wait.waiter.holder)
    }
}
