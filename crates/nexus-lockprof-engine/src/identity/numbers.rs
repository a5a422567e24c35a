//! The numbers of lock classes.
//!
//! With a class's number, class and site together are one word to compare, a [`PointKey`]. Numbers
//! are process-wide, since a lock does not change its class with the engine. They are assigned
//! without a lock, so that a signal handler may come in between. Two numbers are reserved. One is
//! for locks about which nothing is known because the numbers ran out before their first use. The
//! other is for the [rest](super::ClassTag::rest), which takes the acquisitions when no number is
//! left. When the permanent numbers have run out, there are as many again for [late](super::late)
//! classes.

use super::class::{Class, NUMBER_SHIFT, REST, REST_LEN};
use super::key::PointKey;
use super::late::{Late, Use};
use crate::sync::{AtomicPtr, AtomicU16, AtomicU32, Ordering, array, shared_static, sized};
use Ordering::{Acquire, Relaxed, Release};

/// Classes that can have a permanent number. No class has number 0.
const CLASSES: usize = sized(8, 1 << (63 - NUMBER_SHIFT));
/// Slots of the index. It is never more than half full.
const SLOTS: usize = 2 * CLASSES;

/// Late numbers, which follow the permanent ones.
const LATE: usize = sized(2, CLASSES);

/// The first number that is assigned.
const FIRST: u32 = 3;

impl PointKey {
    pub(crate) fn class(self) -> Class {
        class(self.number())
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

/// The permanent number of `class`, which must not be the anonymous one. The first call assigns it.
pub(super) fn permanent(class: Class) -> Option<u32> {
    NUMBERS.number(class)
}

/// The late number of `class`, which has no permanent one. `None`: records have all that it could
/// get.
pub(super) fn late(class: Class) -> Option<(u32, Use<'static>)> {
    let late = NUMBERS.late.number(class)?;
    Some(((CLASSES + late.place) as u32, late))
}

fn locks(number: u32) -> &'static AtomicU32 {
    match late_place(number) {
        Some(place) => NUMBERS.late.instances(place),
        None => &NUMBERS.classes[number as usize].instances,
    }
}

/// Counts one more lock that has got this number. Relaxed: the count is only read much later.
pub(super) fn count_lock(number: u32) {
    let locks = locks(number);
    if locks.fetch_add(1, Relaxed) == u32::MAX {
        // Stays at the limit instead of starting again from 0.
        locks.store(u32::MAX, Relaxed);
    }
}

/// How many locks of this class have got its number, including those that are gone. It is at least
/// the number of locks acquired.
pub(crate) fn instances(number: u32) -> u64 {
    match locks(number).load(Relaxed) {
        0 | u32::MAX => u64::MAX,
        count => u64::from(count),
    }
}

/// Whether another class may get the number later.
pub(crate) fn may_change(number: u32) -> bool {
    late_place(number).is_some_and(|place| !NUMBERS.late.is_for_good(place))
}

/// Counts one more record with this key. The caller knows a record of its class, or has the key
/// [numbered](super::ClassWord::number).
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

/// A late number.
#[cfg(test)]
pub(crate) const LAST: u32 = (CLASSES + LATE - 1) as u32;

/// How many uses a late number has.
#[cfg(test)]
pub(crate) fn uses(number: u32) -> u64 {
    late_place(number).map_or(0, |place| NUMBERS.late.uses(place))
}

/// All numbers assigned. The memory is only touched as it is used.
struct Numbers {
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
            if self.class(u32::from(number)) == class {
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

#[cfg(test)]
mod tests {
    use super::*;

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
