//! A shard's records: an open-addressing table that its owner grows and the aggregator walks.
//!
//! Records are allocated one by one and do not move. The table is an array of pointers to them.
//! When it is three quarters full, the owner fills one of twice the size, publishes it, and retires
//! the old one through the epoch. A walk in progress continues over the old one. It misses only
//! records that are newer than its start.
//!
//! A record leaves in the same way: the owner publishes an array without it. The record keeps its
//! counts until the aggregator has taken them over ([`take_evicted`](Table::take_evicted)), and
//! comes back as a spare. Only the holder of the aggregator's lock walks a table and takes records
//! over. So no walk meets a record that has become a spare.

use crate::identity;
use crate::identity::PointKey;
use crate::record::chain::{Chain, pop, push};
use crate::record::memory::try_box;
use crate::record::owner::Owner;
use crate::record::statistics::Record;
use crate::record::thread_start::{Departed, Totals};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, OwnLoad, bump, published::Published, sized};
use Ordering::{Acquire, Relaxed, Release};
use crossbeam_epoch::Guard;

const FIRST_SLOTS: usize = sized(2, 16);

struct Slots(Box<[AtomicPtr<Record>]>);

impl Slots {
    fn try_new(len: usize) -> Option<Self> {
        let mut slots = Vec::new();
        slots.try_reserve_exact(len).ok()?;
        slots.resize_with(len, || AtomicPtr::new(std::ptr::null_mut()));
        Some(Slots(slots.into_boxed_slice()))
    }

    /// Slots in probe order, starting at the home slot.
    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicPtr<Record>> {
        let mask = self.0.len() - 1;
        let home = (hash >> 32) as usize & mask;
        (0..self.0.len()).map(move |step| &self.0[(home + step) & mask])
    }

    /// Puts a record into the first free slot. Returns `true` if that was its home.
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
    /// Number of the records that are a mode's last rest.
    last_rests: AtomicU64,
    collisions: AtomicU64,
    /// Where the next sweep, and the next look for idle records, start. Only the owner uses them.
    swept: AtomicU64,
    hand: AtomicU64,
    /// Number of records: in the table, evicted, and spare.
    held: AtomicU64,
    /// Records that have left the table and wait to be taken over.
    evicted: AtomicPtr<Record>,
    /// Records that were taken over and are as new.
    spare: AtomicPtr<Record>,
    departed: Departed,
}

impl Table {
    pub(crate) fn try_new() -> Option<Self> {
        Some(Table {
            slots: Published::new(Slots::try_new(FIRST_SLOTS)?),
            len: AtomicU64::new(0),
            last_rests: AtomicU64::new(0),
            collisions: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            hand: AtomicU64::new(0),
            held: AtomicU64::new(0),
            evicted: AtomicPtr::default(),
            spare: AtomicPtr::default(),
            departed: Departed::default(),
        })
    }

    /// The record of `key`, if there is one. Only the owner calls this.
    pub(crate) fn find(&self, _owner: &Owner, key: PointKey) -> Option<&Record> {
        // SAFETY: `_owner` proves that only this thread replaces the slots.
        let slots = unsafe { self.slots.get_as_owner() };
        for slot in slots.probe(key.hash()) {
            let record = slot.own_load();
            if record.is_null() {
                return None;
            }
            // SAFETY: a non-null slot points to a record, which lives as long as the slot points to
            // it.
            let record = unsafe { &*record };
            if record.key == key {
                return Some(record);
            }
        }
        None
    }

    /// Makes a record for `key`, which is not in the table. `None` if there is no memory. Only the
    /// owner calls this.
    pub(crate) fn insert(&self, owner: &Owner, key: PointKey) -> Option<&Record> {
        let len = self.len.own_load();
        // SAFETY: `owner` proves that only this thread replaces the slots.
        let mut slots = unsafe { self.slots.get_as_owner() };
        if (len as usize + 1) * 4 > slots.0.len() * 3 {
            let leaving = self.replace(owner, Slots::try_new(slots.0.len() * 2)?);
            // None, unless a fork stopped the owner before this one in the middle of `remove`.
            self.leave(leaving);
            // SAFETY: `owner` proves that only this thread replaces the slots. It has just done so,
            // and the old reference is not used again.
            slots = unsafe { self.slots.get_as_owner() };
        }
        let record = match pop(&self.spare) {
            Some(spare) => spare,
            None => {
                let new = try_box(Record::new(PointKey(0)))?;
                bump(&self.held, 1);
                Box::into_raw(new)
            }
        };
        identity::retain(key);
        // SAFETY: no other thread reaches the record until it is in the table.
        unsafe { (*record).key = key };
        // Release: a walker that sees the pointer sees the record's contents. Pairs with
        // `for_each`.
        let home = slots.place(record, key.hash(), Release);
        bump(&self.collisions, u64::from(!home));
        bump(&self.last_rests, u64::from(key.is_last_rest()));
        self.len.store(len + 1, Relaxed);
        // SAFETY: just made, and lives until its owner takes it out.
        Some(unsafe { &*record })
    }

