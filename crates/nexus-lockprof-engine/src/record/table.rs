//! A shard's records: an open-addressing table that its owner grows and the aggregator walks.
//!
//! Records are allocated one by one and do not move. The table is
//! an array of pointers to them. When it is three quarters full, the owner fills one of twice the
//! size, publishes it and retires the old one through the epoch; a walk that is under way
//! goes on over the old one and misses at most the records that are newer than its start.
//!
//! A record leaves in the same way: the owner publishes an array without it. It keeps its counts until the
//! aggregator has taken them over ([`take_evicted`](Table::take_evicted)), and comes back as a spare one. Only the holder of
//! the aggregator's lock walks a table and takes records over, so no walk meets a record that was made a spare.

use crate::identity;
use crate::identity::PointKey;
use crate::record::memory::try_box;
use crate::record::owner::Owner;
use crate::record::statistics::Record;
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
    /// Those of them that are a mode's last rest.
    last_rests: AtomicU64,
    collisions: AtomicU64,
    /// Where the next sweep, and the next look for idle records, begin. The owner's alone.
    swept: AtomicU64,
    hand: AtomicU64,
    /// Records in the table, evicted and spare.
    held: AtomicU64,
    /// Records that have left the table and are to be taken over.
    evicted: AtomicPtr<Record>,
    /// Records that were taken over, as new.
    spare: AtomicPtr<Record>,
}

/// Records that are in no table, linked by [`Leave::next`](crate::record::statistics::Leave). Whoever has it has them alone.
pub(crate) struct Chain(*mut Record);

impl Iterator for Chain {
    type Item = Box<Record>;

