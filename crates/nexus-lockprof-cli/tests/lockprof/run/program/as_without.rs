//! What the library must leave alone: results and `errno`.

use super::{Later, Shared, contend, place};
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::io::Write;
use std::sync::atomic::AtomicI32;

/// What must be the same as without the library.
pub(super) fn errno() {
    const MINE: c_int = 77;
    let errno = || {
        // SAFETY: each thread has one.
        unsafe { &mut *libc::__errno_location() }
    };
    static LOCK: Shared<libc::pthread_mutex_t> =
        Shared(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
    let unlock = || LOCK.call(libc::pthread_mutex_unlock);
    LOCK.call(libc::pthread_mutex_lock);
    let take = || {
        *errno() = MINE;
        LOCK.call(libc::pthread_mutex_lock);
        let after = *errno();
        unlock();
        assert_eq!(after, MINE);
    };
    contend("none", 0, place(&LOCK), Later(unlock), take);

    *errno() = MINE;
    // SAFETY: one call has no arguments, and the other fails.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_getpid), i64::from(libc::getpid()));
        assert_eq!(*errno(), MINE);
        assert_eq!(libc::syscall(libc::SYS_close, -1), -1);
    }
    assert_eq!(*errno(), libc::EBADF);
    let word = AtomicI32::new(1);
    let at = &raw const word;
    // SAFETY: the word is valid. Its value differs, so nobody waits; then a wait that times out.
    unsafe {
        assert_eq!(
            libc::syscall(libc::SYS_futex, at, libc::FUTEX_WAIT, 2, 0),
            -1
        );
        assert_eq!(*errno(), libc::EAGAIN);
        let short = libc::timespec {
            tv_sec: 0,
            tv_nsec: 1,
        };
        let result = libc::syscall(libc::SYS_futex, at, libc::FUTEX_WAIT, 1, &raw const short);
        assert_eq!((result, *errno()), (-1, libc::ETIMEDOUT));
    }
    times_that_are_none();
    // All six arguments arrive: maps a page other than the file's first.
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut expected = [0; 16];
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut expected, 4096).unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    // SAFETY: maps a page that the file has, and reads from it.
    let mapped = unsafe {
        let at = libc::syscall(
            libc::SYS_mmap,
            0,
            4096,
            libc::PROT_READ,
            libc::MAP_PRIVATE,
            fd,
            4096_i64,
        );
        *(at as *const [u8; 16])
    };
    assert_eq!(mapped, expected);
    tell!("as without");
}

/// Invalid times: the C library refuses them before it looks at the lock. The lock is free, and
/// must be free afterwards.
fn times_that_are_none() {
    unsafe extern "C" {
        // libc does not declare them.
        fn pthread_rwlock_timedrdlock(
            lock: *mut libc::pthread_rwlock_t,
            until: *const libc::timespec,
        ) -> c_int;
        fn pthread_rwlock_timedwrlock(
            lock: *mut libc::pthread_rwlock_t,
            until: *const libc::timespec,
        ) -> c_int;
        fn pthread_mutex_clocklock(
            lock: *mut libc::pthread_mutex_t,
            clock: c_int,
            until: *const libc::timespec,
        ) -> c_int;
    }
    static RW: Shared<libc::pthread_rwlock_t> =
        Shared(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER));
    static LOCK: Shared<libc::pthread_mutex_t> =
        Shared(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
    for tv_nsec in [-1, 1_000_000_000] {
        let none = libc::timespec { tv_sec: 0, tv_nsec };
        // SAFETY: the lock was initialised.
        unsafe {
            let [read, write] = [
                pthread_rwlock_timedrdlock(RW.0.get(), &raw const none),
                pthread_rwlock_timedwrlock(RW.0.get(), &raw const none),
            ];
            assert_eq!([read, write], [libc::EINVAL; 2]);
        }
    }
    RW.call(libc::pthread_rwlock_trywrlock);
    RW.call(libc::pthread_rwlock_unlock);
    let later = libc::timespec {
        tv_sec: i64::MAX,
        tv_nsec: 0,
    };
    for (clock, result) in [(libc::CLOCK_MONOTONIC, 0), (77, libc::EINVAL)] {
        // SAFETY: the lock was initialised.
        let locked = unsafe { pthread_mutex_clocklock(LOCK.0.get(), clock, &raw const later) };
        assert_eq!(locked, result);
        if locked == 0 {
            LOCK.call(libc::pthread_mutex_unlock);
        }
    }
}
