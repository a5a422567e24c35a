//! What a record is about: lock class, mode and source location, each in a word.

use nexus_lockprof_snapshot::{AcquireMode, Lock, Site};
use std::panic::Location;

/// How a lock is being acquired; a [`SiteKey`] carries it in its low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum HoldMode {
    /// Exclusive.
    Exclusive = 0,
    /// Shared.
    Shared = 1,
    /// Upgradable.
    Upgradable = 2,
}

impl From<HoldMode> for AcquireMode {
    fn from(mode: HoldMode) -> Self {
        match mode {
            HoldMode::Exclusive => AcquireMode::Exclusive,
            HoldMode::Shared => AcquireMode::Shared,
            HoldMode::Upgradable => AcquireMode::Upgradable,
        }
    }
}

const MODE_BITS: usize = 0b11;

/// Source location and mode in one word: a location's address, whose low bits are free, and the mode in them.
///
/// It is what a lock publishes about its holder. 0 (never a valid key) means "nobody published".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteKey(pub(crate) usize);

const _: () = assert!(align_of::<Location<'static>>() > MODE_BITS);
const _: () = assert!(
    usize::BITS == 64,
    "keys carry a generation in their upper 16 bits: 64-bit targets only"
);

impl SiteKey {
    /// The key of `site` acquired in `mode`.
    #[inline(always)]
    #[must_use]
    pub fn new(site: &'static Location<'static>, mode: HoldMode) -> Self {
        SiteKey(std::ptr::from_ref(site).expose_provenance() | mode as usize)
    }

    /// The key in its published form, or `None` for 0.
    ///
    /// # Safety
    /// `word` is 0 or comes from [`to_published`](Self::to_published).
    #[inline(always)]
    #[must_use]
    pub unsafe fn from_published(word: usize) -> Option<Self> {
        (word != 0).then_some(SiteKey(word))
    }

    /// The word that a lock publishes.
    #[inline(always)]
    #[must_use]
    pub fn to_published(self) -> usize {
        self.0
    }

    pub(crate) fn location(self) -> &'static Location<'static> {
        let address = self.0 & !MODE_BITS;
        // SAFETY: a SiteKey is only made by `new` from a `&'static Location` (and passed through a
        // lock's published word unchanged), so the address without the mode bits is that location's.
        unsafe { &*std::ptr::with_exposed_provenance::<Location<'static>>(address) }
    }

    pub(crate) fn mode(self) -> HoldMode {
        match self.0 & MODE_BITS {
            0 => HoldMode::Exclusive,
            1 => HoldMode::Shared,
            _ => HoldMode::Upgradable,
        }
    }
}

/// The longest lock name, in bytes; longer ones are cut at a character boundary.
pub const MAX_NAME: usize = 0xFFFE;

/// Class word of locks that were created at a place.
const CREATED: u32 = 0xFFFF;

/// A lock class in 12 bytes: a name, a place of creation, or neither.
///
/// Packed to 4 so that a one-byte raw lock, this and the published holder make 24 bytes.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
pub struct Class {
    /// Length of the name; `CREATED` when `data` is a location; 0 with a null `data` when anonymous.
    len: u32,
    data: *const u8,
}

// SAFETY: `data` is null or points to immutable 'static data.
unsafe impl Send for Class {}
// SAFETY: as above.
unsafe impl Sync for Class {}

impl Class {
    /// A class that nothing is known of.
    pub const ANONYMOUS: Class = Class {
        len: 0,
        data: std::ptr::null(),
    };

    /// All locks created at `site`.
    #[must_use]
    pub const fn created_at(site: &'static Location<'static>) -> Self {
        Class {
            len: CREATED,
            data: std::ptr::from_ref(site).cast(),
        }
    }

    /// All locks named `name` (its first [`MAX_NAME`] bytes).
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        let mut len = name.len();
        if len > MAX_NAME {
            len = MAX_NAME;
            while !name.is_char_boundary(len) {
                len -= 1;
            }
        }
        Class {
            len: len as u32,
            data: name.as_ptr(),
        }
    }

    /// Identity of the class as one word: the address of its data, and its length in the upper 16 bits.
    #[inline(always)]
    pub(crate) fn ident(self) -> u64 {
        (self.data.addr() as u64) ^ (u64::from(self.len) << 48)
    }

    pub(crate) fn to_lock(self) -> Lock {
        let (len, data) = (self.len, self.data);
        if data.is_null() {
            Lock::Anonymous
        } else if len == CREATED {
            // SAFETY: `created_at` stored a `&'static Location`.
            let site = unsafe { &*data.cast::<Location<'static>>() };
            Lock::Created(to_site(site))
        } else {
            // SAFETY: `named` stored the pointer and a prefix length, cut at a character boundary, of a `&'static str`.
            let name = unsafe {
                std::str::from_utf8_unchecked(std::slice::from_raw_parts(data, len as usize))
            };
            Lock::Named(name.to_owned())
        }
    }
}

impl std::fmt::Debug for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_lock().fmt(f)
    }
}

/// Key of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointKey {
    pub(crate) site: SiteKey,
    pub(crate) class: Class,
}

impl PointKey {
    pub(crate) fn same(self, other: PointKey) -> bool {
        self.site == other.site && self.class.ident() == other.class.ident()
    }

    /// Mixes both words for the hash tables (Fibonacci hashing: the upper bits are good).
    pub(crate) fn hash(self) -> u64 {
        (self.site.0 as u64 ^ self.class.ident().rotate_left(32))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

pub(crate) fn to_site(location: &Location<'_>) -> Site {
    Site {
        file: location.file().to_owned(),
        line: location.line(),
        column: location.column(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_says_what_it_was_made_of() {
        assert_eq!(Class::ANONYMOUS.to_lock(), Lock::Anonymous);
        assert_eq!(Class::named("db").to_lock(), Lock::Named("db".into()));
        assert_eq!(Class::named("").to_lock(), Lock::Named(String::new()));
        let here = Location::caller();
        assert_eq!(
            Class::created_at(here).to_lock(),
            Lock::Created(to_site(here))
        );
    }

    #[test]
    fn names_that_share_bytes_are_different_classes() {
        let name = "sessions";
        let (all, some) = (Class::named(name), Class::named(&name[..4]));
        assert_ne!(all.ident(), some.ident());
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name: &'static str = Box::leak("é".repeat(40_000).into_boxed_str());
        let Lock::Named(cut) = Class::named(name).to_lock() else {
            panic!("a named class")
        };
        assert_eq!(cut.len(), MAX_NAME);
        assert!(name.starts_with(&cut));
    }

    #[test]
    fn a_key_carries_location_and_mode() {
        let here = Location::caller();
        for mode in [HoldMode::Exclusive, HoldMode::Shared, HoldMode::Upgradable] {
            let key = SiteKey::new(here, mode);
            assert_eq!(key.mode(), mode);
            assert_eq!(key.location(), here);
            // SAFETY: published.
            let read = unsafe { SiteKey::from_published(key.to_published()) };
            assert_eq!(read, Some(key));
        }
        // SAFETY: 0.
        assert_eq!(unsafe { SiteKey::from_published(0) }, None);
    }
}
