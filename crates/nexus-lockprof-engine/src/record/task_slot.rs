//! The waits of tasks, for snapshots to read.
//!
//! A task that waits has no thread, and a thread can have any number of waiting tasks. So each such
//! wait has a slot of its own, in a table for the whole process. It is in there from the poll that
//! found the lock taken until the task owns the lock or gives up.
//!
//! A slot also stands for the task's waker. A lock that hands itself to the first in its queue
//! wakes that task, and it wakes nobody else. So when the slot's waker is used, the task was given
//! the lock. Each poll passes a waker with another number. The lock keeps the one of the last poll
//! that reached its queue, so wakes of other polls say nothing.
//!
//! Wakers outlive the wait. A slot is free when the wait is over and all its wakers are gone.

use crate::record::memory::try_box;
use crate::record::registry::{Claim, Registry};
use crate::record::waiting::{WaitSlot, Waiting};
use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, Ordering, OwnLoad, UnsafeCell, const_fn, fence,
    shared_static, sized,
};
use Ordering::{Acquire, Relaxed, Release};
use std::panic::RefUnwindSafe;
use std::task::Waker;

/// Slots that there can be: 16,384, of 128 bytes each.
pub(crate) const MOST: usize = sized(1, 1 << 14);
/// Numbers of polls, which then start again. A waker's number is in the low bits of an address.
pub(crate) const POLLS: u64 = 64;
/// With more users than this, a slot stays taken for ever. A program can forget wakers without end,
/// and a count that starts again would free a slot that is in use.
const MOST_USERS: u32 = u32::MAX / 2;
/// The count of such a slot. It is so far from both ends that no number of threads that change it
/// at one time gets there.
const FOR_EVER: u32 = MOST_USERS + MOST_USERS / 2;

shared_static! {
    /// The waits of all tasks of this process.
    pub(crate) static TASKS: Tasks = Tasks::new();
}

/// The table.
pub(crate) struct Tasks {
    slots: Registry<TaskSlot>,
    made: AtomicUsize,
    /// How often the process was forked off: a child does not show its parent's tasks.
    forks: AtomicU32,
    /// Number of waits that had a slot.
    waits: AtomicU64,
}

/// One wait.
#[repr(align(64))]
pub(crate) struct TaskSlot {
    /// The wait, while it lasts. Whoever has the wait writes it.
    pub(crate) wait: WaitSlot,
    /// Number of the wait's engine.
    engine: AtomicU64,
    /// [`Tasks::forks`] when it began.
    forks: AtomicU32,
    /// The wait, and the wakers that exist.
    users: AtomicU32,
    /// Number of the wait, which no other has. It keeps it in another slot.
    number: AtomicU64,
    /// Number of the last poll. Only who has the wait uses it.
    polls: AtomicU64,
    /// Number of the poll whose waker the lock has; [`POLLS`] if that is not known.
    queued: AtomicU64,
    /// The numbers of the polls whose wakers were used, a bit each.
    woken: AtomicU64,
    /// When the first of them was, in nanoseconds of the coarse clock. 0: not known.
    woken_ns: AtomicU64,
    /// The task's own waker. Nobody writes it while there are users.
    waker: UnsafeCell<Option<Waker>>,
    place: AtomicUsize,
}

// SAFETY: all fields but the waker are atomic. The waker is written by one thread alone, before
// there are other users and after the last is gone.
unsafe impl Sync for TaskSlot {}
impl RefUnwindSafe for TaskSlot {}

const _: () = assert!(align_of::<TaskSlot>() as u64 >= POLLS);
#[cfg(all(not(lockprof_loom), target_pointer_width = "64"))]
const _: () = assert!(size_of::<TaskSlot>() == 128);

impl Tasks {
    const_fn! {
        pub(crate) fn new() -> Self {
            Tasks {
                slots: Registry::new(),
                made: AtomicUsize::new(0),
                forks: AtomicU32::new(0),
                waits: AtomicU64::new(0),
            }
        }
    }

    /// A slot for a wait at this engine, with the caller as its only user. `None` if there is no
    /// room.
    pub(crate) fn claim(&self, engine: u64, waker: Option<Waker>) -> Option<&TaskSlot> {
        let (place, slot) = match self.slots.claim(|_| Claim::Take) {
            Some(claimed) => claimed,
            None => self.new_slot()?,
        };
        slot.place.store(place, Relaxed);
        slot.engine.store(engine, Relaxed);
        slot.forks.store(self.forks.load(Relaxed), Relaxed);
        slot.number.store(self.waits.fetch_add(1, Relaxed), Relaxed);
        slot.queued.store(POLLS, Relaxed);
        slot.woken.store(0, Relaxed);
        slot.woken_ns.store(0, Relaxed);
        slot.waker.with_mut(|place| {
            // SAFETY: the slot was free, so this thread alone has it.
            unsafe { *place = waker };
        });
        slot.users.store(1, Relaxed);
        Some(slot)
    }

