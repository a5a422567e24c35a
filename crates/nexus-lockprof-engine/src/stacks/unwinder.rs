//! Walks the call stack of the calling thread.
//!
//! On Unix this uses the unwinder to which std itself is linked, except on Arm, where these
//! functions are macros, and on s390x, where `_Unwind_GetCFA` is biased. The crate `backtrace` does
//! the same there. But it brings code that looks up names, which makes programs large and slow to
//! build.

/// A function that has called another one.
pub(super) struct Caller {
    /// The function's stack pointer, or 0 if it is not known.
    pub(super) stack: usize,
    /// The return address in the function, or 0 if there is none.
    pub(super) address: usize,
}

pub(super) use system::walk;

/// Whether stacks can be walked here.
pub(super) const SUPPORTED: bool = cfg!(any(
    all(unix, not(any(target_arch = "arm", target_arch = "s390x"))),
    feature = "stacks"
));

#[cfg(all(unix, not(any(target_arch = "arm", target_arch = "s390x"))))]
mod system {
    use super::Caller;
    use std::ffi::{c_int, c_void};

    type Look<'a> = &'a mut dyn FnMut(Caller) -> bool;

    // All C++ unwinders have this interface.
    unsafe extern "C" {
        fn _Unwind_Backtrace(
            look: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            argument: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
        fn _Unwind_GetCFA(context: *mut c_void) -> usize;
    }
    const GO_ON: c_int = 0;
    /// Ends the walk, as any other number does.
    const STOP: c_int = 9;

    /// Calls `look` with each caller, the innermost first, until it returns `false`. `look` must
    /// not panic.
    pub(in super::super) fn walk(mut look: Look<'_>) {
        extern "C" fn one(context: *mut c_void, look: *mut c_void) -> c_int {
            // SAFETY: the unwinder passes on the pointer from `walk`, which nobody else uses
            // meanwhile.
            let look = unsafe { &mut *look.cast::<Look<'_>>() };
            // SAFETY: the unwinder passes its own context of this call.
            let caller = unsafe {
                Caller {
                    stack: _Unwind_GetCFA(context),
                    address: _Unwind_GetIP(context),
                }
            };
            if look(caller) { GO_ON } else { STOP }
        }
        // SAFETY: `one` has the signature that the unwinder calls, and `look` lives until this
        // returns.
        unsafe { _Unwind_Backtrace(one, (&raw mut look).cast()) };
    }
}

#[cfg(all(
    not(all(unix, not(any(target_arch = "arm", target_arch = "s390x")))),
    feature = "stacks"
))]
mod system {
    use super::Caller;

    /// Calls `look` with each caller, the innermost first, until it returns `false`.
    pub(in super::super) fn walk(look: &mut dyn FnMut(Caller) -> bool) {
        let mut look = |frame: &backtrace::Frame| {
            look(Caller {
                stack: frame.sp().addr(),
                address: frame.ip().addr(),
            })
        };
        // SAFETY: two things must not run concurrently. One is looking up symbols. The other is
        // unwinding where that uses the same library (32-bit Windows, which is not supported here:
        // see `identity`). This walks each thread's own stack, and the closure does not panic.
        unsafe { backtrace::trace_unsynchronized(&mut look) };
    }
}

/// Walks nothing on other systems.
#[cfg(all(
    not(all(unix, not(any(target_arch = "arm", target_arch = "s390x")))),
    not(feature = "stacks")
))]
mod system {
    use super::Caller;

    pub(in super::super) fn walk(_: &mut dyn FnMut(Caller) -> bool) {}
}
