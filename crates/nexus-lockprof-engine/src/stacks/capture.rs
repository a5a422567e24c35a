//! Looking at the stack of a long wait, and what becomes of it.

use super::table::{FRAMES, Slot};
use super::unwinder::{self, Caller};
use crate::class;
use crate::core::Core;
use crate::record::pending::Pending;
use crate::record::reservoir::with_rng;
use crate::record::shard::Shard;
use crate::record::statistics::{Owner, Record};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Long waits of a record that are all looked at. What is rare is seen, too.
const FIRST: u32 = 8;
/// Then one in so many, at random.
const INTERVAL: u64 = 8;
/// The most that a look is booked with: what takes longer is another thread's turn, and not ours.
const LONGEST_NS: u64 = 100_000;

/// Whether an engine looks at stacks.
#[derive(Debug)]
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) const fn new() -> Self {
        Switch(AtomicBool::new(false))
    }

    pub(crate) fn set(&self, on: bool) {
        // Relaxed: a value of its own.
        self.0.store(on, Relaxed);
    }
}

/// Long waits of a record so far, since there was something to look at. The owner's alone.
#[derive(Debug)]
pub(crate) struct Turn(AtomicU32);

impl Turn {
    pub(crate) const fn new() -> Self {
        Turn(AtomicU32::new(0))
    }

    /// What the next look stands for; 0 when there is none.
    fn next(&self, is_chosen: impl FnOnce() -> bool) -> u64 {
        let done = self.0.load(Relaxed);
        self.0.store(done.saturating_add(1), Relaxed);
        if done < FIRST {
            1
        } else if is_chosen() {
            INTERVAL
        } else {
            0
        }
    }
}

/// The stack that a measured acquisition waited with, if it was looked at.
#[derive(Debug)]
pub(crate) struct Noted {
    slot: AtomicPtr<Slot>,
    weight: AtomicU64,
}

impl Noted {
    pub(crate) const fn new() -> Self {
        Noted {
            slot: AtomicPtr::new(std::ptr::null_mut()),
            weight: AtomicU64::new(0),
        }
    }

    pub(crate) fn clear(&self) {
        self.slot.store(std::ptr::null_mut(), Relaxed);
    }
}

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
        if class::may_change(record.key.number()) {
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
        if pending.is_of(shard) {
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

/// How a wait becomes one of the sample, in tests.
#[cfg(test)]
pub(super) fn turns(n: usize, mut is_chosen: impl FnMut() -> bool) -> Vec<u64> {
    let turn = Turn::new();
    (0..n).map(|_| turn.next(&mut is_chosen)).collect()
}
