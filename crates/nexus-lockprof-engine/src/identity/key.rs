//! The key of a record: lock class, mode and source location, in one word.

use super::class::{ADDRESS, ClassTag, NUMBER_SHIFT};
use nexus_lockprof_snapshot::{AcquireMode, Site};
use std::panic::Location;

/// How a lock is acquired. A [`SiteKey`] carries the mode in its low bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum HoldMode {
    /// Exclusive.
    Exclusive = 0,
    /// Shared.
    Shared = 1,
    /// Upgradable.
    Upgradable = 2,
    /// Shared, without queueing behind a writer that waits: a point of readers like any other. Only
    /// the order of locks tells it apart.
    SharedPassing = 3,
}

impl From<HoldMode> for AcquireMode {
    fn from(mode: HoldMode) -> Self {
        match mode {
            HoldMode::Exclusive => AcquireMode::Exclusive,
            HoldMode::Shared | HoldMode::SharedPassing => AcquireMode::Shared,
            HoldMode::Upgradable => AcquireMode::Upgradable,
        }
    }
}

const MODE_BITS: usize = 0b11;

/// Source location and mode in one word. The location's address has free low bits, which hold the
/// mode.
///
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SiteKey(pub(crate) usize);

/// The number of a thread in the upper 16 bits of a published word. 0 means that the thread is not
/// known.
///
/// No address reaches these bits. The threads of a process take the numbers in turns, so a number
/// can belong to two threads only if 65,534 others began between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ThreadBits(usize);

impl ThreadBits {
    const SHIFT: u32 = 48;
    const MASK: usize = 0xFFFF << Self::SHIFT;

    /// Stands for a thread that is not known.
    pub const UNKNOWN: Self = ThreadBits(0);

    /// The bits of the thread with this token, which counts from 1.
    pub(crate) fn of(token: u64) -> Self {
        let number = 1 + token.wrapping_sub(1) % 0xFFFF;
        ThreadBits((number as usize) << Self::SHIFT)
    }

    /// Whether the thread with this token is the only one of `started` that has its bits.
    pub(crate) fn is_only(token: u64, started: u64) -> bool {
        token <= 0xFFFF && token.saturating_add(0xFFFF) > started
    }

    /// Those in this word, as an event keeps them.
    pub(crate) fn from_word(word: u64) -> Self {
        Self::from_published(word as usize)
    }

    /// As a word, which [`from_word`](Self::from_word) reads.
    pub(crate) fn to_word(self) -> u64 {
        self.0 as u64
    }

    /// Those in a published word.
    pub(crate) fn from_published(word: usize) -> Self {
        ThreadBits(word & Self::MASK)
    }

    /// The rest of a published word.
    pub(crate) fn left_out_of(word: usize) -> usize {
        word & !Self::MASK
    }
}

/// The word that a lock publishes: where it was acquired last, and by which thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolderWord(usize);

impl HolderWord {
    /// Nothing is published.
    pub const NOBODY: Self = HolderWord(0);

    /// The word, as the lock has it.
    ///
    /// # Safety
    /// `word` is 0 or comes from [`SiteKey::to_published`].
    #[inline(always)]
    #[must_use]
    pub unsafe fn new(word: usize) -> Self {
        HolderWord(word)
    }

    /// The place.
    #[inline(always)]
    #[must_use]
    pub fn site(self) -> Option<SiteKey> {
        // SAFETY: the contract of `new`.
        unsafe { SiteKey::from_published(self.0) }
    }

    /// The thread.
    pub(crate) fn thread(self) -> ThreadBits {
        ThreadBits::from_published(self.0)
    }

    #[inline(always)]
    pub(crate) fn word(self) -> usize {
        self.0
    }
}

/// The site for all readers together: the address of this very line, which no lock call has.
static READERS: &Location<'static> = here();

/// The site for all points that had no record of their own, with an address of the same kind.
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

    /// The key in a published word, or `None` for 0. The word may name a thread, which this leaves
    /// out.
    ///
    /// # Safety
    /// `word` is 0 or comes from [`to_published`](Self::to_published).
    #[inline(always)]
    #[must_use]
    pub unsafe fn from_published(word: usize) -> Option<Self> {
        let key = ThreadBits::left_out_of(word);
        (key != 0).then_some(SiteKey(key))
    }

    /// The word for a lock to publish: this key, and the thread that holds the lock.
    #[inline(always)]
    #[must_use]
    pub fn to_published(self, thread: ThreadBits) -> usize {
        self.0 | thread.0
    }

    /// All readers as a group.
    pub(crate) fn readers() -> Self {
        SiteKey::new(READERS, HoldMode::Shared)
    }

    /// All sites that had no record of their own.
    pub(crate) fn rest(mode: HoldMode) -> Self {
        SiteKey::new(REST, mode)
    }

    /// The holder that a waiter can name if the lock publishes this key. Among readers, the key is
    /// that of the last to enter, which may have left.
    #[inline]
    pub(crate) fn known_holder(self) -> Self {
        match self.mode() {
            HoldMode::Shared | HoldMode::SharedPassing => Self::readers(),
            HoldMode::Exclusive | HoldMode::Upgradable => self,
        }
    }

    pub(crate) fn location(self) -> &'static Location<'static> {
        let address = self.0 & !MODE_BITS;
        // SAFETY: only `new` makes a SiteKey, from a `&'static Location`, and a lock's published
        // word passes it on unchanged. So the address without the mode bits is that location's.
        unsafe { &*std::ptr::with_exposed_provenance::<Location<'static>>(address) }
    }

    /// Never [`HoldMode::SharedPassing`], which is `Shared` here.
    pub(crate) fn mode(self) -> HoldMode {
        match self.0 & MODE_BITS {
            0 => HoldMode::Exclusive,
            2 => HoldMode::Upgradable,
            _ => HoldMode::Shared,
        }
    }

    /// Whether it reads without queueing behind a writer that waits.
    pub(crate) fn passes_writers(self) -> bool {
        self.0 & MODE_BITS == HoldMode::SharedPassing as usize
    }
}

