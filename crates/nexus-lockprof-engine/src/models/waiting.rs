//! The slot of a thread's wait.

use super::*;
use crate::record::thread_info::{ThreadId, ThreadSlot};
use crate::record::waiting::WaitKind;

/// A wait that says the same in each of its fields.
fn waiting(n: usize) -> Waiting {
    Waiting {
        key: PointKey(n as u64),
        lock: 4 * n,
        holder_at: n,
        first_holder: n,
        kind: if n == 1 {
            WaitKind::Limited
        } else {
            WaitKind::Endless
        },
        since_ns: n as u64,
    }
}

/// A reader gets all of one wait or nothing, whatever the thread does meanwhile.
#[test]
fn a_wait_is_read_while_the_next_begins() {
    loom::model(|| {
        let slot = Arc::new(WaitSlot::default());
        assert!(slot.begin(&waiting(1)));
        let waiter = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.end();
                assert!(slot.begin(&waiting(2)));
            }
        });
        if let Some((_, read)) = slot.read() {
            assert_eq!(read, waiting(read.lock / 4), "parts of two waits");
        }
        assert!(waiter.join().is_ok());
        assert_eq!(slot.read().map(|(_, read)| read), Some(waiting(2)));
    });
}

/// What is read of the lock during a wait counts only if the wait still goes on: the waiter frees
/// the lock after its wait.
#[test]
fn a_lock_that_is_freed_after_the_wait_is_not_believed() {
    loom::model(|| {
        let shared = Arc::new((WaitSlot::default(), AtomicU64::new(1)));
        assert!(shared.0.begin(&waiting(1)));
        let waiter = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (slot, lock) = &*shared;
                slot.end();
                // Stands for whoever uses the lock's memory after the lock.
                lock.store(0, Relaxed);
            }
        });
        let (slot, lock) = &*shared;
        if let Some((seq, _)) = slot.read() {
            let word = lock.load(Relaxed);
            if slot.is_still(seq) {
                assert_eq!(word, 1, "read from a lock that is gone");
            }
        }
        assert!(waiter.join().is_ok());
    });
}

/// A reader gets all of one thread or nothing, while a shard goes from one thread to the next.
#[test]
fn a_shards_thread_is_read_while_it_changes() {
    let thread_of = |n: u8| ThreadId {
        token: u64::from(n),
        system: u64::from(n),
        name: [n; 16],
    };
    loom::model(move || {
        let slot = Arc::new(ThreadSlot::default());
        slot.set(&thread_of(1));
        let owner = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.clear();
                slot.set(&thread_of(2));
            }
        });
        if let Some(read) = slot.read() {
            assert!(
                [1, 2].map(thread_of).contains(&read),
                "parts of two: {read:?}"
            );
        }
        assert!(owner.join().is_ok());
        assert_eq!(slot.read(), Some(thread_of(2)));
    });
}
