//! System calls that bypass the C library: they do not change `errno`, and are no cancellation
//! points.

use std::arch::asm;
use std::ffi::{CStr, c_long};

/// Makes a system call, and returns the kernel's result. From -4095 to -1 it is a negated error
/// number.
///
/// # Safety
/// As for the system call itself.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn call(number: c_long, args: [c_long; 6]) -> c_long {
    let result;
    // SAFETY: the kernel preserves all registers but these three. The caller answers for the call's
    // other effects.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Makes a system call, and returns the kernel's result. From -4095 to -1 it is a negated error
/// number.
///
/// # Safety
/// As for the system call itself.
#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(super) unsafe fn call(number: c_long, args: [c_long; 6]) -> c_long {
    let result;
    // SAFETY: the kernel preserves all registers but x0. The caller answers for the call's other
    // effects.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") args[0] => result,
            in("x1") args[1],
            in("x2") args[2],
            in("x3") args[3],
            in("x4") args[4],
            in("x5") args[5],
            options(nostack),
        );
    }
    result
}

#[cfg(target_arch = "x86_64")]
mod number {
    use std::ffi::c_long;
    pub(super) const READ: c_long = 0;
    pub(super) const CLOSE: c_long = 3;
    pub(super) const MMAP: c_long = 9;
    pub(super) const YIELD: c_long = 24;
    pub(super) const GETPID: c_long = 39;
    pub(super) const FTRUNCATE: c_long = 77;
    pub(super) const GETPPID: c_long = 110;
    pub(super) const OPENAT: c_long = 257;
    pub(super) const READLINKAT: c_long = 267;
    pub(super) const PRLIMIT: c_long = 302;
    pub(super) const FALLOCATE: c_long = 285;
    pub(in super::super) const FUTEX: c_long = 202;
}

#[cfg(target_arch = "aarch64")]
mod number {
    use std::ffi::c_long;
    pub(super) const FTRUNCATE: c_long = 46;
    pub(super) const FALLOCATE: c_long = 47;
    pub(super) const OPENAT: c_long = 56;
    pub(super) const CLOSE: c_long = 57;
    pub(super) const READ: c_long = 63;
    pub(super) const READLINKAT: c_long = 78;
    pub(in super::super) const FUTEX: c_long = 98;
    pub(super) const YIELD: c_long = 124;
    pub(super) const GETPID: c_long = 172;
    pub(super) const GETPPID: c_long = 173;
    pub(super) const MMAP: c_long = 222;
    pub(super) const PRLIMIT: c_long = 261;
}

pub(super) use number::FUTEX;

pub(super) const EINTR: c_long = 4;
pub(super) const EAGAIN: c_long = 11;
pub(super) const ETIMEDOUT: c_long = 110;

/// The folder that relative paths start from.
const CWD: c_long = -100;

pub(super) fn pid() -> u64 {
    // SAFETY: it has no arguments and no effect.
    unsafe { call(number::GETPID, [0; 6]) as u64 }
}

pub(super) fn parent() -> u64 {
    // SAFETY: it has no arguments and no effect.
    unsafe { call(number::GETPPID, [0; 6]) as u64 }
}

/// Yields the processor.
pub(super) fn yield_now() {
    // SAFETY: it has no arguments, and only reschedules.
    unsafe { call(number::YIELD, [0; 6]) };
}

/// Sleeps for `ns` nanoseconds, less than a second. Uses the system call the program waits with,
/// because some programs may use no other.
pub(super) fn sleep(ns: u64) {
    const WAIT_PRIVATE: c_long = 128;
    let word = 0_u32;
    let time = [0, ns];
    let args = [
        (&raw const word) as c_long,
        WAIT_PRIVATE,
        0,
        (&raw const time) as c_long,
        0,
        0,
    ];
    // SAFETY: the word and the time are valid. Nobody else knows the word, so nobody wakes it.
    unsafe { call(FUTEX, args) };
}

