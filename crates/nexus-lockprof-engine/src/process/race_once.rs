//! A value that is set once and for which no thread waits.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value that is set once and never freed.
///
/// Not a `OnceLock`: a child forked while another thread sets the value must not wait for that
/// thread. The child finds no value and may set one.
#[derive(Debug)]
pub struct RaceOnce<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Default for RaceOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Sync> RaceOnce<T> {
    /// Starts without a value.
    #[must_use]
    pub const fn new() -> Self {
        RaceOnce(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value, if it is set.
    #[must_use]
    pub fn get(&self) -> Option<&'static T> {
        // Acquire: this thread sees the whole value. Pairs with the Release in `replace`.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null, or a value that `replace` has leaked.
        unsafe { value.as_ref() }
    }

    /// Sets the value unless there is one. Returns the value that is then set.
    pub fn set(&self, value: T) -> &'static T {
        self.replace(None, value)
    }

    /// Sets the value if the current one is `old`. Returns the value that is then set.
    pub(crate) fn replace(&self, old: Option<&'static T>, value: T) -> &'static T {
        let old = old.map_or(ptr::null_mut(), |old| ptr::from_ref(old).cast_mut());
        let new = Box::into_raw(Box::new(value));
        // Release: publishes the value; pairs with the Acquire in `get`. Acquire on failure: this
        // thread sees the other thread's value. Pairs with that thread's Release.
        match (self.0).compare_exchange(old, new, Ordering::Release, Ordering::Acquire) {
            // SAFETY: leaked just above, and never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(there) => {
                // SAFETY: made just above, and no other thread has it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: leaked, and not null because no value is ever removed.
                unsafe { &*there }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays_until_it_is_replaced() {
        static KEPT: RaceOnce<u32> = RaceOnce::new();
        assert_eq!(KEPT.get(), None);
        let first = KEPT.set(1);
        assert_eq!((KEPT.set(2), KEPT.get()), (first, Some(&1)));
        assert_eq!(KEPT.replace(Some(first), 3), &3);
        assert_eq!(KEPT.replace(Some(first), 4), &3);
    }
}
