//! glibc's mutexes and read-write locks. Each is tried first, so a free lock costs only one extra
//! call.

use super::layout::call;
use super::real::Real;
use super::stack::Stack;
use super::table;
use super::{clock, thread};
use std::ffi::{c_int, c_long, c_void};
use std::mem::transmute;

const EINVAL: c_int = 22;
const EBUSY: c_int = 16;
const ETIMEDOUT: c_int = 110;
const EOWNERDEAD: c_int = 130;

/// The clocks that a deadline may use.
const REALTIME: c_int = 0;
const MONOTONIC: c_int = 1;

type Lock = *mut c_void;
type Time = *const c_void;
type Acquire = unsafe extern "C" fn(Lock) -> c_int;

static TRY_MUTEX: Real = Real::new(c"pthread_mutex_trylock");
static TRY_READ: Real = Real::new(c"pthread_rwlock_tryrdlock");
static TRY_WRITE: Real = Real::new(c"pthread_rwlock_trywrlock");

/// Tries the lock with `attempt`, and on failure waits for it with `wait`.
///
/// # Safety
/// `lock` must be one that `attempt` and `wait` take.
#[inline(always)]
unsafe fn acquire(kind: u64, lock: Lock, attempt: &Real, wait: impl FnOnce() -> c_int) -> c_int {
    let attempt = attempt.get();
    if attempt.is_null() {
        // Without `attempt`, there is no way to tell whether it waits.
        return wait();
    }
    // SAFETY: the C library's function of this name has this type.
    let attempt: Acquire = unsafe { transmute(attempt) };
    // SAFETY: the caller upholds this function's contract.
    let result = unsafe { attempt(lock) };
    if result != EBUSY {
        return result;
    }
    wait_for(kind, lock, wait)
}

/// Whether the lock may be tried before the wait until `until`. For read-write locks the C library
/// first checks the time. It returns EINVAL for an invalid one, even if the lock is free. And a
/// mutex with priority inheritance does not support all clocks.
///
/// # Safety
/// As for the C library's functions with a deadline.
#[inline(always)]
unsafe fn may_be_tried(kind: u64, lock: Lock, clock: c_int, until: Time) -> bool {
    const SECOND: c_long = 1_000_000_000;
    /// The word of a mutex with its kind and its priority inheritance bit: the same on all 64-bit
    /// targets.
    const KIND: usize = 4;
    const INHERIT: c_int = 32;
    if until.is_null() || (clock != REALTIME && clock != MONOTONIC) {
        return false;
    }
    // SAFETY: it is a `timespec`, whose second word is nanoseconds.
    let nanos = unsafe { until.cast::<c_long>().add(1).read() };
    if !(0..SECOND).contains(&nanos) {
        return false;
    }
    // SAFETY: a mutex is longer than that, and its kind does not change.
    kind != call::MUTEX
        || clock == REALTIME
        || unsafe { lock.cast::<c_int>().add(KIND).read() } & INHERIT == 0
}

#[inline(always)]
fn wait_for(kind: u64, lock: Lock, wait: impl FnOnce() -> c_int) -> c_int {
    let begin = clock::now();
    let slot = thread::once(|| {
        let slot = table::current()?.slot(kind, lock as usize, 0, &Stack::capture())?;
        slot.begin();
        Some(slot)
    });
    let result = wait();
    if let Some(slot) = slot {
        let ns = clock::now().saturating_sub(begin);
        match result {
            0 | EOWNERDEAD => slot.end(ns),
            ETIMEDOUT => slot.time_out(ns),
            // An error: the caller already holds the lock, or it is invalid.
            _ => slot.take_back_begin(),
        }
    }
    result
}

/// Writes functions that acquire a lock, with their statics `$real` and the kind of wait. One with
/// a deadline names its clock and the deadline.
macro_rules! functions {
    ($(
        $real:ident = $c_name:literal: $name:ident($($argument:ident: $type:ty),*),
        $kind:expr, $attempt:ident $(, $clock:expr => $until:ident)?;
    )*) => {
        $(static $real: Real = Real::new($c_name);)*

        /// Looks up all functions now. Later it might happen in a signal handler.
        pub(super) fn look_up() {
            for real in [&TRY_MUTEX, &TRY_READ, &TRY_WRITE $(, &$real)*] {
                real.get();
            }
        }

        $(
            /// The C library's function, with its waits recorded.
            ///
            /// # Safety
            /// As for the C library's function.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name(lock: Lock $(, $argument: $type)*) -> c_int {
                type Function = unsafe extern "C" fn(Lock $(, $type)*) -> c_int;
                let wait = || {
                    let real = $real.get();
                    if real.is_null() {
                        return EINVAL;
                    }
                    // SAFETY: the C library's function of this name has this type, and the caller
                    // may call it.
                    unsafe { transmute::<*mut c_void, Function>(real)(lock $(, $argument)*) }
                };
                $(
                    // SAFETY: the caller upholds this function's contract.
                    if !unsafe { may_be_tried($kind, lock, $clock, $until) } {
                        return wait();
                    }
                )?
                // SAFETY: the caller upholds this function's contract.
                unsafe { acquire($kind, lock, &$attempt, wait) }
            }
        )*
    };
}

functions! {
    MUTEX = c"pthread_mutex_lock": pthread_mutex_lock(), call::MUTEX, TRY_MUTEX;
    MUTEX_TIMED = c"pthread_mutex_timedlock": pthread_mutex_timedlock(until: Time),
        call::MUTEX, TRY_MUTEX, REALTIME => until;
    MUTEX_CLOCK = c"pthread_mutex_clocklock": pthread_mutex_clocklock(clock: c_int, until: Time),
        call::MUTEX, TRY_MUTEX, clock => until;
    READ = c"pthread_rwlock_rdlock": pthread_rwlock_rdlock(), call::READ, TRY_READ;
    READ_TIMED = c"pthread_rwlock_timedrdlock": pthread_rwlock_timedrdlock(until: Time),
        call::READ, TRY_READ, REALTIME => until;
    READ_CLOCK = c"pthread_rwlock_clockrdlock":
        pthread_rwlock_clockrdlock(clock: c_int, until: Time),
        call::READ, TRY_READ, clock => until;
    WRITE = c"pthread_rwlock_wrlock": pthread_rwlock_wrlock(), call::WRITE, TRY_WRITE;
    WRITE_TIMED = c"pthread_rwlock_timedwrlock": pthread_rwlock_timedwrlock(until: Time),
        call::WRITE, TRY_WRITE, REALTIME => until;
    WRITE_CLOCK = c"pthread_rwlock_clockwrlock":
        pthread_rwlock_clockwrlock(clock: c_int, until: Time),
        call::WRITE, TRY_WRITE, clock => until;
}
