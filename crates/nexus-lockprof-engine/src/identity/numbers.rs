//! Lock classes and their numbers.
//!
//! A constant may create a lock, where nothing can be looked up. So the lock carries the address of
//! its name, or of its place of creation. At the lock's first acquisition off the hot path, its
//! class gets a number, which replaces that address in the lock. From then on, class and site
//! together are one word to compare, a [`PointKey`]. A lock that carries neither is known by the
//! place of that first acquisition.
//!
//! Numbers are process-wide, since a lock does not change its class with the engine. They are
//! assigned without a lock, so that a signal handler may come in between. Two numbers are reserved.
//! One is for locks about which nothing is known because the numbers ran out before their first
//! use. The other is for the [rest](ClassTag::rest), which takes the acquisitions when no number is
//! left. When the permanent numbers have run out, there are as many again for [late](super::late)
//! classes.

use super::class::{ANONYMOUS, CREATED, Class, ClassTag, FIRST_USED, NUMBER_SHIFT, REST, REST_LEN};
use super::key::{PointKey, to_site};
use super::late::{Late, Use};
use crate::sync::{
    AtomicPtr, AtomicU16, AtomicU32, Ordering, array, const_fn, shared_static, sized,
};
use Ordering::{Acquire, Relaxed, Release};
use nexus_lockprof_snapshot::Lock;
use std::panic::Location;

/// The longest lock name, in bytes. Longer ones are cut at a character boundary.
pub const MAX_NAME: usize = 0xFFFE;

/// Classes that can have a permanent number. No class has number 0.
const CLASSES: usize = sized(8, 1 << (63 - NUMBER_SHIFT));
/// Slots of the index. It is never more than half full.
const SLOTS: usize = 2 * CLASSES;

/// Late numbers, which follow the permanent ones.
const LATE: usize = sized(2, CLASSES);

/// The first number that is assigned.
const FIRST: u32 = 3;

