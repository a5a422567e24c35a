//! Stands in for stacks without the feature, and does nothing.

use crate::core::Core;
use crate::record::owner::Owner;
use crate::record::pending::Pending;
use crate::record::shard::Shard;
use crate::record::statistics::Record;

impl Core {
    #[inline(always)]
    pub(crate) fn note_stack(&self, _: &Shard, _: &Owner, _: &Record, _: &Pending) {}

    #[inline(always)]
    pub(crate) fn settle_stack(&self, _: &Shard, _: &Owner, _: &Pending, _wait_ns: u64) {}
}
