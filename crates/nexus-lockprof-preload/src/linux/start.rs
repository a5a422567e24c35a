//! Prepares the library before the program starts, and in a forked child.

use super::folder::{self, PATH};
use super::{modules, pthread, sys, table, thread};
use std::ffi::{CStr, c_char, c_int};

/// The folder for files, and the process that gets one at once: `PID:FOLDER`.
const VARIABLE: &CStr = c"LOCKPROF_WAITS";

unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn pthread_atfork(
        before: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
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
    // SAFETY: the handler lives as long as the process, because a preloaded library is never
    // unloaded.
    unsafe { pthread_atfork(None, None, Some(forked)) };
    folder::set(path);
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
    modules::forget();
    table::forget();
    thread::forget();
}
