//! The mapped file of this process. It survives however the process ends.
//!
//! Any thread writes any slot: a wait goes to sleep, which takes longer than an atomic addition. A
//! slot is published by its length; from then on its frames do not change. Two threads may give one
//! stack two slots, which `lockprof` adds up.

use super::folder::{self, PATH};
use super::layout::{self, head, slot};
use super::mapping::WaitTable;
use super::stack::Stack;
use super::sys::File;
use super::{clock, modules, sys};
use std::ffi::CStr;
use std::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// The mapping; null if there is none.
static MAPPING: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
/// Whether a thread is creating it, or has tried to.
static TRIED: AtomicU32 = AtomicU32::new(NOT_TRIED);
const NOT_TRIED: u32 = 0;
const TRYING: u32 = 1;
const DONE: u32 = 2;
/// Waits that came during its creation.
static MISSED: AtomicU64 = AtomicU64::new(0);
/// Its creation time. Together with the process id, this is its name.
static STARTED_NS: AtomicU64 = AtomicU64::new(0);
/// Slots that have disk space.
static ROOM: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread is allocating more.
static GROWING: AtomicU32 = AtomicU32::new(0);

/// How many slots get disk space at a time.
const STEP: usize = 32;

/// The slot of a stack that has waited, in the mapping.
#[derive(Clone, Copy)]
pub(super) struct Slot(*mut u8);

/// This process's table, created now if it has none. `None` if it cannot be created.
pub(super) fn current() -> Option<WaitTable> {
    let table = made().or_else(make_once)?;
    if MISSED.load(Relaxed) != 0 {
        table
            .word(head::LOST)
            .fetch_add(MISSED.swap(0, Relaxed), Relaxed);
    }
    Some(table)
}

fn made() -> Option<WaitTable> {
    // Acquire: a reader that sees the mapping sees what `make` wrote; pairs with `make_once`.
    let mapping = MAPPING.load(Acquire);
    (!mapping.is_null()).then_some(WaitTable(mapping))
}

#[cold]
fn make_once() -> Option<WaitTable> {
    // Relaxed: it only ensures a single attempt.
    match TRIED.compare_exchange(NOT_TRIED, TRYING, Relaxed, Relaxed) {
        Ok(_) => {}
        Err(TRYING) => {
            let made = soon(made);
            // It takes too long, or creation failed.
            if made.is_none() {
                MISSED.fetch_add(1, Relaxed);
            }
            return made;
        }
        Err(_) => return made(),
    }
    let table = make();
    if let Some(WaitTable(mapping)) = table {
        // Release: pairs with `made`.
        MAPPING.store(mapping, Release);
    }
    // Before the program starts there is no folder yet.
    let is_too_early = table.is_none() && folder::copy_to(&mut [0; PATH]) == 0;
    TRIED.store(if is_too_early { NOT_TRIED } else { DONE }, Relaxed);
    table
}

/// Waits for what another thread is about to finish: a few system calls. Waits at most about a
/// second, since that thread may be anywhere. That is long enough for a preempted thread to get its
/// turn.
fn soon<T>(look: impl Fn() -> Option<T>) -> Option<T> {
    const YIELDS: usize = 100;
    const SLEEPS: usize = 5_000;
    const SLEEP_NS: u64 = 200_000;
    (0..YIELDS + SLEEPS).find_map(|turn| {
        let found = look();
        if found.is_none() {
            match turn < YIELDS {
                true => sys::yield_now(),
                false => sys::sleep(SLEEP_NS),
            }
        }
        found
    })
}

/// Resets the state in a forked child, which has one thread.
pub(super) fn forget() {
    MAPPING.store(std::ptr::null_mut(), Relaxed);
    ROOM.store(0, Relaxed);
    GROWING.store(0, Relaxed);
    MISSED.store(0, Relaxed);
    TRIED.store(NOT_TRIED, Relaxed);
}

