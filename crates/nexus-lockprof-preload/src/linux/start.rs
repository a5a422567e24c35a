//! The settings from `lockprof run`, and the C library's functions that ours replace.

use super::{pthread, sys, table, thread};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{
    AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// The folder for files, and the process that gets one at once: `PID:FOLDER`.
const VARIABLE: &CStr = c"LOCKPROF_WAITS";

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn pthread_atfork(
        before: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// Bytes of a path, including the final 0.
pub(super) const PATH: usize = 512;

/// A text that is set once, before the program starts.
pub(super) struct Folder {
    bytes: [AtomicByte; PATH],
    len: AtomicUsize,
}

type AtomicByte = std::sync::atomic::AtomicU8;

static FOLDER: Folder = Folder {
    bytes: [const { AtomicByte::new(0) }; PATH],
    len: AtomicUsize::new(0),
};

/// Copies the folder for files to `to`, and returns its length. It is empty if there is none (yet).
pub(super) fn folder(to: &mut [u8; PATH]) -> usize {
    // Acquire: a reader that sees the length sees the bytes; pairs with `begin`.
    let len = FOLDER.len.load(Acquire);
    for (to, byte) in to.iter_mut().zip(&FOLDER.bytes).take(len) {
        *to = byte.load(Relaxed);
    }
    len
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;

/// Runs before the program starts, and before any thread of its own.
extern "C" fn begin() {
    pthread::look_up();
    // SAFETY: the name ends with 0, and nobody changes the environment yet.
    let value = unsafe { getenv(VARIABLE.as_ptr()) };
    if value.is_null() {
        return;
    }
    // SAFETY: it ends with 0.
    let value = unsafe { CStr::from_ptr(value) }.to_bytes();
    let Some(colon) = value.iter().position(|&byte| byte == b':') else {
        return;
    };
    let (front, path) = (&value[..colon], &value[colon + 1..]);
    // Leaves room for what is appended.
    if path.len() > PATH - 64 {
        return;
    }
    for (to, byte) in FOLDER.bytes.iter().zip(path) {
        to.store(*byte, Relaxed);
    }
    // SAFETY: the handler lives as long as the process, because a preloaded library is never
    // unloaded.
    unsafe { pthread_atfork(None, None, Some(forked)) };
    // Release: pairs with `folder`.
    FOLDER.len.store(path.len(), Release);
    let front = front.iter().fold(0, |number: u64, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit.wrapping_sub(b'0')))
    });
    // The program itself gets its file now. Later it may have another root, or be forbidden to open
    // files. Other processes get theirs at their first wait.
    if sys::parent() == front {
        table::current();
    }
}

/// Runs in a forked child, whose waits are not its parent's.
extern "C" fn forked() {
    table::forget();
    thread::forget();
}

/// A function of the C library, found by name.
pub(super) struct Real {
    name: &'static CStr,
    at: AtomicUsize,
}

impl Real {
    pub(super) const fn new(name: &'static CStr) -> Self {
        Real {
            name,
            at: AtomicUsize::new(0),
        }
    }

    /// Its address, or null.
    #[inline]
    pub(super) fn get(&self) -> *mut c_void {
        // Relaxed: every lookup gives the same address.
        let known = self.at.load(Relaxed);
        if known != 0 {
            return known as *mut c_void;
        }
        self.look_up()
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        const NEXT: *mut c_void = usize::MAX as *mut c_void;
        // SAFETY: the name ends with 0.
        let at = unsafe { dlsym(NEXT, self.name.as_ptr()) };
        self.at.store(at as usize, Relaxed);
        at
    }
}
