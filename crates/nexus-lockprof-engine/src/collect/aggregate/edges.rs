//! All edges by their points, summed over all shards.

use super::point::Sums;
use super::points::Points;
use crate::identity;
use crate::record::edges::Edge;
use crate::sync::Ordering::Relaxed;
use nexus_lockprof_snapshot as snapshot;
use std::collections::HashMap;

/// Edges that no thread has are kept while there are fewer of them than the largest number of edges
/// divided by this.
const SHARE: usize = 4;

/// The edge between two points, by their indices, summed over all shards.
struct EdgeState {
    waiting: usize,
    holding: usize,
    /// Number of shards that have it.
    shards: usize,
    /// The last collection in which something was added.
    touched: u64,
    now: Sums,
    /// The sums at the last reset.
    base: Sums,
}

/// What was last read from a shard's edge.
#[derive(Clone, Copy)]
struct Seen {
    state: usize,
    last: Sums,
}

/// All edges.
#[derive(Default)]
pub(super) struct Edges {
    /// `None` is a free place.
    states: Vec<Option<EdgeState>>,
    free: Vec<usize>,
    by_points: HashMap<(usize, usize), usize>,
    /// Indexed by the place that each edge of a shard keeps.
    seen: Vec<Option<Seen>>,
    free_seen: Vec<usize>,
    /// Number of edges that no shard has.
    without_shard: usize,
}

fn plus(sums: Sums, more: Sums) -> Sums {
    [0, 1].map(|i| sums[i].saturating_add(more[i]))
}

fn minus(sums: Sums, less: Sums) -> Sums {
    [0, 1].map(|i| sums[i].saturating_sub(less[i]))
}

impl Edges {
    /// Adds what has happened at a shard's edge since it was last read, in the collection `closed`.
    pub(super) fn read(&mut self, edge: &Edge, points: &mut Points, closed: u64) {
        let sums = edge.sums();
        // Relaxed: only the holder of the aggregator's lock reads or writes it.
        let place = match edge.seen.load(Relaxed).checked_sub(1) {
            Some(place) => place as usize,
            None => self.first_seen(edge, points),
        };
        let Some(seen) = self.seen.get_mut(place).and_then(Option::as_mut) else {
            return;
        };
        let grown = minus(sums, seen.last);
        if grown == [0; 2] {
            return;
        }
        seen.last = sums;
        if let Some(state) = self.states.get_mut(seen.state).and_then(Option::as_mut) {
            state.now = plus(state.now, grown);
            state.touched = closed;
        }
    }

    fn first_seen(&mut self, edge: &Edge, points: &mut Points) -> usize {
        let [waiting, holding] = [edge.waiting(), edge.holding()].map(|key| {
            let point = points.of(key);
            // The edge keeps its points, as a record would.
            points.add_record(point);
            point
        });
        let state = self.between(waiting, holding);
        if let Some(state) = self.states.get_mut(state).and_then(Option::as_mut) {
            self.without_shard -= usize::from(state.shards == 0);
            state.shards += 1;
        }
        let seen = Some(Seen {
            state,
            last: [0; 2],
        });
        let place = match self.free_seen.pop() {
            Some(place) => {
                self.seen[place] = seen;
                place
            }
            None => {
                self.seen.push(seen);
                self.seen.len() - 1
            }
        };
        edge.seen.store(place as u32 + 1, Relaxed);
        place
    }

    /// The edge between two points. A new one is in no shard yet.
    fn between(&mut self, waiting: usize, holding: usize) -> usize {
        if let Some(&state) = self.by_points.get(&(waiting, holding)) {
            return state;
        }
        let new = Some(EdgeState {
            waiting,
            holding,
            shards: 0,
            touched: 0,
            now: [0; 2],
            base: [0; 2],
        });
        self.without_shard += 1;
        let state = match self.free.pop() {
            Some(free) => {
                self.states[free] = new;
                free
            }
            None => {
                self.states.push(new);
                self.states.len() - 1
            }
        };
        self.by_points.insert((waiting, holding), state);
        state
    }