fn make() -> Option<WaitTable> {
    let started = clock::now();
    STARTED_NS.store(started, Relaxed);
    let mut path = [0; PATH];
    if !sys::may_be_as_long(layout::FILE) {
        return None;
    }
    let file = File::create(name(&mut path)?)?;
    let is_made = file.set_len(layout::FILE) && file.allocate(0, end_of(STEP));
    if !is_made {
        return None;
    }
    let table = WaitTable(file.map(layout::FILE)?);
    ROOM.store(STEP, Relaxed);
    table.word(head::PID).store(sys::pid(), Relaxed);
    table.word(head::STARTED_NS).store(started, Relaxed);
    // SAFETY: a part of the mapping, which nobody else knows yet.
    let len = unsafe {
        let to = table.0.add(head::PATH * 8);
        sys::read_link(c"/proc/self/exe", to, layout::PATH_BYTES)
    };
    table.word(head::PATH_LEN).store(len as u64, Relaxed);
    table.word(head::MAGIC).store(layout::MAGIC, Relaxed);
    Some(table)
}

/// The path of this process's file: `FOLDER/PID.TIME`.
fn name(to: &mut [u8; PATH]) -> Option<&CStr> {
    let mut len = folder::copy_to(to);
    if len == 0 {
        return None;
    }
    for (before, number) in [(b'/', sys::pid()), (b'.', STARTED_NS.load(Relaxed))] {
        *to.get_mut(len)? = before;
        len += 1;
        let digits = number.checked_ilog10().unwrap_or(0) + 1;
        for place in (0..digits).rev() {
            *to.get_mut(len)? = b'0' + (number / 10_u64.pow(place) % 10) as u8;
            len += 1;
        }
    }
    *to.get_mut(len)? = 0;
    CStr::from_bytes_with_nul(to.get(..=len)?).ok()
}

/// The end of this many slots.
fn end_of(slots: usize) -> usize {
    layout::SLOTS_AT + slots * layout::SLOT
}

/// Whether this slot has disk space; allocates more if needed. `false` if there is no more.
fn has_room(number: usize) -> bool {
    if number >= layout::SLOTS {
        return false;
    }
    soon(|| {
        // Acquire: writes to a slot come after the kernel allocated its space; pairs with `grow`.
        if number < ROOM.load(Acquire) {
            return Some(true);
        }
        // Acquire here and Release below: threads that grow follow one another.
        if GROWING.swap(1, Acquire) != 0 {
            return None;
        }
        let has = number < ROOM.load(Relaxed) || grow(number);
        GROWING.store(0, Release);
        Some(has)
    })
    .unwrap_or(false)
}

fn grow(number: usize) -> bool {
    let room = ROOM.load(Relaxed);
    let more = (number + 1).next_multiple_of(STEP).min(layout::SLOTS);
    let file = name(&mut [0; PATH]).and_then(File::open_to_write);
    let has = file.is_some_and(|file| file.allocate(end_of(room), end_of(more)));
    if has {
        // Release: pairs with `has_room`.
        ROOM.store(more, Release);
    }
    has
}

impl WaitTable {
    /// The slot for waits of this call with this stack. `None`, and a loss, if there is no room for
    /// it.
    pub(super) fn slot(self, call: u64, address: usize, value: u32, stack: &Stack) -> Option<Slot> {
        let frames = stack.frames.get(..stack.len)?;
        let slot = self.find(call, address, value, frames);
        if slot.is_none() {
            self.word(head::LOST).fetch_add(1, Relaxed);
        }
        slot
    }