/// Whether this process may have a file of this size. Exceeding the limit would kill the process.
pub(super) fn may_be_as_long(len: usize) -> bool {
    const FILE_SIZE: c_long = 1;
    let mut limits = [0_u64; 2];
    let args = [0, FILE_SIZE, 0, (&raw mut limits) as c_long, 0, 0];
    // SAFETY: there is room for the two limits.
    let done = unsafe { call(number::PRLIMIT, args) };
    done == 0 && limits[0] >= len as u64
}

/// An open file.
pub(super) struct File(c_long);

impl File {
    pub(super) fn open(path: &CStr) -> Option<Self> {
        const CLOEXEC: c_long = 0o2_000_000;
        Self::open_with(path, CLOEXEC)
    }

    pub(super) fn open_to_write(path: &CStr) -> Option<Self> {
        const RDWR_CLOEXEC: c_long = 0o2_000_002;
        Self::open_with(path, RDWR_CLOEXEC)
    }

    /// Creates a new file.
    pub(super) fn create(path: &CStr) -> Option<Self> {
        const RDWR_CREAT_EXCL_CLOEXEC: c_long = 0o2_000_302;
        Self::open_with(path, RDWR_CREAT_EXCL_CLOEXEC)
    }

    fn open_with(path: &CStr, flags: c_long) -> Option<Self> {
        const MINE: c_long = 0o600;
        let path = path.as_ptr() as c_long;
        // SAFETY: the path ends with 0.
        let fd = unsafe { call(number::OPENAT, [CWD, path, flags, MINE, 0, 0]) };
        (fd >= 0).then_some(File(fd))
    }

    /// Sets the length, without allocating disk space.
    pub(super) fn set_len(&self, len: usize) -> bool {
        // SAFETY: the file is open.
        let done = unsafe { call(number::FTRUNCATE, [self.0, len as c_long, 0, 0, 0, 0]) };
        done == 0
    }

    /// Allocates disk space for a part of it. Without the space, a write to the mapping would kill
    /// the process when the disk is full.
    pub(super) fn allocate(&self, begin: usize, end: usize) -> bool {
        let args = [self.0, 0, begin as c_long, (end - begin) as c_long, 0, 0];
        loop {
            // SAFETY: the file is open.
            match unsafe { call(number::FALLOCATE, args) } {
                error if error == -EINTR => {}
                result => return result == 0,
            }
        }
    }

    /// Maps its first `len` bytes, shared.
    pub(super) fn map(&self, len: usize) -> Option<*mut u8> {
        const READ_WRITE: c_long = 3;
        const SHARED: c_long = 1;
        let args = [0, len as c_long, READ_WRITE, SHARED, self.0, 0];
        // SAFETY: the kernel places it where nothing else is.
        let at = unsafe { call(number::MMAP, args) };
        (!is_error(at)).then_some(at as *mut u8)
    }

    /// Reads bytes, and returns how many; 0 at the end or on failure.
    pub(super) fn read(&self, to: &mut [u8]) -> usize {
        let args = [
            self.0,
            to.as_mut_ptr() as c_long,
            to.len() as c_long,
            0,
            0,
            0,
        ];
        loop {
            // SAFETY: there is room for this many bytes.
            match unsafe { call(number::READ, args) } {
                error if error == -EINTR => {}
                result => return usize::try_from(result).unwrap_or(0).min(to.len()),
            }
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the file is open, and nobody else has it.
        unsafe { call(number::CLOSE, [self.0, 0, 0, 0, 0, 0]) };
    }
}

/// Copies the target of a link to `to`, and returns its length in bytes.
///
/// # Safety
/// There must be room for `room` bytes that nobody else accesses.
pub(super) unsafe fn read_link(path: &CStr, to: *mut u8, room: usize) -> usize {
    let args = [
        CWD,
        path.as_ptr() as c_long,
        to as c_long,
        room as c_long,
        0,
        0,
    ];
    // SAFETY: the path ends with 0; the caller guarantees the room.
    let len = unsafe { call(number::READLINKAT, args) };
    usize::try_from(len).unwrap_or(0).min(room)
}

/// Whether the result is a negated error number.
pub(super) fn is_error(result: c_long) -> bool {
    (-4095..0).contains(&result)
}
