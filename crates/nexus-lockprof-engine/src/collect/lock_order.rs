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
//! thread that waits to write, because readers queue behind it.

use crate::event::Event;
use crate::identity::{HoldMode, PointKey, to_site};
use crate::record::order::PairReading;
use nexus_lockprof_snapshot::{AcquireMode, EdgeEnd, LockPair, PotentialDeadlock};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// Cycles that a snapshot has at most.
const MOST_CYCLES: usize = 128;
/// Classes of the longest cycle that is looked for.
const LONGEST: usize = 8;
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
}

impl OrderWatch {
    /// The pairs and the potential deadlocks so far. Adds an event for each that none was added
    /// for.
    pub(crate) fn collect(
        &mut self,
        (changes, mut readings): (u64, BTreeMap<usize, PairReading>),
        events: Option<&mut Vec<Event>>,
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
            self.cycles = cycles(&readings);
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
        if let Some(events) = events {
            for (cycle, potential) in self.cycles.iter().zip(&potential) {
                let key = (cycle.classes.clone(), cycle.needs_writer);
                if self.told.insert(key) {
                    events.push(Event::Order(potential.clone()));
                }
            }
        }
        (readings.values().map(to_pair).collect(), potential)
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

/// The cycles among these pairs, recursive reads first, then the shortest.
fn cycles(pairs: &BTreeMap<usize, PairReading>) -> Vec<Cycle> {
    let mut found: Vec<Cycle> = Vec::new();
    let mut graph = Graph::new();
    for (&place, pair) in pairs {
        let (held, wanted) = (pair.held.number(), pair.wanted.number());
        if pair.is_same_lock && found.iter().all(|cycle| cycle.classes != [held]) {
            found.push(Cycle {
                classes: vec![held],
                pairs: vec![place],
                needs_writer: true,
            });
        } else if held != wanted {
            graph.entry((held, wanted)).or_default().push(place);
        }
    }
    for &(a, b) in graph.keys() {
        if a < b {
            found.extend(through(&[a, b], &graph, pairs));
        }
    }
    let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
    for &(held, wanted) in graph.keys() {
        if found.len() >= MOST_CYCLES {
            break;
        }
        let (a, b) = (held.min(wanted), held.max(wanted));
        if found.iter().any(|cycle| cycle.classes == [a, b]) {
            continue;
        }
        let Some(mut classes) = way_back(&graph, held, wanted) else {
            continue;
        };
        let least = (0..classes.len()).min_by_key(|&at| classes.get(at));
        classes.rotate_left(least.unwrap_or(0));
        if seen.insert(classes.clone()) {
            found.extend(through(&classes, &graph, pairs));
        }
    }
    found.truncate(MOST_CYCLES);
    found
}

/// The shortest cycle of at least three classes through this pair of classes, which it begins with.
fn way_back(graph: &Graph, held: u32, wanted: u32) -> Option<Vec<u32>> {
    let mut from: BTreeMap<u32, u32> = BTreeMap::new();
    let mut queue = VecDeque::from([(wanted, 2)]);
    while let Some((class, length)) = queue.pop_front() {
        for &(_, next) in graph
            .range((class, 0)..=(class, u32::MAX))
            .map(|(key, _)| key)
        {
            if next == held && class != wanted {
                let mut back = vec![class];
                while let Some(&before) = back.last().and_then(|class| from.get(class)) {
                    back.push(before);
                }
                back.push(held);
                back.reverse();
                return Some(back);
            }
            let is_new = next != held && next != wanted && !from.contains_key(&next);
            if is_new && length < LONGEST {
                from.insert(next, class);
                queue.push_back((next, length + 1));
            }
        }
    }
    None
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
