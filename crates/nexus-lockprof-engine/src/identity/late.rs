//! Numbers for lock classes that come late, when those that are given for good have run out.
//!
//! A lock keeps the number that it was told, so such a number can never be another class's. A late class's number is
//! told to no lock at first: its acquisitions take the cold path, which finds the number here, and only records have it. When
//! no record has it any more, it can be another class's. A class that goes on being acquired is worth more: its locks are told
//! the number, which then is given for good like the others.
//!
//! An entry's number is its place. A class has a few places, its set; one of them is never given for good, so
//! that a set always has room for the latest class, unless all its numbers are in records. No step waits: a signal
//! handler may come in between, and a forked child may find a place that another thread was about to fill, which then stays
//! unused.

use super::class::Class;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, array, const_fn, sized};
use Ordering::{Acquire, Relaxed, Release};

const WAYS: usize = sized(2, 8);
/// So many acquisitions on the cold path, and the number is given for good.
const TRIAL: u32 = sized(2, 64);

/// The state of an entry: uses in the low half, then these flags, then how often the entry was filled.
const USES: u64 = (1 << 32) - 1;
const FOR_GOOD: u64 = 1 << 32;
/// Being filled: data and length are not there yet.
const FILLING: u64 = 1 << 33;
const ONE_FILL: u64 = 1 << 34;

/// All late numbers, in memory that is touched as it is used.
pub(crate) struct Late<const LEN: usize>([LateEntry; LEN]);

struct LateEntry {
    state: AtomicU64,
    data: AtomicPtr<u8>,
    len: AtomicU32,
    /// Acquisitions until it was given for good, and locks that were told it then.
    instances: AtomicU32,
}

/// A late number that stays its class's until this is dropped.
pub(crate) struct Use<'a> {
    state: &'a AtomicU64,
    /// Place in the table.
    pub(crate) place: usize,
    /// Whether locks may be told.
    pub(crate) for_good: bool,
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        // Release: what was done with the number comes before it is another class's; pairs with `fill`.
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

    /// The number of `class`, given now if it has none. `None`: records have all that it might get.
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
            // Acquire: a state that is not `FILLING` comes after its class; pairs with `fill`.
            let mut state = entry.state.load(Acquire);
            loop {
                let is_it = state >= ONE_FILL
                    && state & FILLING == 0
                    && entry.data.load(Relaxed) == class.data.cast_mut()
                    && entry.len.load(Relaxed) == class.len;
                if !is_it {
                    return None;
                }
                // The same state still: nobody has filled it anew, so the class is what was read.
                // Acquire: as above.
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

    /// Takes a place that no record has the number of. Two threads that do it at once give their class two numbers: that
    /// does no harm, since points are told apart by what they are called.
    fn fill(&self, begin: usize, class: Class) -> Option<Use<'_>> {
        self.set(begin).find_map(|(place, entry)| {
            let state = entry.state.load(Relaxed);
            if state & (USES | FOR_GOOD | FILLING) != 0 {
                return None;
            }
            let filling = (state + ONE_FILL) | FILLING | 1;
            // Acquire: comes after what was done with the number before; pairs with the drop of the last `Use`.
            entry
                .state
                .compare_exchange(state, filling, Acquire, Relaxed)
                .ok()?;
            entry.data.store(class.data.cast_mut(), Relaxed);
            entry.len.store(class.len, Relaxed);
            entry.instances.store(0, Relaxed);
            // Release: whoever sees that it is filled sees with what; pairs with `find`.
            entry.state.fetch_and(!FILLING, Release);
            Some(Use {
                state: &entry.state,
                place,
                for_good: false,
            })
        })
    }

    /// Whether the number is given for good now. Two threads that do it at once may leave its set no place.
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

    /// One more record has the number. The caller knows of one that has it, or has a [`Use`] of it.
    pub(crate) fn retain(&self, place: usize) {
        self.0[place].state.fetch_add(1, Relaxed);
    }

    /// A record that had the number is gone.
    pub(crate) fn release(&self, place: usize) {
        // Release: as for the drop of a `Use`.
        self.0[place].state.fetch_sub(1, Release);
    }

    /// Whether the number stays its class's for ever.
    pub(crate) fn is_for_good(&self, place: usize) -> bool {
        self.0[place].state.load(Relaxed) & FOR_GOOD != 0
    }

    /// The class with the number, which the caller knows to be in use.
    pub(crate) fn class(&self, place: usize) -> Class {
        Class {
            len: self.0[place].len.load(Relaxed),
            data: self.0[place].data.load(Relaxed),
        }
    }

    /// Locks that were told the number, and acquisitions before that.
    pub(crate) fn instances(&self, place: usize) -> &AtomicU32 {
        &self.0[place].instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One set.
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
        // And what records have stays.
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
