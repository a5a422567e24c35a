//! Who waits for one another, and what is stuck.
//!
//! A lock says who acquired it last. That is its holder, or the holder before, if that one has
//! released it and the next has not published itself yet. So a circle of waits alone proves
//! nothing. It is a deadlock if each of its threads
//!
//! - has waited for at least a second. It published what it holds before that, and nobody has
//!   published anything there since. So nobody has acquired the lock since, except a thread that
//!   has not come from its acquisition to its next store for all that time;
//! - sleeps. If its lock had been released, the release would have woken it. Without this check, a
//!   process that was stopped for a while would look stuck: the one who was woken has not run yet;
//! - is still in the same wait after that, at a lock that still says the same, after every other
//!   thread has run for a moment or sleeps. Whoever had just acquired a lock has come to its store.
//!
//! If the system does not tell who sleeps and who has run, the deadlock is a possible one.
//!
//! The last two are asked only about waits that were not confirmed before, and nobody waits for the
//! answer under the lock of collections: a collection [doubts](super::doubt) waits, and a later one
//! confirms them. Where nobody has doubted them yet, a snapshot first lets the others run
//! ([`let_others_run`](crate::core::Core::let_others_run)).

use crate::collect::doubt::{Doubt, Settled};
use crate::collect::wait::{Look, Wait, WaitId};
use crate::config::Config;
use crate::event::Event;
use crate::record::waiting::WaitKind;
use nexus_lockprof_snapshot::{AcquireMode, Deadlock, Holder, Stuck, Waiter};
use std::collections::{HashMap, HashSet};

/// What collections remember of the waits that still go on.
#[derive(Default)]
pub(crate) struct Watch {
    /// Waits in circles that are deadlocks, and those for a holder that has exited.
    confirmed: HashMap<WaitId, Confirmed>,
    /// Waits in circles that the last collection did not confirm.
    doubted: HashSet<WaitId>,
    /// Waits for the others to run.
    doubt: Option<Doubt>,
    /// Waits for which the others were let run once, and which were not confirmed then.
    tried: HashSet<WaitId>,
    /// Waits in deadlocks that events have told.
    deadlocked: HashSet<WaitId>,
    /// Other waits that events have told.
    stuck: HashSet<WaitId>,
}

/// A wait that goes on after all other threads have run or sleep.
struct Confirmed {
    holder: Option<Holder>,
    /// Whether the system told that they do.
    is_sure: bool,
}

/// A deadlock, and its waits.
pub(crate) struct Found {
    pub(crate) deadlock: Deadlock,
    ids: Vec<WaitId>,
}

impl Watch {
    /// The waits, and the deadlocks among them.
    pub(crate) fn find(&mut self, look: &impl Look) -> (Vec<Wait>, Vec<Found>) {
        let (mut waits, mut found) = self.compare(look);
        let certain = waits.iter().filter(|wait| self.has_confirmed(wait));
        let certain: HashSet<WaitId> = certain.map(|wait| wait.id).collect();
        self.doubted = ids(&found);
        found.retain(|found| found.ids.iter().all(|id| certain.contains(id)));
        let is_sure = |id| self.confirmed.get(id).is_some_and(|wait| wait.is_sure);
        for found in &mut found {
            found.deadlock.certain &= found.ids.iter().all(is_sure);
        }
        for id in ids(&found) {
            self.doubted.remove(&id);
        }
        // Its holder may have released the lock before it ended, while the next one, who was woken,
        // has not run yet.
        for Wait { id, waiter, .. } in &mut waits {
            if let Some(holder) = &mut waiter.holder {
                holder.exited &= certain.contains(id);
            }
        }
        (waits, found)
    }

    /// Looks without telling. Returns whether a pause, in which other threads run, may confirm old
    /// waits that it did not confirm before.
    pub(crate) fn wants_pause(&mut self, look: &impl Look) -> bool {
        let (waits, _) = self.compare(look);
        let is_old = |wait: &&Wait| wait.waiter.waited() >= Deadlock::AFTER;
        let old: HashSet<WaitId> = waits.iter().filter(is_old).map(|wait| wait.id).collect();
        let doubted = self.doubt.iter().flat_map(Doubt::ids);
        let mut new = doubted.filter(|id| old.contains(id) && !self.tried.contains(id));
        new.next().is_some()
    }

    /// Enough pauses: what is doubted now is left to later collections.
    pub(crate) fn stop_pauses(&mut self) {
        self.tried.extend(self.doubt.iter().flat_map(Doubt::ids));
    }

