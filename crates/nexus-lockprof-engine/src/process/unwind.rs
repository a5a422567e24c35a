//! Catches panics of the program's code that the profiler calls, so that they do not reach the
//! profiler's caller.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `call` and returns its result, or `None` if it panicked.
///
/// A panic can carry any value, whose own drop may panic again. The value is dropped here. If its
/// drop panics, the second value is leaked.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Option<T> {
    // AssertUnwindSafe: the callers keep nothing that `call` could leave half changed.
    catch_unwind(AssertUnwindSafe(call)).map_err(discard).ok()
}

/// Drops the value that a panic carried.
#[cold]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping this value could panic again, and so on for ever.
        std::mem::forget(another);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static DROPS: AtomicU32 = AtomicU32::new(0);

    /// Its drop panics with another such value.
    struct Chain;

    impl Drop for Chain {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Relaxed);
            panic_any(Chain);
        }
    }

    #[test]
    fn a_result_comes_back() {
        assert_eq!(caught(|| 7), Some(7));
    }

    #[test]
    fn a_payload_whose_drop_panics_is_the_end_of_it() {
        assert_eq!(caught(|| panic_any(Chain)), None::<()>);
        assert_eq!(DROPS.load(Relaxed), 1, "the second one is leaked");
    }
}
