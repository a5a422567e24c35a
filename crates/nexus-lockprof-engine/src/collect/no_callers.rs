//! The stacks of all shards without the feature: none.

use crate::identity::PointKey;
use crate::record::shard::Shard;
use nexus_lockprof_snapshot::Stack;

/// Merges nothing.
#[derive(Debug, Default)]
pub(crate) struct Callers(());

impl Callers {
    pub(crate) fn read(&mut self, shard: &Shard, _: impl FnMut(PointKey) -> usize) {
        let _none = &shard.stacks;
    }

    pub(crate) fn of(&mut self, _point: usize) -> Vec<Stack> {
        Vec::new()
    }

    pub(crate) fn forget(&mut self, _point: usize) {}

    pub(crate) fn reset(&mut self) {}
}
