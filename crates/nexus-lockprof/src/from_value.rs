//! How locks of all kinds are made from a value alone.

/// Writes `Default` and `From<T>` of the lock `$lock`, which has a `new`.
macro_rules! from_value {
    ($lock:ident) => {
        /// Identified by the place that called `default`; for a derived `Default`, by the field.
        impl<T: Default> Default for $lock<T> {
            #[inline]
            #[track_caller]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        /// Identified by the place that called `from`.
        impl<T> From<T> for $lock<T> {
            #[inline]
            #[track_caller]
            fn from(value: T) -> Self {
                Self::new(value)
            }
        }
    };
}