    fn find(self, call: u64, address: usize, value: u32, frames: &[usize]) -> Option<Slot> {
        let hash = frames.iter().fold(call, |hash, &frame| {
            (hash.rotate_left(5) ^ frame as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        if frames.is_empty() {
            return None;
        }
        let home = (hash >> 32) as usize;
        let mut mine = None;
        for step in 0..layout::INDEX {
            let entry = self.index((home + step) % layout::INDEX);
            // Acquire: a reader that sees a slot sees its frames; pairs with the exchange below.
            let mut number = entry.load(Acquire);
            if number == 0 {
                let new = match mine {
                    Some(new) => new,
                    None => *mine.insert(self.fill(hash, call, address, value, frames)?),
                };
                match entry.compare_exchange(0, new, Release, Acquire) {
                    Ok(_) => return Some(self.at(new)),
                    Err(others) => number = others,
                }
            }
            let slot = self.at(number);
            if slot.is(hash, call, frames) {
                slot.note_address(address);
                return Some(slot);
            }
        }
        None
    }

    /// Fills a new slot, and returns its number plus 1.
    fn fill(
        self,
        hash: u64,
        call: u64,
        address: usize,
        value: u32,
        frames: &[usize],
    ) -> Option<u32> {
        let slots = self.word(head::SLOTS);
        // A slot allocated without disk space is not allocated again. The number stops growing once
        // no slot is left.
        if slots.load(Relaxed) >= layout::SLOTS as u64 {
            return None;
        }
        let number = slots.fetch_add(1, Relaxed) as usize;
        if !has_room(number) {
            return None;
        }
        let number = u32::try_from(number + 1).ok()?;
        let slot = self.at(number);
        slot.word(slot::HASH).store(hash, Relaxed);
        slot.word(slot::CALL).store(call, Relaxed);
        slot.word(slot::ADDRESS).store(address as u64, Relaxed);
        slot.word(slot::VALUE).store(u64::from(value), Relaxed);
        for (index, &frame) in frames.iter().enumerate() {
            slot.word(slot::FRAMES + index).store(frame as u64, Relaxed);
        }
        // Release: a reader of the file that sees the length sees the frames.
        slot.word(slot::LEN).store(frames.len() as u64, Release);
        modules::note(self, frames);
        Some(number)
    }

    fn at(self, number: u32) -> Slot {
        let offset = layout::SLOTS_AT + (number as usize - 1) * layout::SLOT;
        // SAFETY: the slot was allocated, so it is inside the mapping.
        Slot(unsafe { self.0.add(offset) })
    }
}

impl Slot {
    fn word(self, index: usize) -> &'static AtomicU64 {
        // SAFETY: it is aligned and inside the mapping, which lives as long as the process. All
        // accesses are atomic.
        unsafe { &*self.0.add(index * 8).cast() }
    }

    fn count(self, ns: u64) -> &'static AtomicU32 {
        let offset = layout::COUNTS_AT + layout::count_of(ns) * 4;
        // SAFETY: it is aligned and inside the mapping, which lives as long as the process. All
        // accesses are atomic.
        unsafe { &*self.0.add(offset).cast() }
    }

    fn is(self, hash: u64, call: u64, frames: &[usize]) -> bool {
        self.word(slot::HASH).load(Relaxed) == hash
            && self.word(slot::CALL).load(Relaxed) == call
            && self.word(slot::LEN).load(Relaxed) == frames.len() as u64
            && frames.iter().enumerate().all(|(index, &frame)| {
                self.word(slot::FRAMES + index).load(Relaxed) == frame as u64
            })
    }

    fn note_address(self, address: usize) {
        if self.word(slot::ADDRESS).load(Relaxed) != address as u64 {
            self.word(slot::MIXED).store(1, Relaxed);
        }
    }

    // Relaxed throughout: counters, read when the process has ended.

    /// A wait begins.
    pub(super) fn begin(self) {
        self.word(slot::BEGUN).fetch_add(1, Relaxed);
    }

    /// Undoes [`begin`](Self::begin): it was not a wait.
    pub(super) fn take_back_begin(self) {
        self.word(slot::BEGUN).fetch_sub(1, Relaxed);
    }

    /// A wait ends with success.
    pub(super) fn end(self, ns: u64) {
        self.word(slot::WAITS).fetch_add(1, Relaxed);
        self.word(slot::WAIT_NS).fetch_add(ns, Relaxed);
        self.word(slot::MAX_NS).fetch_max(ns, Relaxed);
        self.count(ns).fetch_add(1, Relaxed);
    }

    /// Undoes [`end`](Self::end): the wait continues.
    pub(super) fn take_back_end(self, ns: u64) {
        self.word(slot::WAITS).fetch_sub(1, Relaxed);
        self.word(slot::WAIT_NS).fetch_sub(ns, Relaxed);
        self.count(ns).fetch_sub(1, Relaxed);
    }

    /// A wait times out.
    pub(super) fn time_out(self, ns: u64) {
        self.word(slot::TIMEOUTS).fetch_add(1, Relaxed);
        self.word(slot::TIMEOUT_NS).fetch_add(ns, Relaxed);
    }

    /// The waiting thread woke others at that address.
    pub(super) fn release(self) {
        self.word(slot::RELEASED).fetch_add(1, Relaxed);
    }
}
