//! The output of `{:?}`.

use super::super::sync::{Condvar, Mutex, RwLock};
use super::{quiet_panic, unwinds};

#[test]
fn mutex() {
    let mutex = Mutex::new("a");
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { data: \"a\", poisoned: false, .. }"
    );
    // Whether `<locked>` is in quotation marks depends on the version of std.
    let std = std::sync::Mutex::new("a");
    let (guard, _std) = (mutex.lock().unwrap(), std.lock().unwrap());
    assert_eq!(format!("{mutex:?}"), format!("{std:?}"));
    assert_eq!(format!("{mutex:#?}"), format!("{std:#?}"));
    assert!(format!("{mutex:?}").contains("<locked>"));
    unwinds(|| {
        let _guard = guard;
        quiet_panic();
    });
    assert_eq!(
        format!("{mutex:?}"),
        "Mutex { data: \"a\", poisoned: true, .. }"
    );
    let bytes: &Mutex<[u8]> = &Mutex::new([1, 2]);
    assert_eq!(
        format!("{bytes:x?}"),
        "Mutex { data: [1, 2], poisoned: false, .. }"
    );
}

#[test]
fn rwlock() {
    let lock = RwLock::new("a");
    let free = "RwLock { data: \"a\", poisoned: false, .. }";
    assert_eq!(format!("{lock:?}"), free);
    let reader = lock.read().unwrap();
    assert_eq!(format!("{lock:?}"), free);
    drop(reader);
    let guard = lock.write().unwrap();
    assert_eq!(
        format!("{lock:?}"),
        "RwLock { data: <locked>, poisoned: false, .. }"
    );
    unwinds(|| {
        let _guard = guard;
        quiet_panic();
    });
    assert_eq!(
        format!("{lock:?}"),
        "RwLock { data: \"a\", poisoned: true, .. }"
    );
}

#[test]
fn condvar() {
    assert_eq!(format!("{:?}", Condvar::new()), "Condvar { .. }");
}
