//! The slots of tasks that wait.

use super::*;
use crate::record::task_slot::Tasks;
use crate::record::waiting::WaitKind;
use std::task::Waker;

/// A wait that says the same in each of its fields.
fn waiting(n: usize) -> Waiting {
    Waiting {
        key: PointKey(n as u64),
        lock: 4 * n,
        holder_at: n,
        first_holder: n,
        kind: WaitKind::Limited,
        since_ns: n as u64,
    }
}

/// A waker that outlives the wait is used and dropped by another thread. Only then does the slot go
/// to the next wait, whose task's waker comes in the place of the first one's.
#[test]
fn a_slot_is_free_when_its_last_waker_is_gone() {
    loom::model(|| {
        let tasks = Arc::new(Tasks::new());
        let waker = || Some(Waker::noop().clone());
        assert!(tasks.claim(1, waker()).is_some());
        tasks.first().add_user();
        let lock = thread::spawn({
            let tasks = Arc::clone(&tasks);
            move || {
                let slot = tasks.first();
                slot.note_woken(1, 7);
                assert_eq!(slot.with_waker(|_| ()), Some(()), "its waker is gone");
                tasks.release(slot);
            }
        });
        tasks.release(tasks.first());
        // There is one slot.
        if let Some(slot) = tasks.claim(2, waker()) {
            assert_eq!(slot.handed(), None, "what the last wait was woken for");
            tasks.release(slot);
        }
        assert!(lock.join().is_ok());
        assert!(tasks.claim(3, waker()).is_some(), "it is lost");
    });
}

/// Who sees that a task was given the lock sees when.
#[test]
fn a_handing_has_its_time() {
    loom::model(|| {
        let tasks = Arc::new(Tasks::new());
        assert!(tasks.claim(1, None).is_some());
        assert_eq!(tasks.first().next_poll(), 1);
        tasks.first().set_queued();
        assert!(tasks.first().wait.begin(&waiting(1)));
        let lock = thread::spawn({
            let tasks = Arc::clone(&tasks);
            move || tasks.first().note_woken(1, 7)
        });
        assert!(matches!(tasks.first().handed(), None | Some(7)));
        assert!(lock.join().is_ok());
        assert_eq!(tasks.first().handed(), Some(7));
    });
}
