//! What a record is about: lock class, mode and source location, in one word.

use super::class::{ADDRESS, ClassTag, NUMBER_SHIFT};
use nexus_lockprof_snapshot::{AcquireMode, Site};
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

/// The place of readers that are not told apart: of this very line, and of nothing else.
static READERS: &Location<'static> = here();

/// The place of what was not kept apart, likewise.
static REST: &Location<'static> = there();

const fn here() -> &'static Location<'static> {
    Location::caller()
}

const fn there() -> &'static Location<'static> {
    Location::caller()
}

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

    /// Readers as a group, none of them by name.
    pub(crate) fn readers() -> Self {
        SiteKey::new(READERS, HoldMode::Shared)
    }

    /// All places that were not kept apart.
    pub(crate) fn rest(mode: HoldMode) -> Self {
        SiteKey::new(REST, mode)
    }

    /// Who a waiter can say has the lock, when this is what it publishes. Of readers it is the one that came last, and that
    /// one may have left.
    #[inline]
    pub(crate) fn known_holder(self) -> Self {
        match self.mode() {
            HoldMode::Shared => Self::readers(),
            HoldMode::Exclusive | HoldMode::Upgradable => self,
        }
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

/// Class and site of a record in one word: the number of the class in the upper 16 bits (17 on x86-64), and, below, the site's address
/// plus eight times that number. Two keys are equal if and only if class, site and mode are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointKey(pub(crate) u64);

impl PointKey {
    /// The key of an acquisition at `site` of a lock whose class word says `tag`.
    ///
    /// Of a class that has no number yet it is the key of no record.
    #[inline(always)]
    #[must_use]
    pub fn new(site: SiteKey, tag: ClassTag) -> Self {
        PointKey((site.0 as u64).wrapping_add(tag.0))
    }

    /// The number of the class.
    pub(crate) fn number(self) -> u32 {
        (self.0 >> NUMBER_SHIFT) as u32
    }

    /// Where, and in which mode.
    pub(crate) fn site(self) -> SiteKey {
        let low = self.0 & ADDRESS;
        SiteKey((low - ClassTag::low(self.number())) as usize)
    }

    /// The key of another site of the same class.
    #[inline]
    pub(crate) fn at(self, site: SiteKey) -> Self {
        PointKey::new(site, ClassTag::new(self.number()))
    }

    /// Where the events of this point go when there is no room for a record of it: to its site, of no class; then to no site.
    pub(crate) fn rest(self) -> [Self; 2] {
        let site = self.site();
        [site, SiteKey::rest(site.mode())].map(|site| PointKey::new(site, ClassTag::rest()))
    }

    /// Whether it is of no class because there was no room.
    pub(crate) fn is_rest(self) -> bool {
        self.number() == ClassTag::rest().number()
    }

    /// Whether it is the last place for its mode's events to go to.
    pub(crate) fn is_last_rest(self) -> bool {
        self == self.rest()[1]
    }

    pub(crate) fn is_same_class(self, other: Self) -> bool {
        self.number() == other.number()
    }

    /// For the hash tables (Fibonacci hashing: the upper bits are good).
    pub(crate) fn hash(self) -> u64 {
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

pub(crate) fn to_site(location: &Location<'_>) -> Site {
    if std::ptr::eq(location, READERS) {
        return Site::readers();
    }
    if std::ptr::eq(location, REST) {
        return Site::rest();
    }
    Site {
        file: location.file().into(),
        line: location.line(),
        column: location.column(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::numbers::number_of;
    use nexus_lockprof_snapshot::Lock;

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

    #[test]
    fn readers_are_a_group() {
        let site = |mode| SiteKey::new(Location::caller(), mode);
        let reader = site(HoldMode::Shared);
        assert_eq!(reader.known_holder(), SiteKey::readers());
        assert_eq!(SiteKey::readers().mode(), HoldMode::Shared);
        assert_eq!(to_site(SiteKey::readers().location()), Site::readers());
        assert_ne!(to_site(reader.location()), Site::readers());
        for mode in [HoldMode::Exclusive, HoldMode::Upgradable] {
            assert_eq!(site(mode).known_holder(), site(mode));
        }
    }

    #[test]
    fn a_point_is_told_by_its_key() {
        let site = SiteKey::new(Location::caller(), HoldMode::Shared);
        let (a, b) = (number_of("a").unwrap(), number_of("b").unwrap());
        let key = PointKey::new(site, a);
        assert_eq!(key.site(), site);
        assert_eq!(key.class().to_lock(), Lock::Named("a".into()));
        assert_ne!(key, PointKey::new(site, b));
        let elsewhere = SiteKey::new(Location::caller(), HoldMode::Shared);
        assert_ne!(key, PointKey::new(elsewhere, a));
    }
}