    /// Whether there is a spare record.
    pub(crate) fn has_spare(&self) -> bool {
        !self.spare.load(Relaxed).is_null()
    }

    /// Gives a record back to its shard as a new one. Only the aggregator calls this.
    pub(crate) fn give_spare(&self, mut record: Box<Record>) {
        *record = Record::new(PointKey(0));
        push(&self.spare, Box::into_raw(record));
    }

    /// Takes up to `most` of the records that `choose` accepts out of the table, to be taken over.
    /// Looks at `window` slots, each time at the next ones. Returns how many it took out. Only the
    /// owner calls this. `choose` must not make records.
    pub(crate) fn evict(
        &self,
        owner: &Owner,
        window: usize,
        most: usize,
        mut choose: impl FnMut(&Record) -> bool,
    ) -> usize {
        let mut left = most;
        let leaving = self.remove(owner, window, |record| {
            let chosen = left > 0 && choose(record);
            left -= usize::from(chosen);
            chosen
        });
        self.leave(leaving)
    }

    /// Hands records that have just left the table to the aggregator. Returns their number.
    fn leave(&self, mut record: *mut Record) -> usize {
        let mut number = 0;
        // SAFETY: null, or a record that has just left the table.
        while let Some(leaving) = unsafe { record.as_ref() } {
            let next = leaving.leave.next.load(Relaxed);
            self.departed.add(leaving);
            push(&self.evicted, record);
            record = next;
            number += 1;
        }
        number
    }

    /// Takes all records that `keep` rejects out of the table, and drops the spare ones. `None`:
    /// there was nothing to take, or no memory. Only the owner calls this.
    pub(crate) fn empty(
        &self,
        owner: &Owner,
        mut keep: impl FnMut(&Record) -> bool,
    ) -> Option<Chain> {
        let chain = self.remove(owner, usize::MAX, |record| !keep(record));
        if chain.is_null() {
            return None;
        }
        let (mut last, mut freed) = (chain, 0);
        // SAFETY: null, or a record that has just left the table.
        while let Some(record) = unsafe { last.as_ref() } {
            self.departed.add(record);
            last = record.leave.next.load(Relaxed);
            freed += 1;
        }
        // The spare records go too, since nobody needs them.
        while let Some(spare) = pop(&self.spare) {
            // SAFETY: made by `Box::into_raw`, and only this thread has it.
            drop(unsafe { Box::from_raw(spare) });
            freed += 1;
        }
        bump(&self.held, 0_u64.wrapping_sub(freed));
        Some(Chain(chain))
    }

    /// Takes records out of the table and returns them as a list. Only the owner calls this.
    fn remove(
        &self,
        owner: &Owner,
        window: usize,
        mut choose: impl FnMut(&Record) -> bool,
    ) -> *mut Record {
        // SAFETY: `owner` proves that only this thread replaces the slots.
        let old = &unsafe { self.slots.get_as_owner() }.0;
        let begin = self.hand.own_load() as usize;
        let window = window.min(old.len());
        let (mut leaving, mut last_rests) = (0, self.last_rests.own_load());
        for step in 0..window {
            let record = old[begin.wrapping_add(step) & (old.len() - 1)].own_load();
            // SAFETY: null, or a record in the table, which only this thread takes out.
            if let Some(record) = unsafe { record.as_ref() }
                && choose(record)
            {
                record.leaving.store(true, Relaxed);
                leaving += 1;
                last_rests -= u64::from(record.key.is_last_rest());
            }
        }
        self.hand.store(begin.wrapping_add(window) as u64, Relaxed);
        if leaving == 0 {
            return std::ptr::null_mut();
        }
        let len = self.len.own_load() as usize - leaving;
        let mut size = FIRST_SLOTS;
        while (len + 1) * 4 > size * 3 {
            size *= 2;
        }
        let Some(new) = Slots::try_new(size) else {
            // There is no memory for a new array, so the records stay.
            for slot in old {
                // SAFETY: null, or a record in the table, which only this thread takes out.
                if let Some(record) = unsafe { slot.own_load().as_ref() } {
                    record.leaving.store(false, Relaxed);
                }
            }
            return std::ptr::null_mut();
        };
        self.len.store(len as u64, Relaxed);
        self.last_rests.store(last_rests, Relaxed);
        self.replace(owner, new)
    }

