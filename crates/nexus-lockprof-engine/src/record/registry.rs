//! Where an engine's shards are: a list that only grows, and which of them are free to be taken.
//!
//! It has no lock, so a child that is forked off finds it whole, whatever other threads were doing to it. At worst a
//! place is lost that one of them had just claimed, and that thread is known to be gone: see `Core::after_fork`.
//!
//! The places are in blocks of doubling size. A block is made by the first thread that needs it; of two that make the same one, the
//! slower frees its own. An item is put into the first empty place, and stays. A bit beside it says that it is free.

use crate::record::memory::try_box;
use crate::sync::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, array, const_fn, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Places in the first block. Each that follows has twice as many as the one before it.
const FIRST: usize = sized(1, 64);
/// Enough for 2^31 places.
const BLOCKS: usize = sized(2, 25);

/// What [`Registry::claim`] does with a free item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is the caller's.
    Take,
    /// It stays free, for others.
    Leave,
    /// It stays where it is, and is never free again.
    Retire,
}

pub(crate) struct Registry<T> {
    blocks: [AtomicPtr<Block<T>>; BLOCKS],
    /// No place below it is empty. Where the next item is tried to be put.
    filled: AtomicUsize,
}

struct Block<T> {
    items: Box<[AtomicPtr<T>]>,
    /// A bit for each place: whether its item is free.
    free: Box<[AtomicU64]>,
}

// SAFETY: it owns its items, which are `Send`, and moves with them.
unsafe impl<T: Send + Sync> Send for Registry<T> {}
// SAFETY: it gives out shared references to its items, which are `Sync`; places and bits are atomic.
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

    /// The item at `index`, if there is one.
    fn item(&self, index: usize) -> Option<&T> {
        // Acquire: whoever sees the item sees it filled in; pairs with the Release in `Registry::insert`.
        // SAFETY: null, or an item, which lives as long as the registry.
        unsafe { self.items.get(index)?.load(Acquire).as_ref() }
    }

    /// The word that the bit of `index` is in, and the bit.
    fn bit(&self, index: usize) -> Option<(&AtomicU64, u64)> {
        let bits = u64::BITS as usize;
        Some((self.free.get(index / bits)?, 1 << (index % bits)))
    }
}

/// The block of a place, and its index in that.
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
        // Acquire: whoever sees the block sees its places, all empty; pairs with the Release in `block_or_new`.
        // SAFETY: null, or a block, which lives as long as the registry.
        unsafe { self.blocks.get(block)?.load(Acquire).as_ref() }
    }

    /// The block, made if it is not there. `None`: there is no memory for it, or it would be one too many.
    fn block_or_new(&self, block: usize) -> Option<&Block<T>> {
        if let Some(there) = self.block(block) {
            return Some(there);
        }
        let new = Box::into_raw(Block::try_new(FIRST << block)?);
        let place = self.blocks.get(block);
        // Release: pairs with the Acquire in `block`. Acquire of another's: as there.
        let put =
            place.map(|place| place.compare_exchange(std::ptr::null_mut(), new, Release, Acquire));
        let there = match put {
            Some(Ok(_)) => new,
            other => {
                // SAFETY: made above, and seen by nobody else.
                drop(unsafe { Box::from_raw(new) });
                other?.err()?
            }
        };
        // SAFETY: a block, which lives as long as the registry.
        unsafe { there.as_ref() }
    }

    /// Puts an item into an empty place, and says which. It is not free: the caller has it. `None`, with the item dropped, when there
    /// is no memory for it.
    pub(crate) fn insert(&self, item: Box<T>) -> Option<(usize, &T)> {
        let new = Box::into_raw(item);
        // Acquire: all places below it are seen filled, which `hot::switch` relies on; pairs with the Release below.
        for place in self.filled.load(Acquire).. {
            let (block, index) = position(place);
            let Some(slot) = self
                .block_or_new(block)
                .and_then(|block| block.items.get(index))
            else {
                break;
            };
            // Release: pairs with the Acquire in `Block::item`.
            if slot
                .compare_exchange(std::ptr::null_mut(), new, Release, Relaxed)
                .is_ok()
            {
                // Release: pairs with the Acquire above.
                self.filled.fetch_max(place + 1, Release);
                // SAFETY: just made; lives as long as the registry.
                return Some((place, unsafe { &*new }));
            }
        }
        // SAFETY: made above, and seen by nobody else.
        drop(unsafe { Box::from_raw(new) });
        None
    }

    /// Takes a free item, which is the caller's alone from then on: the first for which `choose` says so. `choose` is called with items that
    /// nobody else can claim meanwhile.
    pub(crate) fn claim(&self, mut choose: impl FnMut(&T) -> Claim) -> Option<(usize, &T)> {
        for (block, base) in self.blocks() {
            for (number, word) in block.free.iter().enumerate() {
                // Relaxed: only a hint of what to try.
                let mut bits = word.load(Relaxed);
                while bits != 0 {
                    let bit = bits & bits.wrapping_neg();
                    bits &= !bit;
                    // Acquire: all that was done to the item before it was given back is seen; pairs with `give_back`.
                    if word.fetch_and(!bit, Acquire) & bit == 0 {
                        continue;
                    }
                    let index = number * u64::BITS as usize + bit.trailing_zeros() as usize;
                    // Only of items that are there a bit is set.
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

    /// Makes an item free for others. The call of whoever has it, who does not touch it any more.
    pub(crate) fn give_back(&self, place: usize) {
        if let Some((word, bit)) = self.bit(place) {
            // Release: pairs with the Acquire in `claim`.
            word.fetch_or(bit, Release);
        }
    }

    /// Whether the item is free at this moment.
    pub(crate) fn is_free(&self, place: usize) -> bool {
        self.bit(place)
            .is_some_and(|(word, bit)| word.load(Relaxed) & bit != 0)
    }

    fn bit(&self, place: usize) -> Option<(&AtomicU64, u64)> {
        let (block, index) = position(place);
        self.block(block)?.bit(index)
    }

    /// The blocks there are, each with its first place.
    fn blocks(&self) -> impl Iterator<Item = (&Block<T>, usize)> {
        (0..BLOCKS).filter_map(|block| Some((self.block(block)?, base(block))))
    }

    /// The items there are, each with its place. Any thread's call.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, &T)> {
        self.blocks().flat_map(|(block, base)| {
            let len = block.items.len();
            (0..len).filter_map(move |index| Some((base + index, block.item(index)?)))
        })
    }

    /// The items there are. Any thread's call.
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
            // SAFETY: made by `Box::into_raw`, dropped once, and nobody reads any more.
            let block = unsafe { Box::from_raw(block) };
            for item in &block.items {
                let item = item.load(Relaxed);
                if !item.is_null() {
                    // SAFETY: made by `Box::into_raw` in `insert`, in one place only, and dropped once.
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
