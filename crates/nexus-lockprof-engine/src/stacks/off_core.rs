//! What an engine does with stacks, without the feature: nothing.

use crate::core::Core;
use crate::identity::PointKey;
use crate::record::owner::Owner;
use crate::record::pending::Pending;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use nexus_lockprof_snapshot::Stack;

impl Core {
    #[inline(always)]
    pub(crate) fn note_stack(&self, _: &Shard, _: &Owner, _: &Record, _: &Pending) {}

    #[inline(always)]
    pub(crate) fn settle_stack(&self, _: &Shard, _: &Owner, _: &Pending, _wait_ns: u64) {}
}

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
