//! Numbers for late lock classes, which come when the permanent numbers have run out.
//!
//! A lock keeps the number that it was given, so that number can never go to another class. At
//! first no lock gets the number of a late class. The class's acquisitions take the cold path,
//! which finds the number here, and only records have it. When no record has it any more, another
//! class can get it. If a class goes on being acquired, its number becomes permanent, and its locks
//! get it.
//!
//! An entry's number is its place. A class has a few possible places, its set. One place of each
//! set never becomes permanent, so the set always has room for the latest class, unless records
//! have all its numbers. No step waits, because a signal handler may come in between. A forked
//! child may find a place that another thread was about to fill. That place then stays unused.

use super::class::Class;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, array, const_fn, sized};
use Ordering::{Acquire, Relaxed, Release};

const WAYS: usize = sized(2, 8);
/// Acquisitions on the cold path until the number becomes permanent.
const TRIAL: u32 = sized(2, 64);

/// The state of an entry: the number of uses in the low half, then these flags, then how often the
/// entry was filled.
const USES: u64 = (1 << 32) - 1;
const FOR_GOOD: u64 = 1 << 32;
/// The entry is being filled: data and length are not valid yet.
const FILLING: u64 = 1 << 33;
const ONE_FILL: u64 = 1 << 34;

/// All late numbers. The memory is only touched as it is used.
pub(crate) struct Late<const LEN: usize>([LateEntry; LEN]);

struct LateEntry {
    state: AtomicU64,
    data: AtomicPtr<u8>,
    len: AtomicU32,
    /// Acquisitions until the number became permanent, plus locks that got it then.
    instances: AtomicU32,
}

/// A late number that stays with its class until this is dropped.
pub(crate) struct Use<'a> {
    state: &'a AtomicU64,
    /// The number's place in the table.
    pub(crate) place: usize,
    /// Whether locks may get the number.
    pub(crate) for_good: bool,
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        // Release: the uses of the number come before another class gets it. Pairs with `fill`.
        self.state.fetch_sub(1, Release);
    }
}

impl<const LEN: usize> Late<LEN> {
    const_fn! {
        pub(crate) fn new() -> Self {
            Late(array![
                LateEntry {
                    state: AtomicU64::new(0),
                    data: AtomicPtr::new(std::ptr::null_mut()),
                    len: AtomicU32::new(0),
                    instances: AtomicU32::new(0),
                };
                LEN
            ])
        }
    }

