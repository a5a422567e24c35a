//! Which locks were acquired while which were held, and which of these orders can deadlock.
//!
//! Two threads can deadlock over two locks if one acquires them in one order, and the other in the
//! other. So two classes that were seen in both orders are a potential deadlock, and so is a longer
//! cycle of classes. Some cycles are harmless, and are left out:
//!
//! - If a third lock was held exclusively at two of the steps each time, only one thread at a time
//!   can be in them.
//! - If both locks are of one class, nobody knows whether the program orders the locks of that
//!   class in another way, such as by their addresses.
//!
//! Readers do not exclude one another. A cycle in which a reader waits for a reader needs one more
//! thread that waits to write, because readers queue behind it. Those of a recursive lock do not:
//! they wait for nobody who reads.

use crate::event::Event;
use crate::identity::{HoldMode, PointKey, to_site};
use crate::record::order::PairReading;
use nexus_lockprof_snapshot::{AcquireMode, EdgeEnd, LockPair, PotentialDeadlock};
use search::Search;
use std::collections::{BTreeMap, BTreeSet, HashSet};

mod search;

/// Cycles that a snapshot has at most.
const MOST_CYCLES: usize = 128;
/// Ways to choose the modes of a cycle that are tried.
const TRIES: usize = 1024;

/// A cycle: places of its pairs in the table, and whether it needs a writer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cycle {
    classes: Vec<u32>,
    pairs: Vec<usize>,
    needs_writer: bool,
}

/// What collections remember of the order of locks.
#[derive(Default)]
pub(crate) struct OrderWatch {
    /// The table's number of changes when the cycles were found.
    changes: u64,
    cycles: Vec<Cycle>,
    /// Those that events have told: their classes, and whether they need a writer.
    told: HashSet<(Vec<u32>, bool)>,
    /// The sightings of each pair that the last snapshot had, by its place in the table.
    counts: Vec<u64>,
    /// The pairs of classes from which a search did not see all cycles.
    unsearched: HashSet<(u32, u32)>,
}

impl OrderWatch {
    /// The pairs and the potential deadlocks so far.
    pub(crate) fn collect(
        &mut self,
        (changes, mut readings): (u64, BTreeMap<usize, PairReading>),
    ) -> (Vec<LockPair>, Vec<PotentialDeadlock>) {
        for pair in readings.values_mut() {
            if self.counts.len() <= pair.place {
                self.counts.resize(pair.place + 1, 0);
            }
            // What a thread is just adding to the table may be missing.
            if let Some(last) = self.counts.get_mut(pair.place) {
                *last = (*last).max(pair.sightings);
                pair.sightings = *last;
            }
        }
        if self.changes != changes {
            self.changes = changes;
            self.cycles = cycles(&readings, &mut self.unsearched);
        }
        let potential = self.cycles.iter().map(|cycle| {
            let steps = cycle.pairs.iter().filter_map(|place| readings.get(place));
            let mut steps: Vec<LockPair> = steps.map(to_pair).collect();
            let least = (0..steps.len()).min_by_key(|&at| steps.get(at).map(|step| &step.held));
            steps.rotate_left(least.unwrap_or(0));
            PotentialDeadlock {
                needs_writer: cycle.needs_writer,
                steps,
            }
        });
        let potential: Vec<PotentialDeadlock> = potential.collect();
        (readings.values().map(to_pair).collect(), potential)
    }

    /// Adds an event for each of the potential deadlocks, just collected, that none was added for.
    pub(crate) fn tell(&mut self, potential: &[PotentialDeadlock], events: &mut Vec<Event>) {
        for (cycle, potential) in self.cycles.iter().zip(potential) {
            let key = (cycle.classes.clone(), cycle.needs_writer);
            if self.told.insert(key) {
                events.push(Event::Order(potential.clone()));
            }
        }
    }

    /// Number of pairs of classes from which a search did not see all cycles.
    pub(crate) fn unsearched(&self) -> u64 {
        self.unsearched.len() as u64
    }
}

fn to_pair(pair: &PairReading) -> LockPair {
    let end = |key: PointKey| EdgeEnd {
        lock: key.class().to_lock(),
        mode: AcquireMode::from(key.site().mode()),
        site: to_site(key.site().location()),
    };
    LockPair {
        held: end(pair.held),
        wanted: end(pair.wanted),
        same_lock: pair.is_same_lock,
        guarded: pair.gates.iter().any(|&gate| gate != 0),
        thread: Some(pair.thread.to_thread()),
        count: pair.sightings,
    }
}

/// The pairs from one class to another, by these.
type Graph = BTreeMap<(u32, u32), Vec<usize>>;

