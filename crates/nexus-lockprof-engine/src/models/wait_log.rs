//! The wait log.

use super::*;

const LOCK: usize = 64;

/// A hold that says the same in each of its fields.
fn hold(n: u64) -> Hold {
    Hold {
        lock: LockRef::from_address(LOCK),
        engine: 1,
        key: PointKey(8 * n),
        thread: ThreadBits::of(n),
        start: n,
        end: n + 1,
    }
}

/// What a waiter finds that waited all along. Loom's log has one entry.
fn found(log: &WaitLog) -> Option<Hold> {
    let span = Span {
        lock: LockRef::from_address(LOCK),
        engine: 1,
        key: PointKey(8),
        start: 0,
        end: u64::MAX,
    };
    let mut found = None;
    log.overlapping(&span, |hold| found = Some(hold));
    found
}

#[test]
fn a_hold_is_logged_while_a_waiter_reads() {
    loom::model(|| {
        let log = Arc::new(WaitLog::new());
        log.append(&hold(1));
        let holder = thread::spawn({
            let log = Arc::clone(&log);
            move || log.append(&hold(2))
        });
        if let Some(seen) = found(&log) {
            assert_eq!(seen, hold(seen.start), "parts of two holds");
        }
        assert!(holder.join().is_ok());
        assert_eq!(found(&log), Some(hold(2)));
    });
}

/// Two writers of one entry: one may drop its hold, and nobody's is mixed with another's.
#[test]
fn two_holds_are_logged_in_one_entry() {
    bounded(3, || {
        let log = Arc::new(WaitLog::new());
        let holders = [1, 2].map(|n| {
            let log = Arc::clone(&log);
            thread::spawn(move || log.append(&hold(n)))
        });
        if let Some(seen) = found(&log) {
            assert_eq!(seen, hold(seen.start), "parts of two holds");
        }
        for holder in holders {
            assert!(holder.join().is_ok());
        }
        let last = found(&log);
        assert!(last == Some(hold(1)) || last == Some(hold(2)), "{last:?}");
    });
}

/// Who owns the lock after a hold finds that hold in the log: the release comes after it.
#[test]
fn the_next_owner_finds_the_hold_before() {
    loom::model(|| {
        let shared = Arc::new((WaitLog::new(), AtomicU64::new(1)));
        let holder = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (log, lock) = &*shared;
                log.append(&hold(1));
                lock.store(0, Release);
            }
        });
        let (log, lock) = &*shared;
        if lock.load(Acquire) == 0 {
            assert_eq!(found(log), Some(hold(1)), "not seen");
        }
        assert!(holder.join().is_ok());
    });
}
