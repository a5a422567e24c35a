//! The atomics of the concurrency protocols: core's, or loom's when the models are built.
//!
//! `RUSTFLAGS="--cfg lockprof_loom"` swaps them. Nothing else in the protocol modules changes.

#[cfg(not(lockprof_loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    },
};
#[cfg(lockprof_loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    },
};

use Ordering::Relaxed;

/// A capacity or a number of attempts. It is small in the models, so that they reach its limit.
pub(crate) const fn sized<T: Copy>(in_models: T, in_product: T) -> T {
    if cfg!(lockprof_loom) {
        in_models
    } else {
        in_product
    }
}

/// A function that is `const` except in the models, because loom's atomics have no const
/// constructor.
macro_rules! const_fn {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($arguments:tt)*) -> $result:ty $body:block) => {
        #[cfg(not(lockprof_loom))]
        $(#[$attribute])*
        $visibility const fn $name($($arguments)*) -> $result $body

        #[cfg(lockprof_loom)]
        $(#[$attribute])*
        $visibility fn $name($($arguments)*) -> $result $body
    };
}
pub(crate) use const_fn;

#[cfg(lockprof_loom)]
pub(crate) use loom::cell::UnsafeCell;

/// The standard library's, with loom's interface.
#[cfg(not(lockprof_loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(lockprof_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(core::cell::UnsafeCell::new(value))
    }

    /// Reads it in `f`, while nobody writes it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Writes it in `f`, while nobody else reads or writes it.
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// An array of values of the same expression, in a constant except in the models.
macro_rules! array {
    ($value:expr; $len:expr) => {{
        #[cfg(not(lockprof_loom))]
        let array = [const { $value }; $len];
        #[cfg(lockprof_loom)]
        let array = std::array::from_fn(|_| $value);
        array
    }};
}
pub(crate) use array;

/// A static. In the models, each run has its own, made at its first use.
macro_rules! shared_static {
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(lockprof_loom))]
        $(#[$attribute])*
        $visibility static $name: $type = $value;

        #[cfg(lockprof_loom)]
        loom::lazy_static! {
            static ref $name: $type = $value;
        }
    };
}
pub(crate) use shared_static;

/// Adds to a counter that only the calling thread writes: a load and a store, no read-modify-write.
#[inline(always)]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.own_load().wrapping_add(by), Relaxed);
}

/// A load by the only thread that may store to the atomic.
///
/// Relaxed: the thread sees its own last store. If it has just taken the shard over, it sees the
/// previous owner's, by the Acquire in `Lease::try_take`. Loom checks exactly that: no store is
/// unordered with the load. Loom must not treat it as an ordinary access. It keeps only the last
/// access of each atomic, so an owner's load just before its store would hide a reader's load from
/// it.
pub(crate) trait OwnLoad {
    /// What is loaded.
    type Value;

    /// Loads it.
    fn own_load(&self) -> Self::Value;

    /// Loads it with a plain read, which the compiler can make part of another instruction.
    ///
    /// # Safety
    /// Only the calling thread writes it.
    unsafe fn plain_load(&self) -> Self::Value;
}

#[cfg(not(lockprof_loom))]
impl OwnLoad for AtomicU8 {
    type Value = u8;