    /// Moves to new slots. Returns a list of the records that are leaving, which get none.
    fn replace(&self, _owner: &Owner, new: Slots) -> *mut Record {
        let mut first = std::ptr::null_mut();
        // SAFETY: `_owner` proves that only this thread replaces the slots.
        for slot in &unsafe { self.slots.get_as_owner() }.0 {
            let record = slot.own_load();
            // SAFETY: null, or a record in the table, which only this thread takes out.
            let Some(now) = (unsafe { record.as_ref() }) else {
                continue;
            };
            if now.leaving.load(Relaxed) {
                now.leave.next.store(first, Relaxed);
                first = record;
            } else {
                // Relaxed: `replace` publishes the whole array.
                new.place(record, now.key.hash(), Relaxed);
            }
        }
        // SAFETY: only this thread replaces the slots, and the old ones are not used after this.
        unsafe { self.slots.replace(new) };
        first
    }

    /// Whether records wait to be taken over.
    pub(crate) fn has_evicted(&self) -> bool {
        !self.evicted.load(Relaxed).is_null()
    }

    /// Takes the records that have left the table since the last call. The caller holds the
    /// aggregator's lock.
    pub(crate) fn take_evicted(&self) -> Chain {
        // Acquire: this thread sees all that was written to the records. Pairs with `push`.
        Chain(self.evicted.swap(std::ptr::null_mut(), Acquire))
    }

    /// Number of records: in the table, evicted, and spare.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// Calls `f` with the records in the next `len` slots, each time the next ones. Only the owner
    /// calls this. `f` must not make records.
    pub(crate) fn sweep(&self, _owner: &Owner, len: usize, mut f: impl FnMut(&Record)) {
        // SAFETY: `_owner` proves that only this thread replaces the slots.
        let slots = &unsafe { self.slots.get_as_owner() }.0;
        let begin = self.swept.own_load() as usize;
        for step in 0..len.min(slots.len()) {
            let record = slots[(begin + step) & (slots.len() - 1)].own_load();
            // SAFETY: null, or a record of the table.
            if let Some(record) = unsafe { record.as_ref() } {
                f(record);
            }
        }
        self.swept.store((begin + len) as u64, Relaxed);
    }

    /// Calls `f` with every record that was there when the walk began. The caller holds the
    /// aggregator's lock, or nobody else takes records over during the call.
    pub(crate) fn for_each(&self, guard: &Guard, mut f: impl FnMut(&Record)) {
        for slot in &self.slots.get(guard).0 {
            // Acquire: this thread sees the record's contents. Pairs with the Release in `insert`.
            // For records that `replace` copied, it pairs with the one that published the array.
            let record = slot.load(Acquire);
            if !record.is_null() {
                // SAFETY: the record was in the array. It is neither freed nor made a spare before
                // the caller, or someone after it, takes it over.
                f(unsafe { &*record });
            }
        }
    }

    /// The sums over all records, including those that have left the table. Only the owner calls
    /// this.
    pub(crate) fn totals(&self, _owner: &Owner) -> Totals {
        let mut totals = self.departed.totals();
        // SAFETY: `_owner` proves that only this thread replaces the slots.
        for slot in &unsafe { self.slots.get_as_owner() }.0 {
            // SAFETY: null, or a record in the table, which only this thread takes out.
            if let Some(record) = unsafe { slot.own_load().as_ref() } {
                totals.add(record);
            }
        }
        totals
    }

    /// Number of records.
    pub(crate) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }

    /// Number of records that count against the cap of points: all but the last rests.
    pub(crate) fn points(&self) -> u64 {
        self.len() - self.last_rests.load(Relaxed)
    }

    /// Records that did not get their home slot when they were inserted.
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
        // SAFETY: `&mut self` means that no other thread uses the table.
        let slots = unsafe { self.slots.get_as_owner() };
        for slot in &slots.0 {
            let record = slot.load(Relaxed);
            if !record.is_null() {
                // SAFETY: made by `try_box`, in one slot only, and dropped once.
                let record = unsafe { Box::from_raw(record) };
                identity::release(record.key);
            }
        }
        drop(Chain(self.evicted.load(Relaxed)));
        drop(Chain(self.spare.load(Relaxed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(n: usize) -> Vec<PointKey> {
        let mut rng = fastrand::Rng::with_seed(1);
        // The keys belong to classes that keep their numbers for good.
        (0..n).map(|_| PointKey(rng.u64(1..1 << 48))).collect()
    }

    #[test]
    fn records_are_found_after_growth() {
        // SAFETY: only this thread uses the table.
        let owner = unsafe { Owner::assume() };
        let table = Table::try_new().unwrap();
        let keys = keys(1000);
        for &key in &keys {
            assert!(table.find(&owner, key).is_none());
            table.insert(&owner, key).unwrap();
        }
        for &key in &keys {
            assert_eq!(table.find(&owner, key).unwrap().key, key);
        }
        let guard = crossbeam_epoch::pin();
        let mut seen = std::collections::HashMap::new();
        table.for_each(&guard, |record| *seen.entry(record.key).or_insert(0) += 1);
        assert!(keys.iter().all(|key| seen[key] == 1));
        assert_eq!(table.len(), 1000);
        assert_eq!(table.hash_size(&guard), 2048);
        assert!(table.collisions() > 0 && table.collisions() < 600);
    }
}