    fn next(&mut self) -> Option<Box<Record>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: each was made by `Box::into_raw`, and is in one chain only, which the caller owns.
        let record = unsafe { Box::from_raw(self.0) };
        self.0 = record.leave.next.load(Relaxed);
        Some(record)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for record in self {
            identity::release(record.key);
        }
    }
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
            // SAFETY: a non-null slot points to a record, which lives as long as the slot points to it.
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
            // SAFETY: `owner` proves that this thread is the one that replaces; it has just done so, and the old reference is not used again.
            slots = unsafe { self.slots.get_as_owner() };
        }
        let record = match self.take_spare() {
            Some(spare) => spare,
            None => {
                let new = try_box(Record::new(PointKey(0)))?;
                bump(&self.held, 1);
                Box::into_raw(new)
            }
        };
        identity::retain(key);
        // SAFETY: this thread's alone until it is in the table.
        unsafe { (*record).key = key };
        // Release: a walker that sees the pointer sees the record filled in; pairs with `for_each`.
        let home = slots.place(record, key.hash(), Release);
        bump(&self.collisions, u64::from(!home));
        bump(&self.last_rests, u64::from(key.is_last_rest()));
        self.len.store(len + 1, Relaxed);
        // SAFETY: just made; lives until its owner takes it out.
        Some(unsafe { &*record })
    }

    /// A spare record. Only the owner takes, so none is taken and put back in between.
    fn take_spare(&self) -> Option<*mut Record> {
        // Acquire: it was made new; pairs with `give_spare`.
        let mut first = self.spare.load(Acquire);
        loop {
            // SAFETY: null, or a spare record of this table.
            let next = unsafe { first.as_ref() }?.leave.next.load(Relaxed);
            // Acquire: as above.
            match self.spare.compare_exchange(first, next, Acquire, Acquire) {
                Ok(_) => return Some(first),
                Err(newer) => first = newer,
            }
        }
    }

    /// Whether there is a spare record.
    pub(crate) fn has_spare(&self) -> bool {
        !self.spare.load(Relaxed).is_null()
    }

    /// Gives a record back to its shard, as new. The aggregator's call.
    pub(crate) fn give_spare(&self, mut record: Box<Record>) {
        *record = Record::new(PointKey(0));
        push(&self.spare, Box::into_raw(record));
    }

    /// Takes up to `most` of the records that `choose` chooses out of the table, to be taken over; looks at `window` slots,
    /// in turns through the table. How many there are. The owner's call; `choose` makes no record.
    pub(crate) fn evict(
        &self,
        owner: &Owner,
        window: usize,
        most: usize,
        mut choose: impl FnMut(&Record) -> bool,
    ) -> usize {
        let mut left = most;
        let chain = self.remove(owner, window, |record| {
            let chosen = left > 0 && choose(record);
            left -= usize::from(chosen);
            chosen
        });
        let mut evicted = 0;
        let mut record = chain;
        // SAFETY: null, or a record that has just left the table.
        while let Some(leaving) = unsafe { record.as_ref() } {
            let next = leaving.leave.next.load(Relaxed);
            push(&self.evicted, record);
            record = next;
            evicted += 1;
        }
        evicted
    }

    /// Takes all that `keep` does not keep out of the table; with them what was evicted before. `None`: no memory. The owner's call.
    pub(crate) fn empty(
        &self,
        owner: &Owner,
        mut keep: impl FnMut(&Record) -> bool,
    ) -> Option<Chain> {
        let chain = self.remove(owner, usize::MAX, |record| !keep(record));
        if chain.is_null() {
            return None;
        }
        let (mut last, mut freed) = (chain, 1);
        // SAFETY: a record that has just left the table.
        while let Some(next) = unsafe { (*last).leave.next.load(Relaxed).as_mut() } {
            last = next;
            freed += 1;
        }
        // What was spare goes with them: nobody needs it.
        while let Some(spare) = self.take_spare() {
            // SAFETY: made by `Box::into_raw`; this thread's alone.
            drop(unsafe { Box::from_raw(spare) });
            freed += 1;
        }
        bump(&self.held, 0_u64.wrapping_sub(freed));
        Some(Chain(chain))
    }

    /// Takes records out of the table: a list of them. The owner's call.
    fn remove(
        &self,
        _owner: &Owner,
        window: usize,
        mut choose: impl FnMut(&Record) -> bool,
    ) -> *mut Record {
        // SAFETY: `_owner` proves that this thread is the one that replaces.
        let old = &unsafe { self.slots.get_as_owner() }.0;
        let begin = self.hand.own_load() as usize;
        let window = window.min(old.len());
        let (mut leaving, mut last_rests) = (0, self.last_rests.own_load());
        for step in 0..window {
            let record = old[begin.wrapping_add(step) & (old.len() - 1)].own_load();
            // SAFETY: null, or a record in the table.
            if let Some(record) = unsafe { record.as_ref() }
                && choose(record)
            {
                record.leave.leaving.store(true, Relaxed);
                leaving += 1;
                last_rests -= u64::from(record.key.is_last_rest());
            }
        }
        self.hand.store(begin.wrapping_add(window) as u64, Relaxed);
        let mut first = std::ptr::null_mut();
        if leaving == 0 {
            return first;
        }
        let len = self.len.own_load() as usize - leaving;
        let mut size = FIRST_SLOTS;
        while (len + 1) * 4 > size * 3 {
            size *= 2;
        }
        let new = Slots::try_new(size);
        for slot in old {
            let record = slot.own_load();
            // SAFETY: null, or a record in the table.
            let Some(now) = (unsafe { record.as_ref() }) else {
                continue;
            };
            match &new {
                Some(new) if !now.leave.leaving.load(Relaxed) => {
                    // Relaxed: `replace` publishes the whole array.
                    new.place(record, now.key.hash(), Relaxed);
                }
                Some(_) => {
                    now.leave.next.store(first, Relaxed);
                    first = record;
                }
                // They stay.
                None => now.leave.leaving.store(false, Relaxed),
            }
        }
        if let Some(new) = new {
            self.len.store(len as u64, Relaxed);
            self.last_rests.store(last_rests, Relaxed);
            // SAFETY: this thread alone replaces, and `old` is not used after this.
            unsafe { self.slots.replace(new) };
        }
        first
    }

    /// Whether records wait to be taken over.
    pub(crate) fn has_evicted(&self) -> bool {
        !self.evicted.load(Relaxed).is_null()
    }

    /// The records that have left the table since the last call. Of whoever holds the aggregator's lock.
    pub(crate) fn take_evicted(&self) -> Chain {
        // Acquire: all that was written to them is seen; pairs with `push`.
        Chain(self.evicted.swap(std::ptr::null_mut(), Acquire))
    }

    /// Records in the table, evicted and spare.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    fn grow(&self, _owner: &Owner) -> Option<()> {
        // SAFETY: `_owner` proves that this thread is the one that replaces.
        let old = unsafe { self.slots.get_as_owner() };
        let new = Slots::try_new(old.0.len() * 2)?;
        for slot in &old.0 {
            let record = slot.own_load();
            if !record.is_null() {
                // SAFETY: a non-null slot points to a record of the table.
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
            // SAFETY: null, or a record of the table.
            if let Some(record) = unsafe { record.as_ref() } {
                f(record);
            }
        }
        self.swept.store((begin + len) as u64, Relaxed);
    }

    /// Calls `f` with every record that was there at the start of the walk. Of whoever holds the aggregator's lock, or for as
    /// long as nobody else takes records over.
    pub(crate) fn for_each(&self, guard: &Guard, mut f: impl FnMut(&Record)) {
        for slot in &self.slots.get(guard).0 {
            // Acquire: pairs with the Release in `insert`, and for the records that `grow` copied
            // with the one that published the array.
            let record = slot.load(Acquire);
            if !record.is_null() {
                // SAFETY: a record that was in the array: it is not freed, nor made a spare, before it is taken over, by the
                // caller or after it.
                f(unsafe { &*record });
            }
        }
    }

    /// Number of records.
    pub(crate) fn len(&self) -> u64 {
        self.len.load(Relaxed)
    }

    /// Number of records that count against the cap of points: all but the last rests.
    pub(crate) fn points(&self) -> u64 {
        self.len() - self.last_rests.load(Relaxed)
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
                let record = unsafe { Box::from_raw(record) };
                identity::release(record.key);
            }
        }
        drop(Chain(self.evicted.load(Relaxed)));
        drop(Chain(self.spare.load(Relaxed)));
    }
}

/// Puts a record in front of a list.
fn push(list: &AtomicPtr<Record>, record: *mut Record) {
    let mut first = list.load(Relaxed);
    loop {
        // SAFETY: the caller's record, which nobody else has yet.
        unsafe { (*record).leave.next.store(first, Relaxed) };
        // Release: whoever takes the record sees what was written to it; pairs with `take_evicted` and `take_spare`.
        match list.compare_exchange(first, record, Release, Relaxed) {
            Ok(_) => return,
            Err(newer) => first = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(n: usize) -> Vec<PointKey> {
        let mut rng = fastrand::Rng::with_seed(1);
        // Of classes whose numbers are given for good.
        (0..n).map(|_| PointKey(rng.u64(1..1 << 48))).collect()
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
