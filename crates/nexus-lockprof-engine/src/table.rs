//! A shard's records: an open-addressing table that its owner grows and the aggregator walks.
//!
//! Records are allocated one by one and never move or go away while the shard lives. The table is
//! an array of pointers to them. When it is three quarters full, the owner fills one of twice the
//! size, publishes it and retires the old one through the epoch; a walk that is under way
//! goes on over the old one and misses at most the records that are newer than its start.

use crate::identity::PointKey;
use crate::record::{Owner, Record};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, bump, published::Published};
use Ordering::{Acquire, Relaxed, Release};
use crossbeam_epoch::Guard;

const FIRST_SLOTS: usize = if cfg!(lockprof_loom) { 2 } else { 16 };

struct Slots(Box<[AtomicPtr<Record>]>);

impl Slots {
    fn try_new(len: usize) -> Option<Self> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(len).ok()?;
        slots.resize_with(len, || AtomicPtr::new(std::ptr::null_mut()));
        Some(Slots(slots.into_boxed_slice()))
    }

    /// Slots in probe order, home first.
    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicPtr<Record>> {
        let mask = self.0.len() - 1;
        let home = (hash >> 32) as usize & mask;
        (0..self.0.len()).map(move |step| &self.0[(home + step) & mask])
    }

    /// Puts a record into the first free slot. `true` if that was its home.
    fn place(&self, record: *mut Record, hash: u64, order: Ordering) -> bool {
        for (step, slot) in self.probe(hash).enumerate() {
            if slot.own_load().is_null() {
                slot.store(record, order);
                return step == 0;
            }
        }
        // A table is never full: it grows at three quarters.
        false
    }
}

/// The records of one shard.
pub(crate) struct Table {
    slots: Published<Slots>,
    len: AtomicU64,
    collisions: AtomicU64,
    /// Where the next sweep begins. The owner's alone.
    swept: AtomicU64,
}

impl Table {
    pub(crate) fn try_new() -> Option<Self> {
        Some(Table {
            slots: Published::new(Slots::try_new(FIRST_SLOTS)?),
            len: AtomicU64::new(0),
            collisions: AtomicU64::new(0),
            swept: AtomicU64::new(0),
        })
    }

    /// The record of `key`, if there is one. The owner's call.
    pub(crate) fn find(&self, _owner: &Owner, key: PointKey) -> Option<&Record> {
        // SAFETY: `_owner` proves that this thread is the one that replaces.
        let slots = unsafe { self.slots.get_as_owner() };
        for slot in slots.probe(key.hash()) {
            let record = slot.own_load();
            if record.is_null() {
                return None;
            }
            // SAFETY: a non-null slot points to a record, which lives as long as the table.
            let record = unsafe { &*record };
            if record.key == key {
                return Some(record);
            }
        }
        None
    }

    /// A new record for `key`, which is not in the table, or `None` when there is no memory. The owner's call.
    pub(crate) fn insert(&self, owner: &Owner, key: PointKey) -> Option<&Record> {
        let len = self.len.own_load();
        // SAFETY: `owner` proves that this thread is the one that replaces.
        let mut slots = unsafe { self.slots.get_as_owner() };
        if (len as usize + 1) * 4 > slots.0.len() * 3 {
            self.grow(owner)?;
            // SAFETY: as above; `grow` is done.
            slots = unsafe { self.slots.get_as_owner() };
        }
        let record = Box::into_raw(try_box(Record::new(key, len as usize))?);
        // Release: a walker that sees the pointer sees the record filled in; pairs with `for_each`.
        let home = slots.place(record, key.hash(), Release);
        bump(&self.collisions, u64::from(!home));
        self.len.store(len + 1, Relaxed);
        // SAFETY: just made; lives as long as the table.
        Some(unsafe { &*record })
    }