    fn new_slot(&self) -> Option<(usize, &TaskSlot)> {
        if self.made.fetch_add(1, Relaxed) < MOST
            && let Some(made) = try_box(TaskSlot::default())
            && let Some(inserted) = self.slots.insert(made)
        {
            return Some(inserted);
        }
        self.made.fetch_sub(1, Relaxed);
        None
    }

    /// A user of `slot` is gone. The last one makes it free.
    pub(crate) fn release(&self, slot: &TaskSlot) {
        // Release: all that this user did comes before the slot is free. Pairs with the fence.
        let users = slot.users.fetch_sub(1, Release);
        if users > MOST_USERS {
            slot.users.store(FOR_EVER, Relaxed);
        }
        if users != 1 {
            return;
        }
        // Acquire fence: what the other users did was before. Pairs with the Release above.
        fence(Acquire);
        let waker = slot.waker.with_mut(|place| {
            // SAFETY: there is no other user, and nobody can claim the slot yet.
            unsafe { (*place).take() }
        });
        self.slots.give_back(slot.place.load(Relaxed));
        // May run any code: it may be all that is left of the task.
        drop(waker);
    }

    /// The waits of this process at the engine, each with its number and its slot. What was read
    /// counts if the wait still goes on afterwards.
    pub(crate) fn waits(&self, engine: u64) -> impl Iterator<Item = (u64, Waiting, &TaskSlot)> {
        let forks = self.forks.load(Relaxed);
        self.slots.iter().filter_map(move |slot| {
            let (seq, waiting) = slot.wait.read()?;
            // After the wait, so that they belong to it.
            let is_here = slot.engine.load(Relaxed) == engine && slot.forks.load(Relaxed) == forks;
            is_here.then_some((seq, waiting, slot))
        })
    }

    /// The slot that was made first.
    #[cfg(lockprof_loom)]
    pub(crate) fn first(&self) -> &TaskSlot {
        let Some(slot) = self.slots.iter().next() else {
            panic!("there is none");
        };
        slot
    }

    /// This process was forked off. Its only thread calls this.
    #[cfg(unix)]
    pub(crate) fn after_fork(&self) {
        self.forks.fetch_add(1, Relaxed);
    }
}

impl Default for TaskSlot {
    fn default() -> Self {
        TaskSlot {
            wait: WaitSlot::default(),
            engine: AtomicU64::new(0),
            forks: AtomicU32::new(0),
            users: AtomicU32::new(0),
            number: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            queued: AtomicU64::new(POLLS),
            woken: AtomicU64::new(0),
            woken_ns: AtomicU64::new(0),
            waker: UnsafeCell::new(None),
            place: AtomicUsize::new(0),
        }
    }
}

impl TaskSlot {
    /// Whether its wait is at this engine. The caller is a user.
    pub(crate) fn is_at(&self, engine: u64) -> bool {
        self.engine.load(Relaxed) == engine
    }

    /// Number of its wait. Any thread may call this. The answer is that of the wait, if that still
    /// goes on afterwards.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// It is for the wait of the other slot from now on. Only who has both calls this, before the
    /// wait begins here.
    pub(crate) fn continues(&self, other: &TaskSlot) {
        self.number.store(other.number(), Relaxed);
    }

    /// There is one more waker. The caller is a user.
    pub(crate) fn add_user(&self) {
        if self.users.fetch_add(1, Relaxed) >= MOST_USERS {
            self.users.store(FOR_EVER, Relaxed);
        }
    }

    /// A waker with the returned number is about to be passed on. Only who has the wait calls this.
    pub(crate) fn next_poll(&self) -> u64 {
        let number = (self.polls.own_load() + 1) % POLLS;
        self.polls.store(number, Relaxed);
        if self.woken.load(Relaxed) & bit(number) != 0 {
            self.woken.fetch_and(!bit(number), Relaxed);
        }
        number
    }

    /// The lock has the waker of the last poll. Only who has the wait calls this.
    pub(crate) fn set_queued(&self) {
        self.queued.store(self.polls.own_load(), Relaxed);
    }

    /// The waker of this poll is used at this time. The caller is a user.
    pub(crate) fn note_woken(&self, number: u64, now_ns: u64) {
        if self.woken.load(Relaxed) & bit(number) == 0 {
            self.woken_ns.store(now_ns, Relaxed);
            // Release: who sees it sees its time. Pairs with `handed`.
            self.woken.fetch_or(bit(number), Release);
        }
    }