    /// Confirms what was doubted before, and doubts what is new. Returns the waits, and the circles
    /// among them, confirmed or not.
    fn compare(&mut self, look: &impl Look) -> (Vec<Wait>, Vec<Found>) {
        let settled = self.doubt.as_mut().and_then(|doubt| doubt.settle(look));
        // After all that.
        let waits = look.waits();
        if let Some(settled) = settled {
            self.confirm(&settled, &waits);
        }
        let here: HashSet<WaitId> = waits.iter().map(|wait| wait.id).collect();
        self.confirmed.retain(|id, _| here.contains(id));
        for kept in [&mut self.deadlocked, &mut self.stuck, &mut self.tried] {
            kept.retain(|id| here.contains(id));
        }
        if let Some(doubt) = &self.doubt
            && !doubt.ids().any(|id| here.contains(&id))
        {
            self.doubt = None;
        }
        let found = circles(&waits);
        if self.doubt.is_none() {
            let in_circles = ids(&found);
            let matters = |wait: &&Wait| in_circles.contains(&wait.id) || is_left(&wait.waiter);
            let doubtful = waits.iter().filter(matters);
            let doubtful = doubtful.filter(|wait| !self.has_confirmed(wait));
            let mut doubtful = doubtful.peekable();
            if doubtful.peek().is_some() {
                self.doubt = Some(Doubt::new(doubtful, look));
            }
        }
        (waits, found)
    }

    /// Remembers those of the waits that still go on in the same way.
    fn confirm(&mut self, settled: &Settled, waits: &[Wait]) {
        for wait in waits.iter().filter(|wait| settled.has(wait)) {
            let holder = wait.waiter.holder.clone();
            let is_sure = settled.is_sure;
            let confirmed = Confirmed { holder, is_sure };
            self.confirmed.insert(wait.id, confirmed);
        }
        self.tried
            .extend(self.doubt.take().iter().flat_map(Doubt::ids));
    }

    fn has_confirmed(&self, wait: &Wait) -> bool {
        let confirmed = self.confirmed.get(&wait.id);
        confirmed.is_some_and(|confirmed| confirmed.holder == wait.waiter.holder)
    }

    /// Adds an event for each deadlock and each stuck wait that none was added for.
    pub(crate) fn tell(
        &mut self,
        waits: &[Wait],
        found: &[Found],
        config: &Config,
        events: &mut Vec<Event>,
    ) {
        for Found { deadlock, ids } in found {
            let before = self.deadlocked.len();
            self.deadlocked.extend(ids);
            if self.deadlocked.len() > before {
                events.push(Event::Deadlock(deadlock.clone()));
            }
        }
        let Some(after) = config.stuck else { return };
        let in_circles = ids(found);
        for wait in waits {
            let nobody_left = is_left(&wait.waiter) && wait.waiter.waited() >= Deadlock::AFTER;
            // Whoever may be in a deadlock has as much time again to be found in it.
            let after = match self.doubted.contains(&wait.id) {
                true => after.saturating_mul(2),
                false => after,
            };
            let is_stuck = nobody_left || wait.waiter.waited() >= after;
            if is_stuck && !in_circles.contains(&wait.id) && self.stuck.insert(wait.id) {
                events.push(Event::Stuck(Stuck {
                    wait: wait.waiter.clone(),
                }));
            }
        }
    }
}

/// Whether the thread that acquired the lock has ended.
fn is_left(wait: &Waiter) -> bool {
    let holder = wait.holder.as_ref();
    holder.is_some_and(|holder| holder.exited && holder.mode != AcquireMode::Shared)
}

/// The waits of these circles.
fn ids(found: &[Found]) -> HashSet<WaitId> {
    found.iter().flat_map(|found| &found.ids).copied().collect()
}

/// The circles of waits, confirmed or not.
fn circles(waits: &[Wait]) -> Vec<Found> {
    let known: Vec<Waiter> = waits
        .iter()
        .filter(|wait| is_known(wait))
        .map(|wait| wait.waiter.clone())
        .collect();
    let circles = Deadlock::find(&known).into_iter();
    let found = circles.map(|mut deadlock| {
        let is_in = |wait: &&Wait| deadlock.waits.contains(&wait.waiter);
        let (ids, sure): (Vec<WaitId>, Vec<bool>) = waits
            .iter()
            .filter(is_in)
            .map(|wait| (wait.id, is_sure(wait)))
            .unzip();
        deadlock.certain &= sure.into_iter().all(|sure| sure);
        Found { deadlock, ids }
    });
    found.collect()
}

/// Whether nobody but the holder that is named can end the wait.
fn is_sure(wait: &Wait) -> bool {
    wait.is_read && wait.is_only && wait.kind == WaitKind::Endless
}

/// Whether the holder is who keeps this thread waiting. Who upgrades its own hold waits for
/// readers, whom the lock does not name if none came since.
fn is_known(wait: &Wait) -> bool {
    let holder = wait.waiter.holder.as_ref();
    wait.kind != WaitKind::Upgrade
        || holder.is_some_and(|holder| {
            holder.mode == AcquireMode::Shared || holder.thread != wait.waiter.thread
        })
}

#[cfg(test)]
mod tests;
