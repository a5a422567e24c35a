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
//! The last two are asked only about circles that were not confirmed before. That takes
//! [`PAUSE`], or a few of them on a busy machine, in which nobody waits for the collection but
//! another one.

use crate::collect::asleep::{is_asleep, run_ns, system_tells, this_thread};
use crate::collect::wait::{Look, Wait, WaitId};
use crate::config::Config;
use crate::event::Event;
use crate::record::waiting::WaitKind;
use nexus_lockprof_snapshot::{AcquireMode, Deadlock, Holder, Stuck, Waiter};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How long the others have to run before a circle is read again.
const PAUSE: Duration = Duration::from_millis(10);
/// How many times that is. If some of them have not run then, a later collection asks again.
const PAUSES: usize = 20;

/// What collections remember of the waits that still go on.
#[derive(Default)]
pub(crate) struct Watch {
    /// Waits in circles that are deadlocks, and those for a holder that has exited.
    confirmed: HashMap<WaitId, Confirmed>,
    /// Waits in circles that the last collection did not confirm.
    doubted: HashSet<WaitId>,
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
    /// The deadlocks among these waits.
    pub(crate) fn find(&mut self, waits: &[Wait], look: &impl Look) -> Vec<Found> {
        let here: HashSet<WaitId> = waits.iter().map(|wait| wait.id).collect();
        self.confirmed.retain(|id, _| here.contains(id));
        for told in [&mut self.deadlocked, &mut self.stuck] {
            told.retain(|id| here.contains(id));
        }
        let mut found = circles(waits);
        let in_circles = ids(&found);
        let matters = |wait: &&Wait| in_circles.contains(&wait.id) || is_left_behind(&wait.waiter);
        let doubtful = waits.iter().filter(matters);
        let doubtful: Vec<&Wait> = doubtful.filter(|wait| !self.has_confirmed(wait)).collect();
        if !doubtful.is_empty() {
            self.confirm(&doubtful, look);
        }
        let certain = waits.iter().filter(|wait| self.has_confirmed(wait));
        let certain: HashSet<WaitId> = certain.map(|wait| wait.id).collect();
        found.retain(|found| found.ids.iter().all(|id| certain.contains(id)));
        let is_sure = |id| self.confirmed.get(id).is_some_and(|wait| wait.is_sure);
        for found in &mut found {
            found.deadlock.certain &= found.ids.iter().all(is_sure);
        }
        self.doubted = in_circles;
        for id in ids(&found) {
            self.doubted.remove(&id);
        }
        found
    }

    fn has_confirmed(&self, wait: &Wait) -> bool {
        let confirmed = self.confirmed.get(&wait.id);
        confirmed.is_some_and(|confirmed| confirmed.holder == wait.waiter.holder)
    }

    /// Remembers those of the waits that still go on, in the same way, after all other threads have
    /// run or sleep, and whose own threads sleep.
    fn confirm(&mut self, doubtful: &[&Wait], look: &impl Look) {
        let is_told = system_tells();
        match is_told {
            true if !let_others_run(look) => return,
            true => {}
            false => std::thread::sleep(PAUSE),
        }
        let sleeps = |wait: &&&Wait| {
            let thread = wait.waiter.thread.as_ref();
            thread.is_some_and(|thread| !is_told || is_asleep(thread.id))
        };
        let asleep: Vec<&&Wait> = doubtful.iter().filter(sleeps).collect();
        let is_sure = is_told && system_tells();
        // After all that.
        let again = look.waits();
        let again: HashMap<WaitId, &Wait> = again.iter().map(|wait| (wait.id, wait)).collect();
        for wait in asleep {
            let holder = again.get(&wait.id).map(|again| &again.waiter.holder);
            if holder == Some(&wait.waiter.holder) {
                let holder = wait.waiter.holder.clone();
                let confirmed = Confirmed { holder, is_sure };
                self.confirmed.insert(wait.id, confirmed);
            }
        }
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
            let nobody_left = is_left_behind(&wait.waiter) && self.has_confirmed(wait);
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

/// Waits until each thread sleeps or has run. `false` if some do not come to it.
fn let_others_run(look: &impl Look) -> bool {
    let mut threads = look.threads();
    threads.retain(|&thread| thread != this_thread());
    let before = threads.into_iter().map(|thread| (thread, run_ns(thread)));
    let mut left: Vec<(u64, Option<u64>)> = before.collect();
    for _ in 0..PAUSES {
        std::thread::sleep(PAUSE);
        left.retain(|&(thread, before)| {
            before.is_some() && run_ns(thread) == before && !is_asleep(thread)
        });
        if left.is_empty() {
            return true;
        }
    }
    false
}

/// Whether the thread that acquired the lock has ended, long enough ago.
fn is_left_behind(wait: &Waiter) -> bool {
    let holder = wait.holder.as_ref();
    wait.waited() >= Deadlock::AFTER
        && holder.is_some_and(|holder| holder.exited && holder.mode != AcquireMode::Shared)
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
            .map(|wait| (wait.id, wait.is_read && wait.kind == WaitKind::Endless))
            .unzip();
        deadlock.certain &= sure.into_iter().all(|sure| sure);
        Found { deadlock, ids }
    });
    found.collect()
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
