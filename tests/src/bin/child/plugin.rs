//! A library with profiled locks is closed before the threads that used it end.

use std::ffi::{CString, c_void};
use std::sync::OnceLock;
use std::thread;

/// Each thread stores an open library under this key, and closes it at its end: after all
/// thread-locals, which keep it loaded.
static KEY: OnceLock<libc::pthread_key_t> = OnceLock::new();

pub(crate) fn main(path: &str) {
    let mut key = 0;
    // SAFETY: `key` may be written; `close` takes what `use_it` stores.
    let failed = unsafe { libc::pthread_key_create(&raw mut key, Some(close)) };
    assert_eq!(failed, 0);
    assert_eq!(KEY.set(key), Ok(()));
    for number in 1..=3 {
        let path = path.to_owned();
        // The library stays loaded, and so do its counts.
        assert_eq!(
            thread::spawn(move || use_it(&path)).join().ok(),
            Some(number)
        );
    }
}

unsafe extern "C" fn close(library: *mut c_void) {
    // SAFETY: `dlopen` returned it, and it is closed once.
    assert_eq!(unsafe { libc::dlclose(library) }, 0);
}

fn use_it(path: &str) -> u64 {
    let path = CString::new(path).unwrap_or_default();
    // SAFETY: the library is ours.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null(), "{path:?} cannot be loaded");
    // SAFETY: the name ends with 0, and the library is open.
    let lock = unsafe { libc::dlsym(library, c"lockprof_plugin_lock".as_ptr()) };
    assert!(!lock.is_null());
    let key = KEY.get().copied().unwrap_or_default();
    // SAFETY: the key was created.
    assert_eq!(unsafe { libc::pthread_setspecific(key, library) }, 0);
    // SAFETY: the function of this name has this type.
    let lock = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> u64>(lock) };
    lock()
}
