//! The stacks of all shards together.

use super::symbols::Symbols;
use super::table::Sums;
use crate::identity::PointKey;
use crate::record::shard::Shard;
use nexus_lockprof_snapshot::{Frame, Stack};
use std::collections::HashMap;

/// What collections keep of stacks from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    /// By point, and by the addresses of the frames.
    points: HashMap<usize, HashMap<Box<[usize]>, StackState>>,
    /// What was last read from a shard's slots.
    seen: HashMap<u64, Vec<Sums>>,
    symbols: Symbols,
}

/// One stack at a point, summed over all shards.
#[derive(Debug, Default)]
struct StackState {
    now: Sums,
    /// The sums at the last reset.
    base: Sums,
    /// Its frames with names, looked up when a snapshot first has it.
    shown: Option<Vec<Frame>>,
}

impl Callers {
    /// Adds what has happened in a shard since the last reading. `point_of` returns the point of a
    /// key.
    pub(crate) fn read(&mut self, shard: &Shard, mut point_of: impl FnMut(PointKey) -> usize) {
        for (place, slot) in shard.stacks.stacks() {
            let seen = self.seen.entry(shard.id).or_default();
            if seen.len() <= place {
                seen.resize(place + 1, Sums::default());
            }
            let sums = slot.sums();
            let last = std::mem::replace(&mut seen[place], sums);
            if sums == last {
                continue;
            }
            let stacks = self.points.entry(point_of(slot.key())).or_default();
            let now = &mut stacks.entry(slot.frames().collect()).or_default().now;
            for (now, grown) in now.iter_mut().zip(since(sums, last)) {
                *now = now.saturating_add(grown);
            }
        }
    }

    /// The stacks of a point since the last reset.
    pub(crate) fn of(&mut self, point: usize) -> Vec<Stack> {
        let Some(stacks) = self.points.get_mut(&point) else {
            return Vec::new();
        };
        let symbols = &mut self.symbols;
        let stacks = stacks.iter_mut().filter_map(|(addresses, state)| {
            let since = since(state.now, state.base);
            (since != Sums::default()).then(|| {
                let shown = &mut state.shown;
                let frames = shown.get_or_insert_with(|| symbols.shown(addresses));
                Stack {
                    frames: frames.clone(),
                    ..Stack::default()
                }
                .with_figures(since)
            })
        });
        // They are in any order, and some may look alike. The snapshot sorts and merges them.
        stacks.collect()
    }

    /// Forgets the stacks of a point that is gone.
    pub(crate) fn forget(&mut self, point: usize) {
        self.points.remove(&point);
    }

    /// Makes the current sums the baseline of what follows.
    pub(crate) fn reset(&mut self) {
        for state in self.points.values_mut().flat_map(HashMap::values_mut) {
            state.base = state.now;
        }
    }
}

/// What has grown since `before`.
fn since(now: Sums, before: Sums) -> Sums {
    std::array::from_fn(|figure| now[figure].saturating_sub(before[figure]))
}