/// Class and site of a record in one word. The upper 16 bits (17 on x86-64) hold the number of the
/// class. The lower bits hold the site's address plus a hash of that number. Two keys are equal if
/// and only if class, site and mode are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointKey(pub(crate) u64);

impl PointKey {
    /// The key of an acquisition at `site` of a lock with this class `tag`.
    ///
    /// Until the class has a number, the key matches no record.
    #[inline(always)]
    #[must_use]
    pub fn new(site: SiteKey, tag: ClassTag) -> Self {
        PointKey((site.0 as u64).wrapping_add(tag.0))
    }

    /// The number of the class.
    pub(crate) fn number(self) -> u32 {
        (self.0 >> NUMBER_SHIFT) as u32
    }

    /// The site and mode.
    pub(crate) fn site(self) -> SiteKey {
        let low = self.0 & ADDRESS;
        SiteKey((low - ClassTag::low(self.number())) as usize)
    }

    /// The key of another site of the same class.
    #[inline]
    pub(crate) fn at(self, site: SiteKey) -> Self {
        PointKey::new(site, ClassTag::new(self.number()))
    }

    /// Where this point's events go if there is no room for its record: first to its site without a
    /// class, then to no site.
    pub(crate) fn rest(self) -> [Self; 2] {
        let site = self.site();
        [site, SiteKey::rest(site.mode())].map(|site| PointKey::new(site, ClassTag::rest()))
    }

    /// Whether it has no class because there was no room.
    pub(crate) fn is_rest(self) -> bool {
        self.number() == ClassTag::rest().number()
    }

    /// Whether it is the last resort for its mode's events.
    pub(crate) fn is_last_rest(self) -> bool {
        self == self.rest()[1]
    }

    pub(crate) fn is_same_class(self, other: Self) -> bool {
        self.number() == other.number()
    }

    /// A hash for the hash tables. Fibonacci hashing, whose upper bits are good.
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
    use crate::identity::lock_class::number_of;
    use nexus_lockprof_snapshot::Lock;

    #[test]
    fn a_key_carries_location_and_mode() {
        let here = Location::caller();
        for mode in [HoldMode::Exclusive, HoldMode::Shared, HoldMode::Upgradable] {
            let key = SiteKey::new(here, mode);
            assert_eq!(key.mode(), mode);
            assert_eq!(key.location(), here);
            for thread in [
                ThreadBits::UNKNOWN,
                ThreadBits::of(1),
                ThreadBits::of(0xFFFF),
            ] {
                let word = key.to_published(thread);
                // SAFETY: `to_published` made the word.
                assert_eq!(unsafe { SiteKey::from_published(word) }, Some(key));
                assert_eq!(ThreadBits::from_published(word), thread);
            }
        }
        // SAFETY: 0 is allowed.
        assert_eq!(unsafe { SiteKey::from_published(0) }, None);
    }

    #[test]
    fn threads_take_their_numbers_in_turns() {
        assert_ne!(ThreadBits::of(1), ThreadBits::UNKNOWN);
        assert_ne!(ThreadBits::of(0xFFFF), ThreadBits::of(1));
        assert_eq!(ThreadBits::of(0x1_0000), ThreadBits::of(1));
    }

    #[test]
    fn a_reader_that_passes_writers_is_a_reader() {
        let here = Location::caller();
        let [queues, passes] =
            [HoldMode::Shared, HoldMode::SharedPassing].map(|mode| SiteKey::new(here, mode));
        assert_ne!(queues, passes);
        assert_eq!(
            (queues.mode(), passes.mode()),
            (HoldMode::Shared, HoldMode::Shared)
        );
        assert!(passes.passes_writers() && !queues.passes_writers());
        assert!(!SiteKey::new(here, HoldMode::Upgradable).passes_writers());
        assert_eq!(passes.known_holder(), SiteKey::readers());
        assert_eq!(to_site(passes.location()), to_site(here));
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