    /// Whether the task was given the lock, and when: 0 if the time is not known. Any thread may
    /// call this. The answer is that of the wait, if that still goes on afterwards.
    pub(crate) fn handed(&self) -> Option<u64> {
        // Acquire: its time is seen. Pairs with the Release in `note_woken`.
        let woken = self.woken.load(Acquire);
        let queued = self.queued.load(Relaxed);
        (queued < POLLS && woken & bit(queued) != 0).then(|| self.woken_ns.load(Relaxed))
    }

    /// Runs `f` with the task's own waker. The caller is a user.
    pub(crate) fn with_waker<T>(&self, f: impl FnOnce(&Waker) -> T) -> Option<T> {
        self.waker.with(|waker| {
            // SAFETY: nobody writes it while there is a user.
            unsafe { (*waker).as_ref() }.map(f)
        })
    }
}

fn bit(number: u64) -> u64 {
    1 << number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PointKey;
    use crate::record::waiting::WaitKind;

    fn waiting() -> Waiting {
        Waiting {
            key: PointKey(1),
            lock: 8,
            holder_at: 3,
            first_holder: 4,
            kind: WaitKind::Limited,
            since_ns: 5,
        }
    }

    #[test]
    fn only_the_waker_that_the_lock_has_tells_of_a_handing() {
        let tasks = Tasks::new();
        let slot = tasks.claim(0, None).unwrap();
        assert_eq!(slot.handed(), None);
        let first = slot.next_poll();
        slot.note_woken(first, 5);
        assert_eq!(slot.handed(), None, "not known what the lock has");
        slot.set_queued();
        assert_eq!(slot.handed(), Some(5));
        // It was polled again, and waits.
        let second = slot.next_poll();
        slot.set_queued();
        assert_eq!(slot.handed(), None);
        // A poll that did not reach the queue.
        let third = slot.next_poll();
        slot.note_woken(third, 7);
        assert_eq!(slot.handed(), None);
        slot.note_woken(second, 9);
        slot.note_woken(second, 11);
        assert_eq!(slot.handed(), Some(9), "when it was woken first");
        // The numbers start again.
        while slot.next_poll() != first {}
        slot.set_queued();
        assert_eq!(slot.handed(), None);
    }

    #[test]
    fn a_slot_is_free_after_its_last_user() {
        let tasks = Tasks::new();
        let slot = tasks.claim(3, Some(Waker::noop().clone())).unwrap();
        slot.note_woken(slot.next_poll(), 5);
        slot.set_queued();
        slot.add_user();
        tasks.release(slot);
        assert_eq!(slot.with_waker(|_| ()), Some(()));
        let other = tasks.claim(3, None).unwrap();
        assert!(!std::ptr::eq(slot, other));
        tasks.release(slot);
        assert_eq!(slot.with_waker(|_| ()), None);
        let again = tasks.claim(4, None).unwrap();
        assert!(std::ptr::eq(slot, again));
        assert_eq!(again.handed(), None);
        assert!(again.wait.begin(&waiting()));
        assert_eq!((tasks.waits(3).count(), tasks.waits(4).count()), (0, 1));
        again.wait.end();
        assert_eq!(tasks.waits(4).count(), 0);
    }

    #[test]
    fn a_count_of_users_never_starts_again() {
        let tasks = Tasks::new();
        let slot = tasks.claim(3, Some(Waker::noop().clone())).unwrap();
        for users in [MOST_USERS, FOR_EVER, u32::MAX] {
            // So many wakers were forgotten.
            slot.users.store(users, Relaxed);
            slot.add_user();
            slot.add_user();
            tasks.release(slot);
            assert_eq!(slot.users.load(Relaxed), FOR_EVER);
            assert_eq!(slot.with_waker(|_| ()), Some(()));
        }
        assert!(!std::ptr::eq(slot, tasks.claim(3, None).unwrap()));
    }

    #[test]
    fn there_is_a_bound() {
        let tasks = Tasks::new();
        let claimed: Vec<_> = (0..MOST).filter_map(|_| tasks.claim(0, None)).collect();
        assert_eq!(claimed.len(), MOST);
        assert!(tasks.claim(0, None).is_none());
        tasks.release(claimed[7]);
        assert!(tasks.claim(0, None).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_child_does_not_show_its_parents_tasks() {
        let tasks = Tasks::new();
        assert!(tasks.claim(0, None).unwrap().wait.begin(&waiting()));
        tasks.after_fork();
        assert_eq!(tasks.waits(0).count(), 0);
        assert!(tasks.claim(0, None).unwrap().wait.begin(&waiting()));
        assert_eq!(tasks.waits(0).count(), 1);
    }
}
