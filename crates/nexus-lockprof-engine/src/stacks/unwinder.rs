//! Who called whom in the calling thread.
//!
//! On Unix it is the unwinder that std itself is linked to. The crate `backtrace` does the same there, and brings what looks up names with
//! it, which makes programs large and slow to build.

/// A function that has called another one.
pub(super) struct Caller {
    /// The stack pointer in it; 0 if that is not known.
    pub(super) stack: usize,
    /// Where it goes on when the call returns; 0 if there is no such place.
    pub(super) address: usize,
}

pub(super) use system::walk;

#[cfg(all(unix, not(any(target_arch = "arm", target_arch = "s390x"))))]
mod system {
    use super::Caller;
    use std::ffi::{c_int, c_void};

    type Look<'a> = &'a mut dyn FnMut(Caller) -> bool;

    // The interface that all unwinders of C++ have.
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

    /// Calls `look`, which must not panic, with each caller, the innermost first, until it says `false`.
    pub(in super::super) fn walk(mut look: Look<'_>) {
        extern "C" fn one(context: *mut c_void, look: *mut c_void) -> c_int {
            // SAFETY: the unwinder hands on what `walk` gave it: nobody else has it meanwhile.
            let look = unsafe { &mut *look.cast::<Look<'_>>() };
            // SAFETY: the unwinder's own context of this call.
            let caller = unsafe {
                Caller {
                    stack: _Unwind_GetCFA(context),
                    address: _Unwind_GetIP(context),
                }
            };
            if look(caller) { GO_ON } else { STOP }
        }
        // SAFETY: `one` is as the unwinder calls it, and `look` is there until this returns.
        unsafe { _Unwind_Backtrace(one, (&raw mut look).cast()) };
    }
}

#[cfg(all(
    not(all(unix, not(any(target_arch = "arm", target_arch = "s390x")))),
    feature = "stacks"
))]
mod system {
    use super::Caller;

    /// As above.
    pub(in super::super) fn walk(look: &mut dyn FnMut(Caller) -> bool) {
        let mut look = |frame: &backtrace::Frame| {
            look(Caller {
                stack: frame.sp().addr(),
                address: frame.ip().addr(),
            })
        };
        // SAFETY: what must not run at the same time as others is looking up symbols, and unwinding where that goes through
        // the same library (32-bit Windows, which is not supported here: see `identity`). This is each thread's own
        // stack, and the closure does not panic.
        unsafe { backtrace::trace_unsynchronized(&mut look) };
    }
}

/// There is no way to find out.
#[cfg(all(
    not(all(unix, not(any(target_arch = "arm", target_arch = "s390x")))),
    not(feature = "stacks")
))]
mod system {
    use super::Caller;

    pub(in super::super) fn walk(_: &mut dyn FnMut(Caller) -> bool) {}
}
