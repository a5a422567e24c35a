//! The slot of a thread's wait.

use super::*;

/// A wait that says the same in each of its fields.
fn waiting(n: usize) -> Waiting {
    Waiting {
        key: PointKey(n as u64),
        lock: n,
        holder_at: n,
        first_holder: n,
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
            assert_eq!(read, waiting(read.lock), "parts of two waits");
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
