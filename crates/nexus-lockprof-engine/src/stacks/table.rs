//! A shard's stacks: a table of a fixed size from which nothing is removed.
//!
//! The owner fills a slot and publishes it by its length. From then on, the slot's frames never
//! change, and its sums are plain counters with one writer. A reader walks the slots as they are.

use crate::identity::PointKey;
use crate::record::loss::Loss;
use crate::record::owner::Owner;
use crate::sync::{AtomicU64, AtomicUsize, OnceLock, Ordering, OwnLoad, bump};
use Ordering::{Acquire, Relaxed, Release};
use nexus_lockprof_snapshot::Stack;

/// Frames of a stack, from the top.
pub(super) const FRAMES: usize = 32;
/// Stacks of a thread.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 8;

/// The stacks of a shard's waiting threads. Some 78 KB, allocated for the first stack.
#[derive(Debug, Default)]
pub(crate) struct StackTable(OnceLock<Box<[Slot]>>);

/// A stack at a point, and the stack's sums.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Number of frames, or 0 while the slot is free.
    len: AtomicUsize,
    key: AtomicU64,
    hash: AtomicU64,
    frames: [AtomicUsize; FRAMES],
    samples: AtomicU64,
    waits: AtomicU64,
    wait_ns: AtomicU64,
}

/// The sums of a stack, in the order of [`Stack::FIGURES`].
pub(super) type Sums = [u64; Stack::FIGURES.len()];

impl StackTable {
    /// The slot of these frames at a point. Takes a free one if there is none yet. Only the owner
    /// calls this.
    pub(super) fn slot(&self, _: &Owner, key: PointKey, frames: &[usize]) -> Result<&Slot, Loss> {
        let slots = self.slots().ok_or(Loss::Memory)?;
        let frames = frames.get(..FRAMES).unwrap_or(frames);
        if frames.is_empty() {
            return Err(Loss::Stacks);
        }
        let hash = hash(key, frames);
        let home = (hash >> (u64::BITS - SLOT_BITS)) as usize;
        let (before, from_home) = slots.split_at(home);
        for slot in from_home.iter().chain(before) {
            // Relaxed: this thread stored it, or took the shard over with an Acquire.
            match slot.len.load(Relaxed) {
                0 => {
                    slot.fill(key, hash, frames);
                    return Ok(slot);
                }
                _ if slot.hash.own_load() == hash && slot.is(key, frames) => return Ok(slot),
                _ => {}
            }
        }
        Err(Loss::Stacks)
    }

    fn slots(&self) -> Option<&[Slot]> {
        if let Some(slots) = self.0.get() {
            return Some(slots);
        }
        let mut slots = Vec::new();
        slots.try_reserve_exact(SLOTS).ok()?;
        slots.resize_with(SLOTS, Slot::new);
        // Only the owner sets it, so this waits for nobody.
        Some(self.0.get_or_init(|| slots.into_boxed_slice()))
    }

    /// All stacks, each with its place in the table. Any thread may call this.
    pub(super) fn stacks(&self) -> impl Iterator<Item = (usize, &Slot)> {
        let slots = self.0.get().into_iter().flatten().enumerate();
        // Acquire: a thread that sees the length sees key and frames. Pairs with `fill`.
        slots.filter(|(_, slot)| slot.len.load(Acquire) != 0)
    }
}

impl Slot {
    fn new() -> Self {
        Slot {
            len: AtomicUsize::new(0),
            key: AtomicU64::new(0),
            hash: AtomicU64::new(0),
            frames: [const { AtomicUsize::new(0) }; FRAMES],
            samples: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            wait_ns: AtomicU64::new(0),
        }
    }

    fn fill(&self, key: PointKey, hash: u64, frames: &[usize]) {
        self.key.store(key.0, Relaxed);
        self.hash.store(hash, Relaxed);
        for (slot, frame) in self.frames.iter().zip(frames) {
            slot.store(*frame, Relaxed);
        }
        // Release: publishes the stores above. Pairs with `StackTable::stacks`.
        self.len.store(frames.len(), Release);
    }

    fn is(&self, key: PointKey, frames: &[usize]) -> bool {
        self.key() == key && self.frames().eq(frames.iter().copied())
    }

    pub(super) fn key(&self) -> PointKey {
        PointKey(self.key.load(Relaxed))
    }

    /// The slot must be published.
    pub(super) fn frames(&self) -> impl Iterator<Item = usize> {
        let len = self.len.load(Relaxed);
        self.frames
            .iter()
            .take(len)
            .map(|frame| frame.load(Relaxed))
    }

    /// Adds one wait that stands for `weight` waits. Only the owner calls this.
    pub(super) fn add(&self, weight: u64, wait_ns: u64) {
        bump(&self.waits, weight);
        bump(&self.wait_ns, weight.saturating_mul(wait_ns));
        // Release: a thread that sees the sample sees what it stands for. Pairs with `sums`.
        let samples = self.samples.own_load() + 1;
        self.samples.store(samples, Release);
    }

    /// Any thread may call this.
    pub(super) fn sums(&self) -> Sums {
        // Acquire: the loads below see what these samples stand for. Pairs with `add`.
        let samples = self.samples.load(Acquire);
        [
            self.waits.load(Relaxed),
            self.wait_ns.load(Relaxed),
            samples,
        ]
    }
}

fn hash(key: PointKey, frames: &[usize]) -> u64 {
    frames.iter().fold(key.hash(), |hash, &frame| {
        (hash.rotate_left(5) ^ frame as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}
