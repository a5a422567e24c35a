//! Where an engine keeps its shards: a list that only grows, and a bit for each free shard.
//!
//! It has no lock, so a forked child finds it intact, whatever other threads were doing to it. At
//! worst, one place is lost that another thread had just claimed. That thread is known to be gone:
//! see `Core::after_fork`.
//!
//! The places are in blocks of doubling size. The first thread that needs a block makes it. If two
//! threads make the same block, the slower one frees its own. An item goes into the first empty
//! place and stays there. A bit beside it says whether it is free.

use crate::record::memory::try_box;
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, array, const_fn, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Places in the first block. Each later block has twice as many as the one before.
const FIRST: usize = sized(1, 64);
/// Enough blocks for 2^31 places.
const BLOCKS: usize = sized(2, 25);

/// What [`Registry::claim`] does with a free item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The caller takes it.
    Take,
    /// It stays free for others.
    Leave,
    /// It stays where it is and is never free again.
    Retire,
}

pub(crate) struct Registry<T> {
    blocks: [AtomicPtr<Block<T>>; BLOCKS],
    /// No place below this one is empty. The next insertion starts here.
    filled: AtomicUsize,
}

struct Block<T> {
    items: Box<[AtomicPtr<T>]>,
    /// One bit for each place: whether its item is free.
    free: Box<[AtomicU64]>,
}

// SAFETY: it owns its items, which are `Send`, and moves with them.
unsafe impl<T: Send + Sync> Send for Registry<T> {}
// SAFETY: the registry gives out shared references to its items, which are `Sync`. Places and bits
// are atomic.
unsafe impl<T: Send + Sync> Sync for Registry<T> {}

impl<T> Block<T> {
    fn try_new(len: usize) -> Option<Box<Self>> {
        let (mut items, mut free) = (Vec::new(), Vec::new());
        items.try_reserve_exact(len).ok()?;
        items.resize_with(len, AtomicPtr::default);
        let words = len.div_ceil(u64::BITS as usize);
        free.try_reserve_exact(words).ok()?;
        free.resize_with(words, || AtomicU64::new(0));
        try_box(Block {
            items: items.into_boxed_slice(),
            free: free.into_boxed_slice(),
        })
    }

    /// The item at `index`, if any.
    fn item(&self, index: usize) -> Option<&T> {
        // Acquire: a thread that sees the item sees its contents. Pairs with the Release in
        // `Registry::insert`.
        // SAFETY: null, or an item that lives as long as the registry.
        unsafe { self.items.get(index)?.load(Acquire).as_ref() }
    }

    /// The word that has the bit of `index`, and the bit.
    fn bit(&self, index: usize) -> Option<(&AtomicU64, u64)> {
        let bits = u64::BITS as usize;
        Some((self.free.get(index / bits)?, 1 << (index % bits)))
    }
}

/// The block of a place, and the place's index in the block.
fn position(place: usize) -> (usize, usize) {
    let block = (place / FIRST + 1).ilog2();
    (block as usize, place - base(block as usize))
}

/// The first place of a block.
const fn base(block: usize) -> usize {
    FIRST * ((1 << block) - 1)
}

impl<T> Registry<T> {
    const_fn! {
        pub(crate) fn new() -> Self {
            Registry {
                blocks: array![AtomicPtr::new(std::ptr::null_mut()); BLOCKS],
                filled: AtomicUsize::new(0),
            }
        }
    }

    fn block(&self, block: usize) -> Option<&Block<T>> {
        // Acquire: a thread that sees the block sees its places, all empty. Pairs with the Release
        // in `block_or_new`.
        // SAFETY: null, or a block that lives as long as the registry.
        unsafe { self.blocks.get(block)?.load(Acquire).as_ref() }
    }

    /// The block, made if necessary. `None`: there is no memory for it, or there are too many
    /// blocks.
    fn block_or_new(&self, block: usize) -> Option<&Block<T>> {
        if let Some(there) = self.block(block) {
            return Some(there);
        }
        let new = Box::into_raw(Block::try_new(FIRST << block)?);
        let place = self.blocks.get(block);
        // Release: publishes the new block; pairs with the Acquire in `block`. Acquire on failure:
        // this thread sees the contents of the other thread's block. Pairs with that Release.
        let put =
            place.map(|place| place.compare_exchange(std::ptr::null_mut(), new, Release, Acquire));
        let there = match put {
            Some(Ok(_)) => new,
            other => {
                // SAFETY: made above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                other?.err()?
            }
        };
        // SAFETY: a block, which lives as long as the registry.
        unsafe { there.as_ref() }
    }

    /// Puts an item into an empty place and returns the place. The item is not free: the caller has
    /// it. Returns `None` and drops the item if there is no memory for it.
    pub(crate) fn insert(&self, item: Box<T>) -> Option<(usize, &T)> {
        let new = Box::into_raw(item);
        // Acquire: all places below are seen filled, as `hot::switch` requires. Pairs with the
        // Release below.
        for place in self.filled.load(Acquire).. {
            let (block, index) = position(place);
            let Some(slot) = self
                .block_or_new(block)
                .and_then(|block| block.items.get(index))
            else {
                break;
            };
            // Release: publishes the item's contents. Pairs with the Acquire in `Block::item`.
            if slot
                .compare_exchange(std::ptr::null_mut(), new, Release, Relaxed)
                .is_ok()
            {
                // Release: publishes that the places up to this one are filled. Pairs with the
                // Acquire above.
                self.filled.fetch_max(place + 1, Release);
                // SAFETY: just made, and lives as long as the registry.
                return Some((place, unsafe { &*new }));
            }
        }
        // SAFETY: made above, and no other thread has seen it.
        drop(unsafe { Box::from_raw(new) });
        None
    }

