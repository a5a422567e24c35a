//! What must happen when the program starts: to note its folder and the time, and to keep a library
//! loaded.
//!
//! A constructor does it, before `main` or when the library is loaded. The first use of a lock may
//! be too late. By then, the program may have changed its folder, and its children may have written
//! files. The constructor writes to its own buffer, calls the system and the loader, and uses
//! nothing of the standard library.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// Longest path that is noted.
#[cfg(unix)]
const MOST: usize = 4096;

/// Nanoseconds since 1970; 0 if nobody looked yet.
///
/// Not by the coarse clock. Some systems stamp files by it. On others, Linux since 6.13 among them,
/// a file may have a finer time. A file written in the tick before this process started would then
/// seem to be later. With this clock, a file written in the tick after the start may seem earlier
/// instead. Then the claim decides.
static STARTED: AtomicI64 = AtomicI64::new(0);
/// Length of the path in `FOLDER`, or 0 if it is not known.
static LENGTH: AtomicUsize = AtomicUsize::new(0);

#[cfg(unix)]
struct Folder(std::cell::UnsafeCell<[u8; MOST]>);
// SAFETY: only the constructor writes it, once, and nobody reads it while `LENGTH` is 0.
#[cfg(unix)]
unsafe impl Sync for Folder {}
#[cfg(unix)]
static FOLDER: Folder = Folder(std::cell::UnsafeCell::new([0; MOST]));

#[cfg(unix)]
extern "C" fn note() {
    note_time();
    keep_loaded();
    let folder = FOLDER.0.get().cast::<u8>();
    // SAFETY: the buffer has that length. The loader calls this once, and nothing else does.
    if !unsafe { libc::getcwd(folder.cast(), MOST) }.is_null() {
        // SAFETY: `getcwd` has written a string that ends with 0.
        let length = unsafe { libc::strlen(folder.cast()) };
        // Release: a thread that sees the length sees the text. Pairs with `folder`.
        LENGTH.store(length, Ordering::Release);
    }
}

/// Keeps the library of this engine loaded, if it is in one. At the end of a thread that has used
/// its locks, [`exit`](crate::process::exit) is called. The program may have closed the library by
/// then.
///
/// This does not happen at the first lock, because a forked child could then wait for the loader's
/// lock for ever. Here, this thread has that lock. On other systems the loader never unloads a
/// library that has thread-locals, or nothing is done.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static")
))]
fn keep_loaded() {
    /// The loader's information on the file that contains an address.
    fn file_of(address: *const std::ffi::c_void) -> Option<libc::Dl_info> {
        let mut info = std::mem::MaybeUninit::uninit();
        // SAFETY: the call fills in `info` if it succeeds.
        let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) } != 0;
        // SAFETY: the call succeeded, so it has filled in `info`.
        found.then(|| unsafe { info.assume_init() })
    }
    // SAFETY: the call only reads what the kernel has told this process.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    let Some(here) = file_of(note as *const std::ffi::c_void) else {
        return;
    };
    let program = file_of(std::ptr::with_exposed_provenance(headers as usize));
    if program.is_some_and(|program| program.dli_fbase == here.dli_fbase) {
        return;
    }
    let how = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the name is that of a loaded library, which has no constructors left to run.
    unsafe { libc::dlopen(here.dli_fname, how) };
}

#[cfg(all(
    unix,
    not(all(
        target_os = "linux",
        target_env = "gnu",
        not(target_feature = "crt-static")
    ))
))]
fn keep_loaded() {}

// The section where the loader looks for constructors. On other systems, folder and time are those
// of the first use.
#[cfg(all(unix, not(miri)))]
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = note;

/// The folder in which the program started.
pub(crate) fn folder() -> Option<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // Acquire: this thread sees the text. Pairs with the Release in `note`.
        let length = LENGTH.load(Ordering::Acquire);
        if length != 0 {
            // SAFETY: `note` has written that many bytes, and nobody writes any more.
            let text = unsafe { std::slice::from_raw_parts(FOLDER.0.get().cast::<u8>(), length) };
            return Some(std::ffi::OsStr::from_bytes(text).into());
        }
    }
    std::env::current_dir().ok()
}

/// When the program started or this process was forked: nanoseconds since 1970.
pub(crate) fn time_ns() -> i64 {
    STARTED.load(Ordering::Relaxed)
}

/// Notes the current time as this process's start, unless a start is known.
pub(crate) fn note_time_once() {
    if time_ns() == 0 {
        note_time();
    }
}

/// Notes the current time as this process's start. A fork handler calls this.
pub(crate) fn note_time() {
    // Relaxed: no other value depends on it.
    STARTED.store(now_ns(), Ordering::Relaxed);
}

#[cfg(unix)]
fn now_ns() -> i64 {
    let mut now = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call fills in `now` if it succeeds.
    let now = unsafe {
        if libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr()) != 0 {
            return 0;
        }
        now.assume_init()
    };
    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields have other types on other systems"
    )]
    let (seconds, nanos) = (now.tv_sec as i64, now.tv_nsec as i64);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(not(unix))]
fn now_ns() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as i64)
}

#[cfg(all(unix, not(miri)))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constructor_has_run() {
        assert_eq!(folder(), std::env::current_dir().ok());
        assert_ne!(LENGTH.load(Ordering::Relaxed), 0);
        assert_ne!(time_ns(), 0);
    }
}
