//! A task's wait as snapshots see it, and how they learn that the task was given the lock.
//!
//! A lock with a queue hands itself to the first task there, and then wakes that task. So the lock
//! gets a waker of the profiler's, which notes that it is used and passes it on. Only a task that
//! waits has one: it is polled a second time with it.
//!
//! A poll may be pending for a reason of the task's own, and then its waker is used, too. So each
//! poll's waker has a number: see [`task_slot`](crate::record::task_slot).

use crate::control::ModeKind;
use crate::core::{Core, GLOBAL, GLOBAL_NUMBER};
use crate::identity::{self, ClassTag, ClassWord, NameLen, PointKey, SiteKey};
use crate::record::loss::Loss;
use crate::record::task_slot::{POLLS, TASKS, TaskSlot};
use crate::record::wait_log::LockRef;
use crate::record::waiting::{WaitKind, Waiting};
use crate::sync::Ordering::Relaxed;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

/// A place for a task's wait. It belongs to the wait, and is given up by [`ends`](Self::ends).
#[must_use = "it is to be ended"]
#[derive(Clone, Copy)]
pub struct QueuedTask {
    slot: &'static TaskSlot,
}

impl std::fmt::Debug for QueuedTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueuedTask").finish_non_exhaustive()
    }
}

impl Core {
    /// A place for the wait of a task that found a lock taken. `waker` is the task's, if the lock
    /// hands itself over before it wakes. `None` if nothing is recorded, or there is no room.
    #[cold]
    pub fn queue_task(&self, waker: Option<&Waker>) -> Option<QueuedTask> {
        if self.control_or_configure().kind() == ModeKind::Off {
            return None;
        }
        // May run any code, so it comes first.
        let waker = waker.cloned();
        let slot = TASKS.claim(self.number, waker);
        if slot.is_none() {
            self.losses.count(Loss::Tasks);
        }
        Some(QueuedTask { slot: slot? })
    }
}

impl QueuedTask {
    /// Runs `poll` with a waker that notes when it is used.
    pub fn poll<T>(&self, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let number = self.slot.next_poll();
        // SAFETY: the pointer is a waker's, and this one is not dropped: it stands for the wait's
        // own use of the slot.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw(self.slot, number)) });
        poll(&mut Context::from_waker(&waker))
    }

    /// The last poll was pending because the lock is taken. So it has reached the lock's queue,
    /// which has that poll's waker.
    pub fn is_queued(&self) {
        self.slot.set_queued();
    }

    /// The wait begins: for `lock`, at `site`, and the lock publishes its holder in `holder`.
    ///
    /// # Safety
    /// `word` and `len` were made together, by one [`LockClass`](crate::identity::LockClass).
    pub unsafe fn begins(
        &self,
        core: &Core,
        lock: LockRef,
        site: SiteKey,
        (word, len): (&ClassWord, NameLen),
        holder: &AtomicUsize,
    ) {
        let mut tag = word.number(len, site.location()).tag;
        if identity::may_change(tag.number()) {
            // Nothing keeps the number with its class for that long.
            tag = ClassTag::rest();
        }
        self.slot.wait.begin(&Waiting {
            key: PointKey::new(site, tag),
            lock: lock.address(),
            holder_at: std::ptr::from_ref(holder).expose_provenance(),
            first_holder: holder.load(Relaxed),
            // Whoever polls it may give up at any time.
            kind: WaitKind::Limited,
            since_ns: core.clock.coarse_ns(),
        });
    }

    /// The task is polled with this waker now. The wait goes on in another place if the task's
    /// waker was another before, or nowhere if there is no room or nothing is recorded any more.
    #[must_use]
    pub fn with_waker(self, core: &Core, waker: &Waker) -> Option<Self> {
        if core.control().kind() == ModeKind::Off {
            self.ends();
            return None;
        }
        let same = |before: &Waker| before.will_wake(waker);
        if self.slot.with_waker(same) != Some(false) {
            return Some(self);
        }
        let next = core.queue_task(Some(waker));
        let wait = self.slot.wait.read();
        if let (Some(next), Some((_, waiting))) = (&next, wait) {
            next.slot.continues(self.slot);
            next.slot.wait.begin(&waiting);
        }
        self.ends();
        next
    }

    /// The wait is over, or has not begun.
    pub fn ends(self) {
        self.slot.wait.abandon();
        TASKS.release(self.slot);
    }
}

thread_local! {
    /// Has no destructor, so it exists until the thread's very end.
    static CLOSING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `close`, which closes a lock for good. That wakes all tasks that wait for it, and gives the
/// lock to none.
pub fn closing<T>(close: impl FnOnce() -> T) -> T {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            CLOSING.with(|closing| closing.set(self.0));
        }
    }
    let _back = Back(CLOSING.with(|closing| closing.replace(true)));
    close()
}

static WAKER: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// The waker of a slot for the poll with this number, which the low bits of the address have.
fn raw(slot: &'static TaskSlot, number: u64) -> RawWaker {
    let low = (number % POLLS) as usize;
    let data = std::ptr::from_ref(slot).cast::<()>();
    RawWaker::new(data.map_addr(|address| address | low), &WAKER)
}

/// The slot of a waker, and the number of its poll.
///
/// # Safety
/// `data` is that of a waker made by [`raw`].
unsafe fn parts(data: *const ()) -> (&'static TaskSlot, u64) {
    let low = POLLS as usize - 1;
    let slot = data.map_addr(|address| address & !low).cast::<TaskSlot>();
    // SAFETY: `raw` has made it from such a reference, whose low bits are 0 by its alignment.
    (unsafe { &*slot }, (data.addr() & low) as u64)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: only wakers call this, with their own data.
    let (slot, number) = unsafe { parts(data) };
    slot.add_user();
    raw(slot, number)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: only wakers call this, with their own data, and this uses it up.
    unsafe {
        wake_by_ref(data);
        release(data);
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: only wakers call this, with their own data.
    let (slot, number) = unsafe { parts(data) };
    if !CLOSING.with(Cell::get) {
        // An engine other than the global one may be gone, and its clock with it.
        let has_clock = slot.is_at(GLOBAL_NUMBER);
        let now_ns = if has_clock {
            GLOBAL.clock.coarse_ns()
        } else {
            0
        };
        slot.note_woken(number, now_ns);
    }
    slot.with_waker(Waker::wake_by_ref);
}

unsafe fn release(data: *const ()) {
    // SAFETY: only wakers call this, with their own data.
    let (slot, _) = unsafe { parts(data) };
    TASKS.release(slot);
}
