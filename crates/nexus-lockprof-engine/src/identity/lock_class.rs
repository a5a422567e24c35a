//! The class that a lock carries.
//!
//! A constant may create a lock, where nothing can be looked up. So the lock carries the address of
//! its name, or of its place of creation. At the lock's first acquisition off the hot path, its
//! class gets a [number](super::numbers), which replaces that address in the lock. A lock that
//! carries neither is known by the place of that first acquisition.

use super::class::{ANONYMOUS, CREATED, Class, ClassTag, FIRST_USED, REST_LEN};
use super::key::to_site;
use super::late::Use;
use super::numbers;
use crate::sync::{AtomicPtr, Ordering::Relaxed, const_fn};
use nexus_lockprof_snapshot::Lock;
use std::panic::Location;

/// The longest lock name, in bytes. Longer ones are cut at a character boundary.
pub const MAX_NAME: usize = 0xFFFE;

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

/// Length of the name: the part of a lock's class that never changes. 4 bytes. One bit says whether
/// the lock's guards may go to other threads. That is no part of the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameLen(u32);

impl NameLen {
    const MOVE: u32 = 1 << 31;

    /// The length alone.
    fn len(self) -> u32 {
        self.0 & !Self::MOVE
    }

    /// Whether a guard of the lock may be dropped in another thread than the one that acquired it.
    pub(crate) fn guards_move(self) -> bool {
        self.0 & Self::MOVE != 0
    }
}

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
        /// The same class, for a lock whose guards may go to other threads.
        #[must_use]
        pub fn with_moving_guards(self) -> Self {
            LockClass {
                len: NameLen(self.len.0 | NameLen::MOVE),
                word: self.word,
            }
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
        let len = len.len();
        let class = Class { len, data };
        match numbers::permanent(class) {
            Some(number) => self.tell(number),
            None => self.late(class),
        }
    }

    #[cold]
    fn first_used(&self, site: &'static Location<'static>) -> Numbered {
        // Never a late number. No lock gets that at first, so the lock would be a different one at
        // each place of use.
        let number = numbers::permanent(Class::first_used_at(site)).unwrap_or(ANONYMOUS);
        let tag = ClassTag::new(number);
        // An exchange, so that of threads that are first at different places, one wins. Relaxed,
        // like all accesses to this word.
        let told = self
            .0
            .compare_exchange(std::ptr::null_mut(), tag.to_word(), Relaxed, Relaxed);
        let tag = match told {
            Ok(_) => {
                numbers::count_lock(number);
                tag
            }
            Err(others) => ClassTag(others.addr() as u64),
        };
        Numbered { tag, _use: None }
    }

    #[cold]
    fn late(&self, class: Class) -> Numbered {
        let Some((number, late)) = numbers::late(class) else {
            // The lock does not get the rest's number, because its class may get one later.
            return Numbered {
                tag: ClassTag::rest(),
                _use: None,
            };
        };
        if late.for_good {
            return self.tell(number);
        }
        Numbered {
            tag: ClassTag::new(number),
            _use: Some(late),
        }
    }

    /// Gives the lock a number that stays with its class.
    fn tell(&self, number: u32) -> Numbered {
        numbers::count_lock(number);
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
    use crate::identity::class::NUMBER_SHIFT;

    fn lock_of(class: LockClass) -> Lock {
        let tag = class.word.number(class.len, Location::caller()).tag;
        assert_eq!(class.word.tag(), tag, "the lock keeps it");
        assert_eq!(
            class.word.number(class.len, Location::caller()).tag,
            tag,
            "and is given no other"
        );
        numbers::class(tag.number()).to_lock()
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
        let class = numbers::class(tag.number());
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
        let tag = lock.word.number(lock.len, Location::caller()).tag;
        assert_eq!(lock.word.number(lock.len, Location::caller()).tag, tag);
        assert_eq!(numbers::instances(tag.number()), 1);
        let another = LockClass::named(name);
        assert_eq!(
            another.word.number(another.len, Location::caller()).tag,
            tag
        );
        assert_eq!(numbers::instances(tag.number()), 2);
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
}
