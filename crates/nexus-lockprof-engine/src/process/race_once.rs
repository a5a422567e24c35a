//! A value that is set once, and that nobody waits for.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value that is set once and never freed.
///
/// Not a `OnceLock`: a child that was forked off while another thread sets it must not wait for that thread. It finds no value, and may
/// set one.
#[derive(Debug)]
pub struct RaceOnce<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Default for RaceOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Sync> RaceOnce<T> {
    /// Without a value.
    #[must_use]
    pub const fn new() -> Self {
        RaceOnce(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<&'static T> {
        // Acquire: the value is seen whole; pairs with the Release in `replace`.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null, or what `replace` has leaked.
        unsafe { value.as_ref() }
    }

    /// Sets the value unless there is one; the value that is there then.
    pub fn set(&self, value: T) -> &'static T {
        self.replace(None, value)
    }

    /// Sets the value if `old` is there; the value that is there then.
    pub(crate) fn replace(&self, old: Option<&'static T>, value: T) -> &'static T {
        let old = old.map_or(ptr::null_mut(), |old| ptr::from_ref(old).cast_mut());
        let new = Box::into_raw(Box::new(value));
        // Release: pairs with the Acquire in `get`. Acquire on failure: as in `get`.
        match (self.0).compare_exchange(old, new, Ordering::Release, Ordering::Acquire) {
            // SAFETY: leaked just above, and never freed from now on.
            Ok(_) => unsafe { &*new },
            Err(there) => {
                // SAFETY: made just above; nobody else has it.
                drop(unsafe { Box::from_raw(new) });
                // SAFETY: not null, since no value is ever taken away, and leaked.
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
