//! Allocation that may fail. The profiler then does without the memory and does not end the
//! program.

/// A value on the heap, or `None` if there is no memory for it.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    const { assert!(size_of::<T>() != 0) };
    // SAFETY: the size is not zero.
    let place = unsafe { std::alloc::alloc(std::alloc::Layout::new::<T>()) }.cast::<T>();
    if place.is_null() {
        return None;
    }
    // SAFETY: the memory is freshly allocated with the layout of a T.
    unsafe { place.write(value) };
    // SAFETY: the memory was allocated with the layout that a box uses, and holds a T.
    Some(unsafe { Box::from_raw(place) })
}
