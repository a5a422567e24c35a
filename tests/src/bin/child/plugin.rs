//! A library with profiled locks is closed before the threads that have used them end.

use std::ffi::{CString, c_void};
use std::sync::OnceLock;
use std::thread;

/// Each thread has a library open in the value of this key, which it closes at its end: after all thread-locals, which keep it loaded.
static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();

pub(crate) fn main(path: &str) {
    let mut key = 0;
    // SAFETY: `key` is there to be written; `close` takes what `use_it` puts there.
    let failed = unsafe { libc::pthread_key_create(&raw mut key, Some(close)) };
    assert_eq!(failed, 0);
    assert_eq!(KEY.set(key), Ok(()));
    for number in 1..=3 {
        let path = path.to_owned();
        // The library stays loaded, and so does what it has counted.
        assert_eq!(
            thread::spawn(move || use_it(&path)).join().ok(),
            Some(number)
        );
    }
}

unsafe extern "C" fn close(library: *mut c_void) {
    // SAFETY: what `dlopen` has returned, closed once.
    assert_eq!(unsafe { libc::dlclose(library) }, 0);
}

fn use_it(path: &str) -> u64 {
    let path = CString::new(path).unwrap_or_default();
    // SAFETY: a library of ours.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null(), "{path:?} cannot be loaded");
    // SAFETY: the name is a text, and the library is open.
    let lock = unsafe { libc::dlsym(library, c"lockprof_plugin_lock".as_ptr()) };
    assert!(!lock.is_null());
    let key = KEY.get().copied().unwrap_or_default();
    // SAFETY: a key that was made.
    assert_eq!(unsafe { libc::pthread_setspecific(key, library) }, 0);
    // SAFETY: the function that has this name.
    let lock = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> u64>(lock) };
    lock()
}
