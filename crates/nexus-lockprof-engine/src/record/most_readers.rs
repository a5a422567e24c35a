//! The most readers at once, as one word of a record.

/// The most readers that were seen at once since a reset, in one word with the low bits of that
/// reset's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MostReaders(pub(super) u32);

impl MostReaders {
    const BITS: u32 = 8;
    const MOST: u32 = (1 << Self::BITS) - 1;

    pub(super) fn new(readers: u64, resets: u64) -> Self {
        let readers = readers.min(u64::from(Self::MOST)) as u32;
        MostReaders((resets as u32) << Self::BITS | readers)
    }

    /// Those seen since the last of so many resets.
    pub(crate) fn since(self, resets: u64) -> u64 {
        let is_since = self.0 & !Self::MOST == Self::new(0, resets).0;
        u64::from(if is_since { self.0 & Self::MOST } else { 0 })
    }

    /// The larger of both, or that of the later reset, in any order.
    pub(crate) fn merge(self, other: Self) -> Self {
        // The number of the reset is in the upper bits, so the difference has its sign.
        let later = (other.0 & !Self::MOST).wrapping_sub(self.0 & !Self::MOST) as i32;
        let is_more = other.0 & Self::MOST > self.0 & Self::MOST;
        if later > 0 || later == 0 && is_more {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_one_stays_until_a_reset() {
        let at = |readers, resets| MostReaders::new(readers, resets);
        let none = MostReaders::default();
        assert_eq!(none.merge(at(3, 0)).merge(at(2, 0)).since(0), 3);
        assert_eq!(at(3, 0).merge(at(300, 0)).since(0), 255);
        assert_eq!(at(3, 0).merge(at(2, 1)), at(2, 1));
        // A record that has seen nothing since the reset hides no other.
        assert_eq!(at(2, 1).merge(at(3, 0)), at(2, 1));
        assert_eq!(at(2, 1).merge(none), at(2, 1));
        let last = (1 << 24) - 1;
        assert_eq!(at(3, last).merge(at(2, 1 << 24)), at(2, 1 << 24));
        assert_eq!(at(2, 1 << 24).merge(at(3, last)), at(2, 1 << 24));
        assert_eq!(at(3, 0).since(1), 0);
        assert_eq!(at(3, 1 << 24).since(1 << 24), 3);
    }
}
