//! `syscall`, through which std and parking_lot make their futex calls.

use super::layout::call;
use super::stack::Stack;
use super::table::{self, Slot};
use super::thread::{self, Last};
use super::{clock, sys};
use std::ffi::{c_int, c_long};
use std::hint::black_box;

/// Futex operations, without their flag bits.
mod operation {
    use std::ffi::c_long;
    pub(super) const HOW: c_long = 128 | 256; // private, with the real-time clock
    pub(super) const WAIT: c_long = 0;
    pub(super) const WAKE: c_long = 1;
    pub(super) const LOCK_PI: c_long = 6;
    pub(super) const WAIT_BITSET: c_long = 9;
    pub(super) const WAKE_BITSET: c_long = 10;
    pub(super) const LOCK_PI2: c_long = 13;
}

/// The C library's `syscall`: makes any system call. On failure it sets `errno` and returns -1. It
/// is not a cancellation point in the C library either.
///
/// It is variadic in C. Like the C library's own, it takes whatever is in the places of six
/// arguments.
///
/// # Safety
/// As for the system call itself.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let args = [a, b, c, d, e, f];
    let result = if number == sys::FUTEX {
        // SAFETY: the caller upholds this function's contract.
        unsafe { futex(args) }
    } else {
        // SAFETY: the caller upholds this function's contract.
        unsafe { sys::call(number, args) }
    };
    if sys::is_error(result) {
        // SAFETY: each thread has one.
        unsafe { *thread::errno() = -result as c_int };
        return -1;
    }
    result
}

#[inline(never)]
unsafe fn futex(args: [c_long; 6]) -> c_long {
    let [address, operation, value, ..] = args;
    let address = address as usize;
    let kind = match operation & !operation::HOW {
        operation::WAIT | operation::WAIT_BITSET => call::FUTEX,
        operation::LOCK_PI | operation::LOCK_PI2 => call::FUTEX_PI,
        operation::WAKE | operation::WAKE_BITSET => {
            woke(address);
            // SAFETY: the caller upholds this function's contract.
            return unsafe { sys::call(sys::FUTEX, args) };
        }
        // SAFETY: the caller upholds this function's contract.
        _ => return unsafe { sys::call(sys::FUTEX, args) },
    };
    let begin = clock::now();
    let here = 0_u8;
    let stack = black_box(&raw const here) as usize;
    let wait = thread::once(|| begin_wait(kind, address, stack, value as u32));
    // SAFETY: the caller upholds this function's contract.
    let result = unsafe { sys::call(sys::FUTEX, args) };
    if let Some(wait) = wait {
        thread::once(|| {
            end_wait(
                wait,
                operation,
                value,
                clock::now().saturating_sub(begin),
                result,
            );
            Some(())
        });
    }
    result
}

/// A wait in progress.
#[derive(Clone, Copy)]
struct Wait {
    slot: Slot,
    address: usize,
    stack: usize,
    /// How long it took so far, if this is not its first call.
    before: Option<u64>,
}

/// Finds the wait that this call belongs to. Runs before the call, while the thread would wait
/// anyway: after the call, the thread may own the lock.
fn begin_wait(kind: u64, address: usize, stack: usize, value: u32) -> Option<Wait> {
    let last = thread::last();
    if let Some(slot) = last.slot
        && last.goes_on
        && last.address == address
        && last.stack == stack
    {
        let before = Some(last.ns);
        return Some(Wait {
            slot,
            address,
            stack,
            before,
        });
    }
    let slot = table::current()?.slot(kind, address, value, &Stack::capture())?;
    slot.begin();
    Some(Wait {
        slot,
        address,
        stack,
        before: None,
    })
}

/// Records a finished call.
///
/// The next call continues the same wait if a signal interrupted this one, or if the lock has three
/// states, like std's mutex. After a wait, the release of such a lock wakes others. So a second
/// wait without a wake belongs to the same acquisition.
fn end_wait(wait: Wait, operation: c_long, value: c_long, ns: u64, result: c_long) {
    let Wait {
        slot,
        address,
        stack,
        before,
    } = wait;
    let ns = ns.saturating_add(before.unwrap_or(0));
    if let Some(before) = before {
        slot.take_back_end(before);
    }
    let has_timed_out = result == -sys::ETIMEDOUT;
    let is_pi = matches!(
        operation & !operation::HOW,
        operation::LOCK_PI | operation::LOCK_PI2
    );
    // A call that came too late to sleep, or that a signal interrupted, was a wait. For a lock with
    // priority inheritance it was not.
    let has_waited = result == 0 || (!is_pi && (result == -sys::EAGAIN || result == -sys::EINTR));
    if has_timed_out {
        slot.time_out(ns);
    } else if has_waited {
        slot.end(ns);
    } else {
        slot.take_back_begin();
        thread::set_last(Last::NONE);
        return;
    }
    const CONTENDED: c_long = 2;
    let has_three_states =
        operation & !operation::HOW == operation::WAIT_BITSET && value == CONTENDED;
    let is_interrupted = result == -sys::EINTR;
    thread::set_last(Last {
        address,
        stack,
        slot: Some(slot),
        ns,
        goes_on: !has_timed_out && (is_interrupted || has_three_states),
    });
}

/// This thread wakes others at the address. If it has waited there, it has released what it waited
/// for.
fn woke(address: usize) {
    let last = thread::last();
    if last.address == address
        && let Some(slot) = last.slot
    {
        thread::set_last(Last::NONE);
        slot.release();
    }
}