    /// Takes the first free item that `choose` accepts. It then belongs to the caller alone. While
    /// `choose` looks at an item, no other thread can claim it.
    pub(crate) fn claim(&self, mut choose: impl FnMut(&T) -> Claim) -> Option<(usize, &T)> {
        for (block, base) in self.blocks() {
            for (number, word) in block.free.iter().enumerate() {
                // Relaxed: this is only a hint which bits to try.
                let mut bits = word.load(Relaxed);
                while bits != 0 {
                    let bit = bits & bits.wrapping_neg();
                    bits &= !bit;
                    // Acquire: this thread sees all that was done to the item before it was given
                    // back. Pairs with `give_back`.
                    if word.fetch_and(!bit, Acquire) & bit == 0 {
                        continue;
                    }
                    let index = number * u64::BITS as usize + bit.trailing_zeros() as usize;
                    // A bit is only set for an item that exists.
                    let Some(item) = block.item(index) else {
                        continue;
                    };
                    match choose(item) {
                        Claim::Take => return Some((base + index, item)),
                        Claim::Leave => _ = word.fetch_or(bit, Release),
                        Claim::Retire => {}
                    }
                }
            }
        }
        None
    }

    /// Makes an item free for others. The caller has the item and does not touch it any more.
    pub(crate) fn give_back(&self, place: usize) {
        if let Some((word, bit)) = self.bit(place) {
            // Release: publishes all that was done to the item. Pairs with the Acquire in `claim`.
            word.fetch_or(bit, Release);
        }
    }

    /// Whether the item is free now.
    pub(crate) fn is_free(&self, place: usize) -> bool {
        self.bit(place)
            .is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    fn bit(&self, place: usize) -> Option<(&AtomicU64, u64)> {
        let (block, index) = position(place);
        self.block(block)?.bit(index)
    }

    /// All blocks, each with its first place.
    fn blocks(&self) -> impl Iterator<Item = (&Block<T>, usize)> {
        (0..BLOCKS).filter_map(|block| Some((self.block(block)?, base(block))))
    }

    /// All items, each with its place. Any thread may call this.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, &T)> {
        self.blocks().flat_map(|(block, base)| {
            let len = block.items.len();
            (0..len).filter_map(move |index| Some((base + index, block.item(index)?)))
        })
    }

    /// All items. Any thread may call this.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places().map(|(_, item)| item)
    }
}

impl<T> Drop for Registry<T> {
    fn drop(&mut self) {
        for block in &self.blocks {
            let block = block.load(Relaxed);
            if block.is_null() {
                continue;
            }
            // SAFETY: made by `Box::into_raw`, dropped once, and no thread reads any more.
            let block = unsafe { Box::from_raw(block) };
            for item in &block.items {
                let item = item.load(Relaxed);
                if !item.is_null() {
                    // SAFETY: made by `Box::into_raw` in `insert`, in one place only, and dropped
                    // once.
                    drop(unsafe { Box::from_raw(item) });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(items: usize) -> Registry<usize> {
        let registry = Registry::new();
        for number in 0..items {
            let (place, item) = registry.insert(Box::new(number)).unwrap();
            assert_eq!((place, *item), (number, number));
        }
        registry
    }

    #[test]
    fn places_are_in_blocks_of_doubling_size() {
        for (place, at) in [
            (0, (0, 0)),
            (63, (0, 63)),
            (64, (1, 0)),
            (191, (1, 127)),
            (192, (2, 0)),
        ] {
            assert_eq!(position(place), at, "{place}");
        }
        for place in 0..10_000 {
            let (block, index) = position(place);
            assert_eq!(base(block) + index, place);
            assert!(index < FIRST << block);
        }
    }

    #[test]
    fn what_was_put_in_is_walked_in_order() {
        let registry = filled(1_000);
        assert!(registry.iter().copied().eq(0..1_000));
        assert!(registry.places().all(|(place, item)| place == *item));
    }

    #[test]
    fn only_what_was_given_back_is_claimed_and_once() {
        let registry = filled(300);
        assert!(registry.claim(|_| Claim::Take).is_none());
        for place in [299, 64, 3] {
            registry.give_back(place);
            assert!(registry.is_free(place));
        }
        let mut claimed: Vec<_> = (0..3)
            .filter_map(|_| registry.claim(|_| Claim::Take))
            .map(|(place, item)| (place, *item))
            .collect();
        claimed.sort_unstable();
        assert_eq!(claimed, [(3, 3), (64, 64), (299, 299)]);
        assert!(registry.claim(|_| Claim::Take).is_none());
    }

    #[test]
    fn what_is_left_stays_free_and_what_is_retired_does_not() {
        let registry = filled(3);
        (0..3).for_each(|place| registry.give_back(place));
        let choose = |item: &usize| match item {
            0 => Claim::Leave,
            1 => Claim::Retire,
            _ => Claim::Take,
        };
        assert_eq!(registry.claim(choose).map(|(place, _)| place), Some(2));
        assert_eq!(
            [0, 1, 2].map(|place| registry.is_free(place)),
            [true, false, false]
        );
        assert_eq!(registry.iter().count(), 3);
    }

    #[test]
    fn items_go_with_the_registry() {
        let item = std::sync::Arc::new(());
        let registry = Registry::new();
        for _ in 0..100 {
            assert!(
                registry
                    .insert(Box::new(std::sync::Arc::clone(&item)))
                    .is_some()
            );
        }
        drop(registry);
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    }
}
