//! In place of all that, without the feature.

/// Counts nothing.
#[derive(Debug)]
pub(crate) struct Turn(());

impl Turn {
    pub(crate) const fn new() -> Self {
        Turn(())
    }
}

/// Notes nothing.
#[derive(Debug)]
pub(crate) struct Noted(());

impl Noted {
    pub(crate) const fn new() -> Self {
        Noted(())
    }

    pub(crate) fn clear(&self) {}
}

/// There are none.
pub(crate) fn leave_addresses() {}

/// Always off.
#[derive(Debug)]
pub(crate) struct Switch;

/// Has no stacks.
#[derive(Debug, Default)]
pub(crate) struct Table(());

#[cfg(not(lockprof_loom))]
pub(crate) use engine::Callers;

#[cfg(not(lockprof_loom))]
mod engine {
    use super::Switch;
    use crate::core::Core;
    use crate::identity::PointKey;
    use crate::record::pending::Pending;
    use crate::record::shard::Shard;
    use crate::record::statistics::{Owner, Record};
    use nexus_lockprof_snapshot::Stack;

    impl Switch {
        pub(crate) const fn new() -> Self {
            Switch
        }

        pub(crate) fn set(&self, _on: bool) {}
    }

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
}
