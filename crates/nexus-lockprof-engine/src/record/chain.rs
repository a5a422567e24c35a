//! Lists of records that are in no table, linked by
//! [`Leave::next`](crate::record::statistics::Leave).

use crate::identity;
use crate::record::statistics::Record;
use crate::sync::{AtomicPtr, Ordering};
use Ordering::{Acquire, Relaxed, Release};

/// A list that owns its records.
pub(crate) struct Chain(pub(super) *mut Record);

impl Iterator for Chain {
    type Item = Box<Record>;

    fn next(&mut self) -> Option<Box<Record>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: each record was made by `Box::into_raw` and is in one chain only, which the
        // caller owns.
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

/// Puts a record in front of a list.
pub(super) fn push(list: &AtomicPtr<Record>, record: *mut Record) {
    let mut first = list.load(Relaxed);
    loop {
        // SAFETY: the caller gives up its record, which no other thread has yet.
        unsafe { (*record).leave.next.store(first, Relaxed) };
        // Release: whoever takes the record sees what was written to it. Pairs with `pop`, and
        // with `take_evicted` of the table.
        match list.compare_exchange(first, record, Release, Relaxed) {
            Ok(_) => return,
            Err(newer) => first = newer,
        }
    }
}

/// Takes the first record of a list. Only one thread takes from it, so no record is taken and put
/// back in between.
pub(super) fn pop(list: &AtomicPtr<Record>) -> Option<*mut Record> {
    // Acquire: this thread sees the record's contents. Pairs with `push`.
    let mut first = list.load(Acquire);
    loop {
        // SAFETY: null, or a record of the list, which only this thread takes.
        let next = unsafe { first.as_ref() }?.leave.next.load(Relaxed);
        // Acquire: on success and on failure, this thread sees the contents of the record that
        // it read. Pairs with `push`.
        match list.compare_exchange(first, next, Acquire, Acquire) {
            Ok(_) => return Some(first),
            Err(newer) => first = newer,
        }
    }
}
