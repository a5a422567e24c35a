//! `Send`, `Sync`, `Unpin` and the unwind-safety traits: each of our types has them exactly if
//! std's has.

use std::cell::Cell;
use std::rc::Rc;

use crate::api::auto_traits::{Has, Lacks as _, NotSend, auto_traits};

/// Compares a type of both modules for data that is `Send` and `Sync`, only one of them, or
/// neither, and for unsized data.
macro_rules! check {
    ($name:ident $(<$lifetime:lifetime>)?) => {
        check!($name, [$($lifetime,)?] u8);
        check!($name, [$($lifetime,)?] Cell<u8>);
        check!($name, [$($lifetime,)?] NotSend);
        check!($name, [$($lifetime,)?] Rc<u8>);
        check!($name, [$($lifetime,)?] dyn Send);
        check!($name, [$($lifetime,)?] [u8]);
        check!($name, [$($lifetime,)?] &'static mut u8);
    };
    ($name:ident, [$($lifetime:tt)*] $data:ty) => {
        // At compile time, because the comparison is a constant.
        const _: () = {
            let ours = auto_traits!(nexus_lockprof::std_sync::$name<$($lifetime)* $data>);
            let std = auto_traits!(std::sync::$name<$($lifetime)* $data>);
            let mut i = 0;
            while i < ours.len() {
                assert!(
                    ours[i].1 == std[i].1,
                    concat!("an auto trait of ", stringify!($name), " of ", stringify!($data)),
                );
                i += 1;
            }
        };
    };
}

check!(Mutex);
check!(RwLock);
check!(MutexGuard<'static>);
check!(RwLockReadGuard<'static>);
check!(RwLockWriteGuard<'static>);

#[test]
fn condvar() {
    assert_eq!(
        auto_traits!(nexus_lockprof::std_sync::Condvar),
        auto_traits!(std::sync::Condvar)
    );
}

/// Std's guards stay in their thread, whatever parking_lot's do.
#[test]
fn guards_are_never_send() {
    use nexus_lockprof::std_sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

    let send = [
        <Has<MutexGuard<'_, u8>>>::SEND,
        <Has<RwLockReadGuard<'_, u8>>>::SEND,
        <Has<RwLockWriteGuard<'_, u8>>>::SEND,
    ];
    assert_eq!(send, [false; 3]);
}