    /// The number of `class`. The first call assigns it. `None`: records have all the numbers that
    /// it could get.
    pub(crate) fn number(&self, class: Class) -> Option<Use<'_>> {
        let begin = self.set_of(class);
        let found = self.find(begin, class).or_else(|| self.fill(begin, class));
        let mut found = found?;
        let count = &self.0[found.place].instances;
        if !found.for_good && count.fetch_add(1, Relaxed) + 1 >= TRIAL {
            found.for_good = self.give_for_good(begin, found.place);
        }
        Some(found)
    }

    /// The first place of a class's set.
    fn set_of(&self, class: Class) -> usize {
        let hash = (class.data.addr() as u64 ^ u64::from(class.len) << 48)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> 32) as usize % (LEN / WAYS) * WAYS
    }

    fn set(&self, begin: usize) -> impl Iterator<Item = (usize, &LateEntry)> {
        self.0.iter().enumerate().skip(begin).take(WAYS)
    }

    fn find(&self, begin: usize, class: Class) -> Option<Use<'_>> {
        self.set(begin).find_map(|(place, entry)| {
            // Acquire: if the state is not `FILLING`, its class is visible. Pairs with `fill`.
            let mut state = entry.state.load(Acquire);
            loop {
                let is_it = state >= ONE_FILL
                    && state & FILLING == 0
                    && entry.data.load(Relaxed) == class.data.cast_mut()
                    && entry.len.load(Relaxed) == class.len;
                if !is_it {
                    return None;
                }
                // If the state is unchanged, nobody has filled the entry again, so the class that
                // was read is valid.
                // Acquire: if the state has changed, the new class is visible. Pairs with `fill`.
                match entry
                    .state
                    .compare_exchange(state, state + 1, Acquire, Acquire)
                {
                    Ok(_) => {
                        return Some(Use {
                            state: &entry.state,
                            place,
                            for_good: state & FOR_GOOD != 0,
                        });
                    }
                    Err(newer) => state = newer,
                }
            }
        })
    }

    /// Takes a place whose number no record has. Two threads that do it at once give their class
    /// two numbers. That is harmless, because points are told apart by their names.
    fn fill(&self, begin: usize, class: Class) -> Option<Use<'_>> {
        self.set(begin).find_map(|(place, entry)| {
            let state = entry.state.load(Relaxed);
            if state & (USES | FOR_GOOD | FILLING) != 0 {
                return None;
            }
            let filling = (state + ONE_FILL) | FILLING | 1;
            // Acquire: comes after earlier uses of the number. Pairs with the drop of the last
            // `Use`, and with `release`.
            entry
                .state
                .compare_exchange(state, filling, Acquire, Relaxed)
                .ok()?;
            entry.data.store(class.data.cast_mut(), Relaxed);
            entry.len.store(class.len, Relaxed);
            entry.instances.store(0, Relaxed);
            // Release: a thread that sees the entry filled sees its contents. Pairs with `find`.
            entry.state.fetch_and(!FILLING, Release);
            Some(Use {
                state: &entry.state,
                place,
                for_good: false,
            })
        })
    }

    /// Makes the number permanent if its set allows that, and returns whether it did. Two threads
    /// that do it at once may leave the set no place.
    #[cold]
    fn give_for_good(&self, begin: usize, place: usize) -> bool {
        let given = self
            .set(begin)
            .filter(|(_, entry)| entry.state.load(Relaxed) & FOR_GOOD != 0);
        if given.count() + 1 >= WAYS {
            return false;
        }
        self.0[place].state.fetch_or(FOR_GOOD, Relaxed);
        true
    }

    /// Counts one more record with the number. The caller knows another record with it, or has a
    /// [`Use`] of it.
    pub(crate) fn retain(&self, place: usize) {
        self.0[place].state.fetch_add(1, Relaxed);
    }

    /// A record with the number is gone.
    pub(crate) fn release(&self, place: usize) {
        // Release: the uses of the number come before another class gets it. Pairs with `fill`.
        self.0[place].state.fetch_sub(1, Release);
    }

    /// How many uses the number has.
    #[cfg(test)]
    pub(crate) fn uses(&self, place: usize) -> u64 {
        self.0[place].state.load(Relaxed) & USES
    }

    /// Whether the number stays with its class for ever.
    pub(crate) fn is_for_good(&self, place: usize) -> bool {
        self.0[place].state.load(Relaxed) & FOR_GOOD != 0
    }

    /// The class with the number. The caller knows that the number is in use.
    pub(crate) fn class(&self, place: usize) -> Class {
        Class {
            len: self.0[place].len.load(Relaxed),
            data: self.0[place].data.load(Relaxed),
        }
    }

    /// Locks that got the number, plus acquisitions before that.
    pub(crate) fn instances(&self, place: usize) -> &AtomicU32 {
        &self.0[place].instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one set.
    type Set = Late<WAYS>;

    fn class(name: &'static str) -> Class {
        Class {
            len: name.len() as u32,
            data: name.as_ptr(),
        }
    }

    fn names() -> [&'static str; WAYS + 2] {
        std::array::from_fn(|i| &*Box::leak(format!("late-{i}").into_boxed_str()))
    }

    #[test]
    fn a_number_that_no_record_has_goes_to_the_next_class() {
        let late = Set::new();
        for name in names() {
            let used = late.number(class(name)).unwrap();
            assert_eq!(late.class(used.place).data, name.as_ptr());
            assert!(!used.for_good);
        }
        // Numbers that records have stay, too.
        let names = names();
        let places: Vec<usize> = names[..WAYS]
            .iter()
            .map(|name| {
                let used = late.number(class(name)).unwrap();
                late.retain(used.place);
                used.place
            })
            .collect();
        assert!(late.number(class(names[WAYS])).is_none());
        assert_eq!(late.number(class(names[3])).unwrap().place, places[3]);
        late.release(places[3]);
        assert_eq!(late.number(class(names[WAYS])).unwrap().place, places[3]);
    }

    #[test]
    fn a_class_that_is_used_on_and_on_keeps_its_number() {
        let late = Set::new();
        let names = names();
        for name in names {
            let mut last = None;
            for _ in 0..TRIAL {
                last = late.number(class(name)).map(|used| used.for_good);
            }
            let kept = names.iter().position(|&other| other == name) < Some(WAYS - 1);
            assert_eq!(last, Some(kept), "one place stays free: {name}");
        }
        for name in &names[..WAYS - 1] {
            assert!(late.number(class(name)).unwrap().for_good);
        }
    }
}