    #[inline(always)]
    fn own_load(&self) -> u8 {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> u8 {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(not(lockprof_loom))]
impl OwnLoad for AtomicU64 {
    type Value = u64;

    #[inline(always)]
    fn own_load(&self) -> u64 {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> u64 {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(not(lockprof_loom))]
impl OwnLoad for AtomicU32 {
    type Value = u32;

    #[inline(always)]
    fn own_load(&self) -> u32 {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> u32 {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(not(lockprof_loom))]
impl OwnLoad for AtomicU16 {
    type Value = u16;

    #[inline(always)]
    fn own_load(&self) -> u16 {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> u16 {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(not(lockprof_loom))]
impl OwnLoad for AtomicUsize {
    type Value = usize;

    #[inline(always)]
    fn own_load(&self) -> usize {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> usize {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(not(lockprof_loom))]
impl<T> OwnLoad for AtomicPtr<T> {
    type Value = *mut T;

    #[inline(always)]
    fn own_load(&self) -> *mut T {
        self.load(Relaxed)
    }

    #[inline(always)]
    unsafe fn plain_load(&self) -> *mut T {
        // SAFETY: the caller's. Reads of other threads do not conflict with this one.
        unsafe { *self.as_ptr() }
    }
}

#[cfg(lockprof_loom)]
impl OwnLoad for AtomicU8 {
    type Value = u8;

    fn own_load(&self) -> u8 {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> u8 {
        self.own_load()
    }
}

#[cfg(lockprof_loom)]
impl OwnLoad for AtomicU64 {
    type Value = u64;

    fn own_load(&self) -> u64 {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> u64 {
        self.own_load()
    }
}

#[cfg(lockprof_loom)]
impl OwnLoad for AtomicU32 {
    type Value = u32;

    fn own_load(&self) -> u32 {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> u32 {
        self.own_load()
    }
}

#[cfg(lockprof_loom)]
impl OwnLoad for AtomicU16 {
    type Value = u16;

    fn own_load(&self) -> u16 {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> u16 {
        self.own_load()
    }
}

#[cfg(lockprof_loom)]
impl OwnLoad for AtomicUsize {
    type Value = usize;

    fn own_load(&self) -> usize {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> usize {
        self.own_load()
    }
}

#[cfg(lockprof_loom)]
impl<T> OwnLoad for AtomicPtr<T> {
    type Value = *mut T;

    fn own_load(&self) -> *mut T {
        // SAFETY: loom fails the model if a store is concurrent with it.
        unsafe { self.unsync_load() }
    }

    unsafe fn plain_load(&self) -> *mut T {
        self.own_load()
    }
}

/// A value that one thread sets once and others then see: std's. The models use a twin that
/// publishes in the same way, where loom sees it.
#[cfg(not(lockprof_loom))]
pub(crate) use std::sync::OnceLock;

#[cfg(lockprof_loom)]
pub(crate) use once::OnceLock;

#[cfg(lockprof_loom)]
mod once {
    use super::{AtomicPtr, Ordering};

    pub(crate) struct OnceLock<T>(AtomicPtr<T>);

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            OnceLock(AtomicPtr::new(std::ptr::null_mut()))
        }

        pub(crate) fn get(&self) -> Option<&T> {
            // SAFETY: null, or set once by `get_or_init` and kept until drop.
            unsafe { self.0.load(Ordering::Acquire).as_ref() }
        }

        /// Only one thread calls this.
        pub(crate) fn get_or_init(&self, value: impl FnOnce() -> T) -> &T {
            if self.get().is_none() {
                self.0
                    .store(Box::into_raw(Box::new(value())), Ordering::Release);
            }
            self.get().unwrap_or_else(|| unreachable!())
        }
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self::new()
        }
    }

    impl<T> Drop for OnceLock<T> {
        fn drop(&mut self) {
            let value = self.0.load(Ordering::Relaxed);
            if !value.is_null() {
                // SAFETY: made by Box::into_raw, dropped once, and no thread reads it any more.
                drop(unsafe { Box::from_raw(value) });
            }
        }
    }
}

/// A value on the heap that one thread sets once and others then see. Takes one word.
pub(crate) struct SetOnce<T>(AtomicPtr<T>);

// SAFETY: works like a `OnceLock<Box<T>>`: other threads get a `&T`, and whoever drops it drops the
// `T`.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}
// SAFETY: it owns its value like a `Box<T>`, and moves to another thread with it.
unsafe impl<T: Send> Send for SetOnce<T> {}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        SetOnce(AtomicPtr::default())
    }
}

impl<T> SetOnce<T> {
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: a thread that sees the pointer sees the value. Pairs with `set`.
        // SAFETY: null, or set once and kept until drop.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Sets it, if it is not set yet. Only one thread calls this.
    pub(crate) fn set(&self, value: Box<T>) -> &T {
        if let Some(set) = self.get() {
            return set;
        }
        let value = Box::into_raw(value);
        // Release: publishes the value. Pairs with the Acquire in `get`.
        self.0.store(value, Ordering::Release);
        // SAFETY: just made, and kept until drop.
        unsafe { &*value }
    }
}

impl<T> Drop for SetOnce<T> {
    fn drop(&mut self) {
        let value = self.0.load(Relaxed);
        if !value.is_null() {
            // SAFETY: made by `Box::into_raw` in `set`, dropped once, and no thread reads it any
            // more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

/// A pointer that one thread replaces and others follow under an epoch pin.
///
/// The models keep retired values until the end instead of freeing them. Reclamation is crossbeam's
/// protocol, publication is ours.
pub(crate) mod published {
    #[cfg(not(lockprof_loom))]
    pub(crate) use epoch::Published;
    #[cfg(lockprof_loom)]
    pub(crate) use kept::Published;

    #[cfg(not(lockprof_loom))]
    mod epoch {
        use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned};
        use std::sync::atomic::Ordering;

        pub(crate) struct Published<T>(Atomic<T>);

        impl<T: Send + Sync + 'static> Published<T> {
            pub(crate) fn new(value: T) -> Self {
                Published(Atomic::new(value))
            }

            /// The current value, for a reader. Valid while `guard` is pinned.
            pub(crate) fn get<'g>(&self, guard: &'g Guard) -> &'g T {
                // Acquire: the reader follows the pointer to what the owner filled in before
                // publishing. Pairs with the Release in `replace`.
                let shared = self.0.load(Ordering::Acquire, guard);
                // SAFETY: never null after `new`, and the pin keeps a retired value alive.
                unsafe { shared.deref() }
            }

            /// The current value, for the one thread that calls `replace`.
            ///
            /// # Safety
            /// Only the caller's thread may call `replace`, and it does not while the reference
            /// lives.
            pub(crate) unsafe fn get_as_owner(&self) -> &T {
                // Relaxed: this thread stored it, or took the shard over with an Acquire.
                // SAFETY: `unprotected` is sound because only the caller retires values.
                let shared = unsafe { self.0.load(Ordering::Relaxed, epoch::unprotected()) };
                // SAFETY: never null after `new`.
                unsafe { shared.deref() }
            }

            /// Publishes `value` and retires the previous one.
            ///
            /// # Safety
            /// Only one thread at a time may call this.
            pub(crate) unsafe fn replace(&self, value: T) {
                let guard = epoch::pin();
                // Release: a thread that follows the new pointer sees the table filled in. Pairs
                // with the Acquire in `get`.
                let old = self.0.swap(Owned::new(value), Ordering::AcqRel, &guard);
                // SAFETY: unlinked just now by its only replacer. Readers that still have it are
                // pinned.
                unsafe { guard.defer_destroy(old) };
            }
        }

        impl<T> Drop for Published<T> {
            fn drop(&mut self) {
                // SAFETY: `&mut self` means that nobody reads it any more, and `new` made it
                // non-null.
                drop(unsafe { std::mem::replace(&mut self.0, Atomic::null()).into_owned() });
            }
        }
    }

    #[cfg(lockprof_loom)]
    mod kept {
        use super::super::{AtomicPtr, Ordering, OwnLoad};

        pub(crate) struct Published<T> {
            now: AtomicPtr<T>,
            retired: std::sync::Mutex<Vec<usize>>,
            _own: std::marker::PhantomData<T>,
        }

        impl<T: Send + Sync + 'static> Published<T> {
            pub(crate) fn new(value: T) -> Self {
                Published {
                    now: AtomicPtr::new(Box::into_raw(Box::new(value))),
                    retired: std::sync::Mutex::new(Vec::new()),
                    _own: std::marker::PhantomData,
                }
            }

            pub(crate) fn get<'g>(&self, _guard: &'g crossbeam_epoch::Guard) -> &'g T {
                // SAFETY: kept until drop.
                unsafe { &*self.now.load(Ordering::Acquire) }
            }

            pub(crate) unsafe fn get_as_owner(&self) -> &T {
                // SAFETY: kept until drop.
                unsafe { &*self.now.own_load() }
            }

            pub(crate) unsafe fn replace(&self, value: T) {
                let old = self.now.own_load();
                self.now
                    .store(Box::into_raw(Box::new(value)), Ordering::Release);
                if let Ok(mut retired) = self.retired.lock() {
                    retired.push(old as usize);
                }
            }
        }

        impl<T> Drop for Published<T> {
            fn drop(&mut self) {
                let now = self.now.load(Ordering::Relaxed);
                // SAFETY: made by Box::into_raw, dropped once, and no thread reads it any more.
                drop(unsafe { Box::from_raw(now) });
                if let Ok(retired) = self.retired.get_mut() {
                    for old in retired.drain(..) {
                        // SAFETY: made by Box::into_raw and unlinked once, and no thread reads it
                        // any more.
                        drop(unsafe { Box::from_raw(old as *mut T) });
                    }
                }
            }
        }
    }
}
