//! `Send`, `Sync`, `Unpin` and the unwind-safety traits: each of our types has them exactly if
//! parking_lot's has.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// Finds out at compile time whether a type has a trait. The inherent constants, which require the
/// trait, take precedence over those of [`Lacks`].
pub(crate) struct Has<T: ?Sized>(PhantomData<T>);

pub(crate) trait Lacks {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;
    const UNWIND_SAFE: bool = false;
    const REF_UNWIND_SAFE: bool = false;
}

impl<T: ?Sized> Lacks for Has<T> {}

impl<T: ?Sized + Send> Has<T> {
    pub(crate) const SEND: bool = true;
}

impl<T: ?Sized + Sync> Has<T> {
    pub(crate) const SYNC: bool = true;
}

impl<T: ?Sized + Unpin> Has<T> {
    pub(crate) const UNPIN: bool = true;
}

impl<T: ?Sized + UnwindSafe> Has<T> {
    pub(crate) const UNWIND_SAFE: bool = true;
}

impl<T: ?Sized + RefUnwindSafe> Has<T> {
    pub(crate) const REF_UNWIND_SAFE: bool = true;
}

/// The auto traits of a type, by name.
macro_rules! auto_traits {
    ($type:ty) => {
        [
            ("Send", <Has<$type>>::SEND),
            ("Sync", <Has<$type>>::SYNC),
            ("Unpin", <Has<$type>>::UNPIN),
            ("UnwindSafe", <Has<$type>>::UNWIND_SAFE),
            ("RefUnwindSafe", <Has<$type>>::REF_UNWIND_SAFE),
        ]
    };
}

pub(crate) use auto_traits;

/// Compares a type of both crates for data that is `Send` and `Sync`, only one of them, or neither,
/// and for unsized data.
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
        assert_eq!(
            auto_traits!(nexus_lockprof::$name<$($lifetime)* $data>),
            auto_traits!(parking_lot::$name<$($lifetime)* $data>),
            concat!(stringify!($name), " of ", stringify!($data)),
        );
    };
}

/// Data that is `Sync` but not `Send`.
pub(crate) struct NotSend(#[expect(dead_code, reason = "only its traits matter")] *const u8);

// SAFETY: the pointer is never used.
unsafe impl Sync for NotSend {}

#[test]
fn locks() {
    check!(Mutex);
    check!(FairMutex);
    check!(ReentrantMutex);
    check!(RwLock);
    check!(RecursiveRwLock);
    assert_eq!(
        auto_traits!(nexus_lockprof::Condvar),
        auto_traits!(parking_lot::Condvar)
    );
}

#[test]
fn guards() {
    check!(MutexGuard<'static>);
    check!(MappedMutexGuard<'static>);
    check!(FairMutexGuard<'static>);
    check!(MappedFairMutexGuard<'static>);
    check!(ReentrantMutexGuard<'static>);
    check!(MappedReentrantMutexGuard<'static>);
    check!(RwLockReadGuard<'static>);
    check!(RwLockWriteGuard<'static>);
    check!(RwLockUpgradableReadGuard<'static>);
    check!(MappedRwLockReadGuard<'static>);
    check!(MappedRwLockWriteGuard<'static>);
    check!(RecursiveRwLockReadGuard<'static>);
    check!(RecursiveRwLockWriteGuard<'static>);
    check!(RecursiveRwLockUpgradableReadGuard<'static>);
    check!(MappedRecursiveRwLockReadGuard<'static>);
    check!(MappedRecursiveRwLockWriteGuard<'static>);
}

/// The probe itself distinguishes types.
#[test]
fn the_probe_works() {
    let names = |traits: [(&'static str, bool); 5]| -> Vec<_> {
        traits
            .into_iter()
            .filter_map(|(name, has)| has.then_some(name))
            .collect()
    };
    assert_eq!(names(auto_traits!(Rc<Cell<u8>>)), ["Unpin"]);
    assert_eq!(
        names(auto_traits!(NotSend)),
        ["Sync", "Unpin", "UnwindSafe", "RefUnwindSafe"]
    );
    let send_guard = cfg!(feature = "send_guard");
    assert_eq!(<Has<nexus_lockprof::MutexGuard<'_, u8>>>::SEND, send_guard);
    assert_eq!(
        <Has<nexus_lockprof::RecursiveRwLockReadGuard<'_, u8>>>::SEND,
        send_guard
    );
}