/// The cycles among these pairs, recursive reads first, then the shortest. Adds the pairs of
/// classes from which it did not see all cycles to `unsearched`.
fn cycles(
    pairs: &BTreeMap<usize, PairReading>,
    unsearched: &mut HashSet<(u32, u32)>,
) -> Vec<Cycle> {
    let mut found: Vec<Cycle> = Vec::new();
    let mut graph = Graph::new();
    for (&place, pair) in pairs {
        let (held, wanted) = (pair.held.number(), pair.wanted.number());
        if pair.is_same_lock {
            if waits(pair, pair) && found.iter().all(|cycle| cycle.classes != [held]) {
                found.push(Cycle {
                    classes: vec![held],
                    pairs: vec![place],
                    needs_writer: true,
                });
            }
        } else if held != wanted {
            graph.entry((held, wanted)).or_default().push(place);
        }
    }
    let mut search = Search::new(graph.keys().copied());
    let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
    for (a, b) in search.pairs() {
        if a < b {
            let cycle = through(&[a, b], &graph, pairs);
            seen.extend(cycle.iter().map(|cycle| cycle.classes.clone()));
            found.extend(cycle);
        }
    }
    for (held, wanted) in search.pairs() {
        if seen.contains([held.min(wanted), held.max(wanted)].as_slice()) {
            continue;
        }
        if found.len() >= MOST_CYCLES {
            unsearched.insert((held, wanted));
            continue;
        }
        let cycle = search.cycle_of((held, wanted), &mut |classes| {
            let mut classes = classes.to_vec();
            let least = (0..classes.len()).min_by_key(|&at| classes.get(at));
            classes.rotate_left(least.unwrap_or(0));
            through(&classes, &graph, pairs)
        });
        match cycle {
            Ok(Some(cycle)) if seen.insert(cycle.classes.clone()) => found.push(cycle),
            Ok(_) => {}
            Err(_) => {
                unsearched.insert((held, wanted));
            }
        }
    }
    found.truncate(MOST_CYCLES);
    found
}

/// The cycle through these classes, if it can deadlock. Of the modes that were seen, it has those
/// that need no writer, if there are.
fn through(classes: &[u32], graph: &Graph, pairs: &BTreeMap<usize, PairReading>) -> Option<Cycle> {
    let steps = classes.iter().zip(classes.iter().cycle().skip(1));
    let steps: Option<Vec<Vec<&PairReading>>> = steps
        .map(|(&held, &wanted)| {
            let places = graph.get(&(held, wanted))?;
            Some(places.iter().filter_map(|place| pairs.get(place)).collect())
        })
        .collect();
    let steps = steps?;
    let mut choice = Choice {
        steps: &steps,
        chosen: Vec::new(),
        best: None,
        tries: 0,
    };
    choice.go_on();
    let (pairs, needs_writer) = choice.best?;
    Some(Cycle {
        classes: classes.to_vec(),
        pairs,
        needs_writer,
    })
}

/// The search for one pair for each step.
struct Choice<'a> {
    steps: &'a [Vec<&'a PairReading>],
    chosen: Vec<&'a PairReading>,
    best: Option<(Vec<usize>, bool)>,
    tries: usize,
}

impl Choice<'_> {
    fn go_on(&mut self) {
        let Some(options) = self.steps.get(self.chosen.len()) else {
            let mut steps = self.chosen.iter().zip(self.chosen.iter().cycle().skip(1));
            if !steps.all(|(step, next)| waits(step, next)) {
                return;
            }
            let needs_writer = needs_writer(&self.chosen);
            if self.best.is_none() || !needs_writer {
                let places = self.chosen.iter().map(|pair| pair.place);
                self.best = Some((places.collect(), needs_writer));
            }
            return;
        };
        for pair in options {
            let is_done = matches!(self.best, Some((_, false)));
            if is_done || self.tries >= TRIES {
                return;
            }
            self.tries += 1;
            if self
                .chosen
                .iter()
                .all(|other| !have_common_gate(pair, other))
            {
                self.chosen.push(pair);
                self.go_on();
                self.chosen.pop();
            }
        }
    }
}

fn have_common_gate(a: &PairReading, b: &PairReading) -> bool {
    let mut gates = a.gates.iter();
    gates.any(|gate| *gate != 0 && b.gates.contains(gate))
}

/// Whether a step can wait for the next one: all do but a reader that passes waiting writers,
/// behind one that reads.
fn waits(step: &PairReading, next: &PairReading) -> bool {
    let modes = (step.wanted.site().mode(), next.held.site().mode());
    let reads = modes.0 == HoldMode::Shared && modes.1 != HoldMode::Exclusive;
    !(reads && step.passes_writers)
}

/// Whether a step waits for one that does not exclude it.
fn needs_writer(steps: &[&PairReading]) -> bool {
    let next = steps.iter().cycle().skip(1);
    steps.iter().zip(next).any(|(step, next)| {
        let modes = (step.wanted.site().mode(), next.held.site().mode());
        !matches!(
            modes,
            (HoldMode::Exclusive, _)
                | (_, HoldMode::Exclusive)
                | (HoldMode::Upgradable, HoldMode::Upgradable)
        )
    })
}

#[cfg(test)]
mod tests;
