//! What has to be done when the program starts: to note the folder that it starts in, and the time, and to keep a library loaded.
//!
//! A constructor does it, before `main` or when the library is loaded. The first use of a lock may be too late: the program may have
//! changed its folder, and its children may have written files, by then. The constructor writes a buffer of its own, calls the
//! system and the loader, and uses nothing of the standard library.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// Longer paths are not noted.
#[cfg(unix)]
const MOST: usize = 4096;

/// Nanoseconds since 1970; 0 before anybody looked.
///
/// Not by the coarse clock, of which a file's time is a reading on some systems: on others, Linux since 6.13 among them, a file may have a finer
/// time, and what was written in the tick before this process started would be later. What is written in the tick after it may look
/// earlier instead; then the claim tells.
static STARTED: AtomicI64 = AtomicI64::new(0);
/// How long the path in `FOLDER` is; 0 if it is not known.
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
    // SAFETY: the buffer is that long. The loader calls this once, and nobody else does.
    if !unsafe { libc::getcwd(folder.cast(), MOST) }.is_null() {
        // SAFETY: `getcwd` has written a text that ends with 0.
        let length = unsafe { libc::strlen(folder.cast()) };
        // Release: whoever sees the length sees the text; pairs with `folder`.
        LENGTH.store(length, Ordering::Release);
    }
}

/// Keeps the library that this engine is in loaded, if it is in one: at the end of a thread that has used its locks, [`exit`](crate::process::exit) is
/// called, and the program may have closed the library by then.
///
/// Not at the first lock: a child that is forked off could wait for the loader's lock for ever. Here, this thread has it. On other systems
/// the loader never lets go of a library that has thread-locals, or nothing is done.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static")
))]
fn keep_loaded() {
    /// What an address is in, by the loader.
    fn file_of(address: *const std::ffi::c_void) -> Option<libc::Dl_info> {
        let mut info = std::mem::MaybeUninit::uninit();
        // SAFETY: the call fills in what it is given, if it succeeds.
        let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) } != 0;
        // SAFETY: the call succeeded, so it has filled it in.
        found.then(|| unsafe { info.assume_init() })
    }
    // SAFETY: asks what the kernel has told this process.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    let Some(here) = file_of(note as *const std::ffi::c_void) else {
        return;
    };
    let program = file_of(std::ptr::with_exposed_provenance(headers as usize));
    if program.is_some_and(|program| program.dli_fbase == here.dli_fbase) {
        return;
    }
    let how = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the name of a library that is loaded, and that has no constructors to run any more.
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

// Where the loader looks for constructors. Elsewhere, folder and time are those of the first use.
#[cfg(all(unix, not(miri)))]
#[used]
#[cfg_attr(
    target_vendor = "apple",
    unsafe(link_section = "__DATA,__mod_init_func")
)]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static CONSTRUCTOR: extern "C" fn() = note;

/// The folder that the program started in.
pub(crate) fn folder() -> Option<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // Acquire: pairs with the Release in `note`.
        let length = LENGTH.load(Ordering::Acquire);
        if length != 0 {
            // SAFETY: `note` has written that many bytes, and nobody writes any more.
            let text = unsafe { std::slice::from_raw_parts(FOLDER.0.get().cast::<u8>(), length) };
            return Some(std::ffi::OsStr::from_bytes(text).into());
        }
    }
    std::env::current_dir().ok()
}

/// When the program started, or this process was forked off: nanoseconds since 1970.
pub(crate) fn time_ns() -> i64 {
    STARTED.load(Ordering::Relaxed)
}

/// This process starts now, unless it is known when it did.
pub(crate) fn note_time_once() {
    if time_ns() == 0 {
        note_time();
    }
}

/// This process starts now. Called in a fork handler.
pub(crate) fn note_time() {
    // Relaxed: a value of its own.
    STARTED.store(now_ns(), Ordering::Relaxed);
}

#[cfg(unix)]
fn now_ns() -> i64 {
    let mut now = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call fills in what it is given, if it succeeds.
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
