//! Looking at the stack of a long wait, and what becomes of it.

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

/// The most that a look is booked with: what takes longer is another thread's turn, and not ours.
const LONGEST_NS: u64 = 100_000;

impl Core {
    /// A long wait has begun: looks at its stack, if it is to be one of the sample.
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
        // The table is allocated in here: an allocator with a profiled lock must not come back.
        let Some(_entered) = shard.enter() else {
            return;
        };
        // Stacks stay, and would keep its number from other classes.
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

    /// The wait that was measured took so long: adds it to its stack. The call of `shard`'s owner.
    pub(crate) fn settle_stack(
        &self,
        shard: &Shard,
        owner: &Owner,
        pending: &Pending,
        wait_ns: u64,
    ) {
        // SAFETY: null, or a slot of a shard of this engine, which the lock keeps alive. It was published by the thread that
        // acquired the lock, before the guard came here.
        let Some(slot) = (unsafe { pending.noted.slot.load(Relaxed).as_ref() }) else {
            return;
        };
        let weight = pending.noted.weight.load(Relaxed);
        if pending.is_of(shard.id) {
            slot.add(weight, wait_ns);
            return;
        }
        // Another thread's table is not ours to write: as with records, it is our own for the same stack.
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

/// The return addresses of the calling thread's stack from this function's caller on; how many there are.
///
/// It allocates nothing, and takes no lock that anybody holds for long: the unwinder looks up where each function's
/// unwind table is, without a lock in newer C libraries, and in others under one that is held while a library is
/// entered into the list of those loaded.
#[inline(never)]
pub(super) fn capture(frames: &mut [usize; FRAMES]) -> usize {
    // Below the frames of whoever called this, and above those of the unwinder: the stack grows downwards on all targets.
    let marker = 0_u8;
    let here = black_box(&raw const marker).addr();
    let mut len = 0;
    unwinder::walk(&mut |Caller { stack, address }| {
        if stack <= here && stack != 0 {
            return true;
        }
        // The outermost frame of a thread may be none.
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
