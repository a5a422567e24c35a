//! A few words that one thread writes and any thread reads, all or none.
//!
//! A seqlock with one writer. A reader never makes the writer wait. A reader that keeps meeting a
//! write in progress gives up.

use crate::sync::{AtomicU64, Ordering, OwnLoad, array, fence, sized, spin_loop};
use Ordering::{Acquire, Relaxed, Release};

/// Attempts to read words that are being written.
const READ_ATTEMPTS: usize = sized(2, 64);

/// `N` words that belong together. All are 0 at first.
#[derive(Debug)]
pub(crate) struct Versioned<const N: usize> {
    /// Odd while the words are written.
    seq: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> Default for Versioned<N> {
    fn default() -> Self {
        Versioned {
            seq: AtomicU64::new(0),
            words: array![AtomicU64::new(0); N],
        }
    }
}

impl<const N: usize> Versioned<N> {
    /// Replaces the words. Only the owner calls this.
    pub(crate) fn set(&self, words: &[u64; N]) {
        // A fork may have stopped an earlier owner between the two stores. The sequence is odd
        // then, and another odd number follows.
        let odd = self.seq.own_load().wrapping_add(1) | 1;
        self.seq.store(odd, Relaxed);
        // Release fence: a reader that sees one of the stores and then fences with Acquire also
        // sees the odd sequence. Pairs with the fence in `read`.
        fence(Release);
        for (place, word) in self.words.iter().zip(words) {
            place.store(*word, Relaxed);
        }
        // Release: a reader that sees the even sequence sees the stores. Pairs with the Acquire
        // load in `read`.
        self.seq.store(odd.wrapping_add(1), Release);
    }

    /// The words, as their owner sees them. Only the owner calls this.
    pub(crate) fn own(&self) -> [u64; N] {
        self.words.each_ref().map(OwnLoad::own_load)
    }

    /// The words. `None` if the owner was writing at each attempt. Any thread may call this.
    pub(crate) fn read(&self) -> Option<[u64; N]> {
        for _ in 0..READ_ATTEMPTS {
            // Acquire: this thread sees the words of this version. Pairs with the Release store in
            // `set`.
            let before = self.seq.load(Acquire);
            if before & 1 == 0 {
                let words = self.words.each_ref().map(|word| word.load(Relaxed));
                // Acquire fence: if any load above saw a store of a later version, the load below
                // sees that the sequence changed. Pairs with the Release fence in `set`.
                fence(Acquire);
                if self.seq.load(Relaxed) == before {
                    return Some(words);
                }
            }
            spin_loop();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        let words = Versioned::<3>::default();
        assert_eq!(words.read(), Some([0; 3]));
        words.set(&[1, 2, 3]);
        assert_eq!(words.read(), Some([1, 2, 3]));
        assert_eq!(words.own(), [1, 2, 3]);
    }

    #[test]
    fn a_write_that_a_fork_stopped_is_not_read_and_the_next_one_is() {
        let words = Versioned::<1>::default();
        words.set(&[1]);
        words.seq.store(words.seq.own_load() + 1, Relaxed);
        assert_eq!(words.read(), None);
        words.set(&[2]);
        assert_eq!(words.read(), Some([2]));
    }
}
