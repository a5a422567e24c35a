//! The calling thread's stack.

use super::layout::FRAMES;
use std::ffi::{c_int, c_void};

unsafe extern "C" {
    fn _Unwind_Backtrace(
        look: extern "C" fn(context: *mut c_void, to: *mut c_void) -> c_int,
        to: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

/// Return addresses, innermost first. The first ones are our own functions.
pub(super) struct Stack {
    pub(super) frames: [usize; FRAMES],
    pub(super) len: usize,
}

impl Stack {
    /// Captures the stack. It takes no lock that anybody holds for long. The unwinder looks up
    /// where each function's table is. Since glibc 2.35 it does so without a lock; before, under
    /// one held while a library is added to the list of loaded ones.
    #[inline(never)]
    pub(super) fn capture() -> Self {
        let mut stack = Stack {
            frames: [0; FRAMES],
            len: 0,
        };
        // SAFETY: `look` gets the pointer passed here, which is valid during the call.
        unsafe { _Unwind_Backtrace(look, (&raw mut stack).cast()) };
        stack
    }
}

extern "C" fn look(context: *mut c_void, to: *mut c_void) -> c_int {
    const GO_ON: c_int = 0;
    const STOP: c_int = 5;
    // SAFETY: it is the pointer that `capture` passed.
    let stack = unsafe { &mut *to.cast::<Stack>() };
    // SAFETY: the context is the unwinder's own.
    let address = unsafe { _Unwind_GetIP(context) };
    match stack.frames.get_mut(stack.len) {
        Some(frame) if address != 0 => {
            *frame = address;
            stack.len += 1;
            GO_ON
        }
        _ => STOP,
    }
}