    /// The same for the last time: the edge leaves its shard.
    pub(super) fn take_over(&mut self, edge: &Edge, points: &mut Points, closed: u64) {
        self.read(edge, points, closed);
        let place = edge.seen.load(Relaxed).checked_sub(1);
        edge.seen.store(0, Relaxed);
        let place = place.map(|place| place as usize);
        let seen = place.and_then(|place| self.seen.get_mut(place)?.take());
        if let (Some(place), Some(seen)) = (place, seen) {
            self.free_seen.push(place);
            if let Some(state) = self.states.get_mut(seen.state).and_then(Option::as_mut) {
                state.shards -= 1;
                self.without_shard += usize::from(state.shards == 0);
                points.forget_record(state.waiting, edge.waiting());
                points.forget_record(state.holding, edge.holding());
            }
        }
        identity::release(edge.waiting());
        identity::release(edge.holding());
    }

    /// If too many edges are in no shard, adds those that were idle for longest to what their
    /// holding points count without an edge.
    pub(super) fn push_out(&mut self, max_edges: usize, points: &mut Points) {
        let most = (max_edges / SHARE).max(1);
        if self.without_shard <= most {
            return;
        }
        let states = self.states.iter().enumerate();
        let mut idle: Vec<(u64, usize)> = states
            .filter_map(|(index, state)| Some((index, state.as_ref()?)))
            .filter(|(_, state)| state.shards == 0)
            .map(|(index, state)| (state.touched, index))
            .collect();
        // Removes some more than needed, since this looks at all of them.
        let leaving = idle.len().saturating_sub(most - most / 8);
        idle.sort_unstable();
        for &(_, index) in &idle[..leaving.min(idle.len())] {
            if let Some(state) = self.remove(index)
                && let Some(point) = points.get(state.holding)
            {
                point.add_without_edge(state.now, state.base);
            }
        }
    }

    fn remove(&mut self, index: usize) -> Option<EdgeState> {
        let state = self.states.get_mut(index)?.take()?;
        self.by_points.remove(&(state.waiting, state.holding));
        self.free.push(index);
        self.without_shard -= 1;
        Some(state)
    }

    /// Points were moved: each pair is the old and the new index. No shard has an edge of such a
    /// point.
    pub(super) fn follow(&mut self, moved: &HashMap<usize, usize>) {
        if moved.is_empty() {
            return;
        }
        let now = |point: usize| moved.get(&point).copied().unwrap_or(point);
        let is_moved = |state: &EdgeState| {
            now(state.waiting) != state.waiting || now(state.holding) != state.holding
        };
        let states = self.states.iter().enumerate();
        let leaving: Vec<usize> = states
            .filter_map(|(index, state)| state.as_ref().is_some_and(is_moved).then_some(index))
            .collect();
        // All leave before the first comes to its new place, which may be another's old one.
        let leaving: Vec<EdgeState> = leaving
            .into_iter()
            .filter_map(|index| self.remove(index))
            .collect();
        for state in leaving {
            let into = self.between(now(state.waiting), now(state.holding));
            if let Some(into) = self.states.get_mut(into).and_then(Option::as_mut) {
                into.now = plus(into.now, state.now);
                into.base = plus(into.base, state.base);
                into.touched = into.touched.max(state.touched);
            }
        }
    }

    /// Makes the current sums the baseline of what follows. Forgets the edges that no shard has.
    pub(super) fn reset(&mut self) {
        for index in 0..self.states.len() {
            match &mut self.states[index] {
                Some(state) if state.shards != 0 => state.base = state.now,
                Some(_) => {
                    self.remove(index);
                }
                None => {}
            }
        }
    }

    /// For each point, by index below `points`, the sums since the last reset of the edges into it.
    pub(super) fn sums_into_points(&self, points: usize) -> Vec<Sums> {
        let mut into = vec![[0; 2]; points];
        for state in self.states.iter().flatten() {
            if let Some(sums) = into.get_mut(state.holding) {
                *sums = plus(*sums, minus(state.now, state.base));
            }
        }
        into
    }

    /// The edges since the last reset.
    pub(super) fn edges(&self, points: &mut Points) -> Vec<snapshot::Edge> {
        let mut end = |point: usize| {
            let state = points.get(point)?;
            Some(snapshot::EdgeEnd {
                lock: state.lock.clone(),
                mode: state.mode,
                site: state.site.clone(),
            })
        };
        let states = self.states.iter().flatten();
        let edges = states.filter_map(|state| {
            let [waits, waited_ns] = minus(state.now, state.base);
            if waits | waited_ns == 0 {
                return None;
            }
            Some(snapshot::Edge {
                waiting: end(state.waiting),
                holding: end(state.holding)?,
                waits,
                waited_ns,
            })
        });
        edges.collect()
    }
}
