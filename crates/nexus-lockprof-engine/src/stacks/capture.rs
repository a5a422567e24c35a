//! Captures the stack of a long wait, and adds the wait to it later.

use super::sample::INTERVAL;
use super::table::FRAMES;
use super::unwinder::{self, Caller};
use crate::core::Core;
use crate::identity;
use crate::record::owner::Owner;
use crate::record::pending::Pending;
use crate::record::random::with_rng;
use crate::record::shard::Shard;
use crate::record::statistics::Record;
use std::hint::black_box;
use std::sync::atomic::Ordering::Relaxed;

/// The most that a capture is charged with. If it takes longer, another thread was running
/// meanwhile.
const LONGEST_NS: u64 = 100_000;

impl Core {
    /// Captures the stack of a long wait that has begun, if the wait is in the sample.
    #[inline]
    pub(crate) fn note_stack(
        &self,
        shard: &Shard,
        owner: &Owner,
        record: &Record,
        pending: &Pending,
    ) {
        if self.stacks.0.load(Relaxed) {
            self.note_stack_now(shard, owner, record, pending);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_stack_now(&self, shard: &Shard, owner: &Owner, record: &Record, pending: &Pending) {
        // The table is allocated in here. If a profiled lock guards the allocator, that lock must
        // not come back here.
        let Some(_entered) = shard.enter() else {
            return;
        };
        // Stacks stay, and would keep the point's number from other classes.
        if identity::may_change(record.key.number()) {
            return;
        }
        let weight = record
            .long_waits
            .next(|| with_rng(&shard.rng, |rng| rng.u64(..INTERVAL) == 0));
        if weight == 0 {
            return;
        }
        let begin = self.clock.raw();
        let mut frames = [0; FRAMES];
        let len = capture(&mut frames);
        let found = shard.stacks.slot(owner, record.key, &frames[..len]);
        match found {
            Ok(slot) => {
                let slot = std::ptr::from_ref(slot).cast_mut();
                let waits = pending.wait_weight.load(Relaxed).max(1);
                pending
                    .noted
                    .weight
                    .store(weight.saturating_mul(waits), Relaxed);
                pending.noted.slot.store(slot, Relaxed);
            }
            Err(cause) => shard.losses.count_as_owner(cause),
        }
        let ns = self.clock.nanos(begin, self.clock.raw());
        shard.governor.charge_fixed(ns.min(LONGEST_NS));
    }

    /// Adds a measured wait of `wait_ns` to its stack. Only the owner of `shard` calls this.
    pub(crate) fn settle_stack(
        &self,
        shard: &Shard,
        owner: &Owner,
        pending: &Pending,
        wait_ns: u64,
    ) {
        // SAFETY: null, or a slot of a shard of this engine, which the lock keeps alive. The thread
        // that acquired the lock published it before the guard came here.
        let Some(slot) = (unsafe { pending.noted.slot.load(Relaxed).as_ref() }) else {
            return;
        };
        let weight = pending.noted.weight.load(Relaxed);
        if pending.is_of(shard.id) {
            slot.add(weight, wait_ns);
            return;
        }
        // Only its owner writes another thread's table. So, as with records, this uses the own
        // table's slot for the same stack.
        let mut frames = [0; FRAMES];
        let mut len = 0;
        for (copy, frame) in frames.iter_mut().zip(slot.frames()) {
            *copy = frame;
            len += 1;
        }
        match shard.stacks.slot(owner, slot.key(), &frames[..len]) {
            Ok(slot) => slot.add(weight, wait_ns),
            Err(cause) => shard.losses.count_as_owner(cause),
        }
    }
}

/// The return addresses of the calling thread's stack, from this function's caller on. Returns how
/// many there are.
///
/// It allocates nothing and takes no lock that is held for long. The unwinder looks up each
/// function's unwind table. Newer C libraries do that without a lock. Others take one that is held
/// while a library is added to the list of loaded ones.
#[inline(never)]
pub(super) fn capture(frames: &mut [usize; FRAMES]) -> usize {
    // The marker is below the caller's frames and above the unwinder's, because the stack grows
    // downwards on all targets.
    let marker = 0_u8;
    let here = black_box(&raw const marker).addr();
    let mut len = 0;
    unwinder::walk(&mut |Caller { stack, address }| {
        if stack <= here && stack != 0 {
            return true;
        }
        // A thread's outermost frame may have no address.
        if address == 0 {
            return false;
        }
        if let Some(slot) = frames.get_mut(len) {
            *slot = address;
            len += 1;
        }
        len < FRAMES
    });
    len
}
