//! A lock class: where its name or its place is, and its number in a word.

use std::panic::Location;

/// Length for classes that are known by their place of creation.
pub(super) const CREATED: u32 = 0xFFFF;

/// Length for the class of the rest, which has no name.
pub(super) const REST_LEN: u32 = 0x1_0000;

/// Length for classes that are known by the place of their first use.
pub(super) const FIRST_USED: u32 = 0x1_0001;

/// The number of locks about which nothing is known.
pub(super) const ANONYMOUS: u32 = 1;
/// The number of the rest.
pub(super) const REST: u32 = 2;
/// A site's address has at most this many bits. On x86-64 the upper half of the address space is
/// the kernel's.
pub(crate) const NUMBER_SHIFT: u32 = if cfg!(target_arch = "x86_64") { 47 } else { 48 };
pub(crate) const ADDRESS: u64 = (1 << NUMBER_SHIFT) - 1;

/// A lock class: a name, a place of creation, a place of first use, or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// Length of the name. `CREATED` or `FIRST_USED` if `data` is a location. 0 with a null `data`
    /// if anonymous.
    pub(crate) len: u32,
    pub(crate) data: *const u8,
}

impl Class {
    pub(super) fn first_used_at(site: &'static Location<'static>) -> Self {
        Class {
            len: FIRST_USED,
            data: std::ptr::from_ref(site).cast(),
        }
    }
}

/// The value of a [`ClassWord`](super::ClassWord) at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassTag(pub(crate) u64);

impl ClassTag {
    #[inline]
    pub(crate) fn new(number: u32) -> Self {
        // A hash of the number is also in low bits, so that the low bits of the sum with a site's
        // address differ where either does. Fibonacci hashing: with the number itself, 16 sites
        // and 16 classes shared 61 places of a thread's cache.
        let low = number.wrapping_mul(0x9E37) % (1 << (u64::BITS - NUMBER_SHIFT));
        ClassTag(u64::from(number) << NUMBER_SHIFT | u64::from(low) << 3)
    }

    /// The part that is added to a site's address.
    pub(crate) fn low(number: u32) -> u64 {
        ClassTag::new(number).0 & ADDRESS
    }

    /// The tag of the rest, which no lock has.
    pub(crate) fn rest() -> Self {
        ClassTag::new(REST)
    }

    /// The number, if the tag has one.
    pub(crate) fn number(self) -> u32 {
        (self.0 >> NUMBER_SHIFT) as u32
    }

    /// The form in which a lock keeps the tag.
    pub(super) fn to_word(self) -> *mut u8 {
        std::ptr::without_provenance_mut(self.0 as usize)
    }

    /// Whether it is a number and not still an address. No address is that low.
    pub(super) fn is_number(self) -> bool {
        let number = self.number();
        number != 0 && self == ClassTag::new(number)
    }
}
