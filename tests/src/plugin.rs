//! A lock of this crate in a shared library, which a test program loads and closes.

use nexus_lockprof::Mutex;

static LOCK: Mutex<u64> = Mutex::named("a plugin's", 0);

/// Takes the lock, and returns how often it was taken.
#[unsafe(no_mangle)] // the only function of this name: the prefix is this project's
pub extern "C" fn lockprof_plugin_lock() -> u64 {
    let mut count = LOCK.lock();
    *count += 1;
    *count
}