impl Class {
    /// The class as a snapshot shows it.
    pub(crate) fn to_lock(self) -> Lock {
        if self.data.is_null() {
            if self.len == REST_LEN {
                Lock::rest()
            } else {
                Lock::Anonymous
            }
        } else if self.len == CREATED || self.len == FIRST_USED {
            // SAFETY: with these lengths, `LockClass::created_at` or `first_used_at` stored a
            // `&'static Location`.
            let site = to_site(unsafe { &*self.data.cast::<Location<'static>>() });
            match self.len {
                CREATED => Lock::Created(site),
                _ => Lock::FirstUsed(site),
            }
        } else {
            // SAFETY: `LockClass::named` stored the pointer of a `&'static str`, and the length of
            // a prefix that ends at a character boundary.
            let name = unsafe {
                std::str::from_utf8_unchecked(std::slice::from_raw_parts(
                    self.data,
                    self.len as usize,
                ))
            };
            Lock::Named(name.into())
        }
    }
}

impl PointKey {
    pub(crate) fn class(self) -> Class {
        class(self.number())
    }
}

/// Length of the name: the part of a lock's class that never changes. 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameLen(u32);

/// The address of the name, and later the number of the class. Takes 8 bytes of a lock.
///
/// Relaxed throughout: all threads that give a lock a number give it the same one.
#[derive(Debug)]
pub struct ClassWord(AtomicPtr<u8>);

/// The two parts of a new lock's class. They belong together: a length is wrong beside another
/// class's word.
#[derive(Debug)]
pub struct LockClass {
    /// The length, to keep in the lock.
    pub len: NameLen,
    /// The word, to keep in the lock.
    pub word: ClassWord,
}

impl LockClass {
    const_fn! {
        /// The class of locks about which nothing is known.
        #[must_use]
        pub fn anonymous() -> Self {
            Self::new(0, std::ptr::null())
        }
    }

    const_fn! {
        /// The class of all locks created at `site`.
        #[must_use]
        pub fn created_at(site: &'static Location<'static>) -> Self {
            Self::new(CREATED, std::ptr::from_ref(site).cast())
        }
    }

    const_fn! {
        /// The class of all locks named `name` (its first [`MAX_NAME`] bytes).
        #[must_use]
        pub fn named(name: &'static str) -> Self {
            let mut len = name.len();
            if len > MAX_NAME {
                len = MAX_NAME;
                while !name.is_char_boundary(len) {
                    len -= 1;
                }
            }
            Self::new(len as u32, name.as_ptr())
        }
    }

    const_fn! {
        fn new(len: u32, data: *const u8) -> Self {
            LockClass {
                len: NameLen(len),
                word: ClassWord(AtomicPtr::new(data.cast_mut())),
            }
        }
    }
}

impl ClassWord {
    /// The tag as it is now.
    #[inline(always)]
    pub fn tag(&self) -> ClassTag {
        ClassTag(self.0.load(Relaxed).addr() as u64)
    }

    /// The tag with the number of the class. The first call assigns the number. It is that of the
    /// rest if there are no more numbers. The lock is being acquired at `site`, which is its class
    /// if it has no other.
    ///
    /// The lock then counts as one more lock of its class. Two threads that do it at once may count
    /// it twice.
    pub(crate) fn number(&self, len: NameLen, site: &'static Location<'static>) -> Numbered {
        let data = self.0.load(Relaxed);
        let tag = ClassTag(data.addr() as u64);
        if tag.is_number() {
            return Numbered { tag, _use: None };
        }
        if data.is_null() {
            return self.first_used(site);
        }
        let class = Class { len: len.0, data };
        match NUMBERS.number(class) {
            Some(number) => {
                count(NUMBERS.instances(number));
                self.tell(number)
            }
            None => self.late(class),
        }
    }

    #[cold]
    fn first_used(&self, site: &'static Location<'static>) -> Numbered {
        // Never a late number. No lock gets that at first, so the lock would be a different one at
        // each place of use.
        let number = NUMBERS
            .number(Class::first_used_at(site))
            .unwrap_or(ANONYMOUS);
        let tag = ClassTag::new(number);
        // An exchange, so that of threads that are first at different places, one wins. Relaxed,
        // like all accesses to this word.
        let told = self
            .0
            .compare_exchange(std::ptr::null_mut(), tag.to_word(), Relaxed, Relaxed);
        let tag = match told {
            Ok(_) => {
                count(NUMBERS.instances(number));
                tag
            }
            Err(others) => ClassTag(others.addr() as u64),
        };
        Numbered { tag, _use: None }
    }

    #[cold]
    fn late(&self, class: Class) -> Numbered {
        let Some(late) = NUMBERS.late.number(class) else {
            // The lock does not get the rest's number, because its class may get one later.
            return Numbered {
                tag: ClassTag::rest(),
                _use: None,
            };
        };
        let number = (CLASSES + late.place) as u32;
        if late.for_good {
            count(NUMBERS.late.instances(late.place));
            return self.tell(number);
        }
        Numbered {
            tag: ClassTag::new(number),
            _use: Some(late),
        }
    }

    fn tell(&self, number: u32) -> Numbered {
        let tag = ClassTag::new(number);
        self.0.store(tag.to_word(), Relaxed);
        Numbered { tag, _use: None }
    }
}

/// A number, and what keeps it with its class until a record has it.
pub(crate) struct Numbered {
    pub(crate) tag: ClassTag,
    _use: Option<Use<'static>>,
}

/// Relaxed: the count is only read much later.
fn count(count: &AtomicU32) {
    if count.fetch_add(1, Relaxed) == u32::MAX {
        // Stays at the limit instead of starting again from 0.
        count.store(u32::MAX, Relaxed);
    }
}

/// A number's place among the late ones, if it is late.
fn late_place(number: u32) -> Option<usize> {
    (number as usize).checked_sub(CLASSES)
}

/// The class with this number, which has been assigned.
pub(crate) fn class(number: u32) -> Class {
    match late_place(number) {
        Some(place) => NUMBERS.late.class(place),
        None => NUMBERS.class(number),
    }
}

/// How many locks of this class have got its number, including those that are gone. It is at least
/// the number of locks acquired.
pub(crate) fn instances(number: u32) -> u64 {
    let count = match late_place(number) {
        Some(place) => NUMBERS.late.instances(place),
        None => NUMBERS.instances(number),
    };
    match count.load(Relaxed) {
        0 | u32::MAX => u64::MAX,
        count => u64::from(count),
    }
}

/// Whether another class may get the number later.
pub(crate) fn may_change(number: u32) -> bool {
    late_place(number).is_some_and(|place| !NUMBERS.late.is_for_good(place))
}

/// Counts one more record with this key. The caller knows a record of its class, or has the key
/// [numbered](ClassWord::number).
pub(crate) fn retain(key: PointKey) {
    if let Some(place) = late_place(key.number()) {
        NUMBERS.late.retain(place);
    }
}

/// A record with this key is gone, and nobody uses the key any more.
pub(crate) fn release(key: PointKey) {
    if let Some(place) = late_place(key.number()) {
        NUMBERS.late.release(place);
    }
}

/// All numbers assigned. The memory is only touched as it is used.
pub(crate) struct Numbers {
    classes: [ClassEntry; CLASSES],
    /// Numbers by hash, with linear probing. 0 is free.
    index: [AtomicU16; SLOTS],
    /// How many were given for good. All is zero before: three megabytes that are in no program's
    /// file.
    given: AtomicU32,
    late: Late<LATE>,
}

struct ClassEntry {
    data: AtomicPtr<u8>,
    len: AtomicU32,
    /// Locks that got the number. 2^32 - 1 means that many or more.
    instances: AtomicU32,
}

shared_static! {
    static NUMBERS: Numbers = Numbers {
        classes: array![
            ClassEntry {
                data: AtomicPtr::new(std::ptr::null_mut()),
                len: AtomicU32::new(0),
                instances: AtomicU32::new(0),
            };
            CLASSES
        ],
        index: array![AtomicU16::new(0); SLOTS],
        given: AtomicU32::new(0),
        late: Late::new(),
    };
}

impl Numbers {
    /// The number of `class`, which must not be the anonymous one. The first call assigns it.
    fn number(&self, class: Class) -> Option<u32> {
        // The address is not mixed: places and names lie side by side in memory. So their slots are
        // in few pages, too.
        let home = class.data.addr().wrapping_add(class.len as usize);
        let mut mine = None;
        for step in 0..SLOTS {
            let slot = &self.index[(home + step) % SLOTS];
            // Acquire: a thread that sees a number sees its class. Pairs with the exchange below.
            let mut number = slot.load(Acquire);
            if number == 0 {
                let new = match mine {
                    Some(new) => new,
                    None => *mine.insert(self.give(class)?),
                };
                // Release: publishes the number's class. Pairs with the Acquire above.
                match slot.compare_exchange(0, new, Release, Acquire) {
                    Ok(_) => return Some(u32::from(new)),
                    // Acquire: this thread sees the class of the other thread's number. Pairs with
                    // the Release that stored it. The new number is wasted, unless a later slot
                    // takes it.
                    Err(others) => number = others,
                }
            }
            let other = self.class(u32::from(number));
            if other.data == class.data && other.len == class.len {
                return Some(u32::from(number));
            }
        }
        None
    }

    fn give(&self, class: Class) -> Option<u16> {
        // Relaxed: only needs to be assigned once.
        let number = FIRST
            + self
                .given
                .fetch_update(Relaxed, Relaxed, |given| {
                    (FIRST + given < CLASSES as u32).then_some(given + 1)
                })
                .ok()?;
        // Relaxed: the exchange that puts the number into the index publishes both.
        let entry = &self.classes[number as usize];
        entry.data.store(class.data.cast_mut(), Relaxed);
        entry.len.store(class.len, Relaxed);
        u16::try_from(number).ok()
    }

    fn instances(&self, number: u32) -> &AtomicU32 {
        &self.classes[number as usize].instances
    }

    fn class(&self, number: u32) -> Class {
        if number == REST {
            return Class {
                len: REST_LEN,
                data: std::ptr::null(),
            };
        }
        let entry = &self.classes[number as usize];
        Class {
            len: entry.len.load(Relaxed),
            data: entry.data.load(Relaxed),
        }
    }
}

/// Gives the class `name` its number, as the first acquisition of one of its locks does.
#[cfg(test)]
pub(crate) fn number_of(name: &'static str) -> Option<ClassTag> {
    let word = ClassWord(AtomicPtr::new(name.as_ptr().cast_mut()));
    Some(
        word.number(NameLen(name.len() as u32), Location::caller())
            .tag,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock_of(class: LockClass) -> Lock {
        let tag = class.word.number(class.len, Location::caller()).tag;
        assert_eq!(class.word.tag(), tag, "the lock keeps it");
        assert_eq!(
            class.word.number(class.len, Location::caller()).tag,
            tag,
            "and is given no other"
        );
        super::class((tag.0 >> NUMBER_SHIFT) as u32).to_lock()
    }

    #[test]
    fn a_class_says_what_it_was_made_of() {
        assert_eq!(lock_of(LockClass::named("db")), Lock::Named("db".into()));
        assert_eq!(lock_of(LockClass::named("")), Lock::Named("".into()));
        let here = Location::caller();
        assert_eq!(
            lock_of(LockClass::created_at(here)),
            Lock::Created(to_site(here))
        );
    }

    #[test]
    fn a_lock_of_which_nothing_is_known_is_known_by_its_first_use() {
        let (first, later) = (Location::caller(), Location::caller());
        let lock = LockClass::anonymous();
        let tag = lock.word.number(lock.len, first).tag;
        assert_eq!(lock.word.tag(), tag);
        assert_eq!(lock.word.number(lock.len, later).tag, tag);
        let class = super::class(tag.number());
        assert_eq!(class.to_lock(), Lock::FirstUsed(to_site(first)));
        // A class of locks created there is another.
        let created = LockClass::created_at(first);
        assert_ne!(created.word.number(created.len, first).tag, tag);
    }

    #[test]
    fn locks_of_one_class_have_one_number() {
        let name = "sessions";
        let tag = number_of(name).unwrap();
        assert_eq!(number_of(name), Some(tag));
        // Names that share bytes are different classes.
        assert_ne!(number_of(&name[..4]), Some(tag));
    }

    #[test]
    fn each_lock_of_a_class_counts_once() {
        let name = "counted";
        let lock = LockClass::named(name);
        let number = |tag: ClassTag| (tag.0 >> NUMBER_SHIFT) as u32;
        let tag = lock.word.number(lock.len, Location::caller()).tag;
        assert_eq!(lock.word.number(lock.len, Location::caller()).tag, tag);
        assert_eq!(super::instances(number(tag)), 1);
        let another = LockClass::named(name);
        assert_eq!(
            another.word.number(another.len, Location::caller()).tag,
            tag
        );
        assert_eq!(super::instances(number(tag)), 2);
    }

    #[test]
    fn an_address_is_no_number() {
        let class = LockClass::named("an address");
        assert!(!class.word.tag().is_number());
        assert!(!ClassTag(0).is_number());
        // This is what an address with a tag in its upper bits looks like.
        assert!(!ClassTag(3 << NUMBER_SHIFT | 0x5555_0000).is_number());
        assert!(ClassTag::new(3).is_number());
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name: &'static str = Box::leak("é".repeat(40_000).into_boxed_str());
        let Lock::Named(cut) = lock_of(LockClass::named(name)) else {
            panic!("a named class")
        };
        assert_eq!(cut.len(), MAX_NAME);
        assert!(name.starts_with(cut.as_str()));
    }

    #[test]
    fn numbers_run_out_and_those_given_stay() {
        let numbers: Box<Numbers> = {
            // SAFETY: all fields are atomics, for which zero is a valid value. It is too large for
            // the stack.
            unsafe { Box::<Numbers>::new_zeroed().assume_init() }
        };
        static BYTES: [u8; CLASSES + 1] = [b'x'; CLASSES + 1];
        let bytes: &'static [u8] = &BYTES;
        let class = |i: usize| Class {
            len: 1,
            data: &raw const bytes[i],
        };
        let first = FIRST as usize;
        for i in first..CLASSES {
            assert_eq!(numbers.number(class(i)), Some(i as u32));
        }
        assert_eq!(numbers.number(class(CLASSES)), None);
        for i in [first, first + 1, CLASSES / 2, CLASSES - 1] {
            assert_eq!(numbers.number(class(i)), Some(i as u32));
        }
    }
}
