//! Allocation that may fail: the profiler does without, and does not end the program.

/// A value on the heap, or `None` when there is no memory for it.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() != 0) };
    // SAFETY: the size is not zero.
    let place = unsafe { std::alloc::alloc(std::alloc::Layout::new::<T>()) }.cast::<T>();
    if place.is_null() {
        return None;
    }
    // SAFETY: just allocated for a T.
    unsafe { place.write(value) };
    // SAFETY: allocated as a box's content is, and filled.
    Some(unsafe { Box::from_raw(place) })
}