    fn grow(&self, _owner: &Owner) -> Option<()> {
        // SAFETY: `_owner` proves that this thread is the one that replaces.
        let old = unsafe { self.slots.get_as_owner() };
        let new = Slots::try_new(old.0.len() * 2)?;
        for slot in &old.0 {
            let record = slot.own_load();
            if !record.is_null() {
                // SAFETY: a non-null slot points to a record, which lives as long as the table.
                let hash = unsafe { (*record).key.hash() };
                // Relaxed: `replace` publishes the whole array.
                new.place(record, hash, Relaxed);
            }
        }
        // SAFETY: this thread alone replaces, and `old` is not used after this.
        unsafe { self.slots.replace(new) };
        Some(())
    }

    /// Calls `f` with the records in the next `len` slots, in turns through the table. The owner's call; `f` makes no record.
    pub(crate) fn sweep(&self, _owner: &Owner, len: usize, mut f: impl FnMut(&Record)) {
        // SAFETY: `_owner` proves that this thread is the one that replaces.
        let slots = &unsafe { self.slots.get_as_owner() }.0;
        let begin = self.swept.own_load() as usize;
        for step in 0..len.min(slots.len()) {
            let record = slots[(begin + step) & (slots.len() - 1)].own_load();
            // SAFETY: null, or a record, which lives as long as the table.
            if let Some(record) = unsafe { record.as_ref() } {
                f(record);
            }
        }
        self.swept.store((begin + len) as u64, Relaxed);
    }

    /// Calls `f` with every record that was there at the start of the walk. Any thread's call.
    pub(crate) fn for_each<'t>(&'t self, guard: &Guard, mut f: impl FnMut(&'t Record)) {
        for slot in &self.slots.get(guard).0 {
            // Acquire: pairs with the Release in `insert`, and for the records that `grow` copied
            // with the one that published the array.
            let record = slot.load(Acquire);
            if !record.is_null() {
                // SAFETY: a non-null slot points to a record, which lives as long as the table.
                f(unsafe { &*record });
            }
        }
    }

    /// Number of records.
    pub(crate) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }

    /// Records that did not get their home slot when they were made.
    pub(crate) fn collisions(&self) -> u64 {
        self.collisions.load(Relaxed)
    }

    /// Number of slots.
    pub(crate) fn hash_size(&self, guard: &Guard) -> u64 {
        self.slots.get(guard).0.len() as u64
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: this thread is the only one.
        let slots = unsafe { self.slots.get_as_owner() };
        for slot in &slots.0 {
            let record = slot.load(Relaxed);
            if !record.is_null() {
                // SAFETY: made by `try_box`, in one slot only, and dropped once.
                drop(unsafe { Box::from_raw(record) });
            }
        }
    }
}

/// A value on the heap, or `None` when there is no memory for it.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() != 0) };
    // SAFETY: the size is not zero.
    let place = unsafe { std::alloc::alloc(std::alloc::Layout::new::<T>()) }.cast::<T>();
    if place.is_null() {
        return None;
    }
    // SAFETY: just allocated for a T.
    unsafe { place.write(value) };
    // SAFETY: allocated as a box's content is, and filled.
    Some(unsafe { Box::from_raw(place) })
}

#[cfg(test)]
#[cfg(not(lockprof_loom))]
mod tests {
    use super::*;

    fn keys(n: usize) -> Vec<PointKey> {
        let mut rng = fastrand::Rng::with_seed(1);
        (0..n).map(|_| PointKey(rng.u64(1..))).collect()
    }

    #[test]
    fn records_are_found_after_growth() {
        // SAFETY: the table is this thread's.
        let owner = unsafe { Owner::assume() };
        let table = Table::try_new().unwrap();
        let keys = keys(1000);
        for &key in &keys {
            assert!(table.find(&owner, key).is_none());
            table.insert(&owner, key).unwrap();
        }
        for (ordinal, &key) in keys.iter().enumerate() {
            assert_eq!(table.find(&owner, key).unwrap().ordinal(), ordinal);
        }
        let guard = crossbeam_epoch::pin();
        let mut seen = vec![0; keys.len()];
        table.for_each(&guard, |record| seen[record.ordinal()] += 1);
        assert!(seen.iter().all(|&n| n == 1));
        assert_eq!(table.len(), 1000);
        assert_eq!(table.hash_size(&guard), 2048);
        assert!(table.collisions() > 0 && table.collisions() < 600);
    }
}
