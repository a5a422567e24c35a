/// Writes the functions and impls that create a lock of the alias `$lock`: `new`, `named`,
/// `Default`, `From` and `Deserialize`.
///
/// Each alias needs its own, because a constant function cannot call a trait and so cannot be
/// generic over the raw lock.
macro_rules! constructors {
    ($lock:ident, $at:path, $named:path) => {
        constructors!($lock, $at, $named, |raw, value| Self::from_raw(raw, value));
    };
    ($lock:ident, $at:path, $named:path, |$raw:ident, $value:ident| $make:expr) => {
        impl<T> $lock<T> {
            /// Creates an unlocked lock, identified by the place of this call. All locks created by
            /// one call in the source form one lock class.
            ///
            /// ```
            #[doc = concat!("use nexus_lockprof::", stringify!($lock), ";")]
            ///
            #[doc = concat!("static TABLE: ", stringify!($lock), "<u32> = ", stringify!($lock), "::new(0);")]
            #[doc = concat!("let local = ", stringify!($lock), "::new(String::from(\"x\"));")]
            /// # let _ = (&TABLE, local);
            /// ```
            #[inline]
            #[track_caller]
            #[must_use]
            pub const fn new($value: T) -> Self {
                let $raw = $at(std::panic::Location::caller());
                $make
            }

            /// Creates an unlocked lock, identified by `name`. All locks of one name form one lock
            /// class, wherever they were created.
            ///
            /// ```
            #[doc = concat!("use nexus_lockprof::", stringify!($lock), ";")]
            ///
            #[doc = concat!("static SESSIONS: ", stringify!($lock), "<u32> = ", stringify!($lock), "::named(\"sessions\", 0);")]
            /// # let _ = &SESSIONS;
            /// ```
            #[inline]
            #[must_use]
            pub const fn named(name: &'static str, $value: T) -> Self {
                let $raw = $named(name);
                $make
            }
        }

        from_value!($lock);

        /// Identified by the place that called `deserialize`, usually a line inside serde.
        #[cfg(feature = "serde")]
        impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for $lock<T> {
            #[track_caller]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = T::deserialize(deserializer)?;
                Ok(Self::new(value))
            }
        }
    };
}

/// Writes the conversions between `$lock` and `lock_api`'s lock, which it wraps. `$back` are the
/// functions that lead from a guard to `lock_api`'s lock; the two groups of documentation are the
/// examples of `as_lock_api` and `arc_from_lock_api`.
macro_rules! conversions {
    (
        [$($param:ident)?] $lock:ident => $inner:ty, $back:literal,
        {$($as_example:tt)*} {$($arc_example:tt)*}
    ) => {
        impl<$($param,)? T> $lock<$($param,)? T> {
            /// Wraps `lock_api`'s lock.
            #[inline]
            pub const fn from_lock_api(lock: $inner) -> Self {
                Self(lock)
            }

            /// Unwraps to `lock_api`'s lock.
            #[inline]
            pub fn into_lock_api(self) -> $inner {
                self.0
            }
        }

        impl<$($param,)? T: ?Sized> $lock<$($param,)? T> {
            /// This lock as `lock_api`'s, for code that is generic over that.
            $($as_example)*
            #[inline]
            pub const fn as_lock_api(&self) -> &$inner {
                &self.0
            }

            /// The inverse of [`as_lock_api`](Self::as_lock_api). Also converts what
            #[doc = concat!($back, " returns.")]
            #[inline]
            pub const fn from_lock_api_ref(lock: &$inner) -> &Self {
                // SAFETY: `Self` is a transparent wrapper of the pointee, so layout, metadata and
                // validity are the same, and the lifetime is kept.
                unsafe { &*(std::ptr::from_ref(lock) as *const Self) }
            }

            /// Turns an `Arc` of `lock_api`'s lock into an `Arc` of ours. Also converts what
            #[doc = concat!($back, " and `into_arc` return for guards that own an `Arc`.")]
            $($arc_example)*
            #[cfg(feature = "arc_lock")]
            #[inline]
            pub fn arc_from_lock_api(lock: std::sync::Arc<$inner>) -> std::sync::Arc<Self> {
                // SAFETY: `Self` is a transparent wrapper of the pointee, so size, alignment and
                // metadata are the same; the count held by `lock` passes to the result.
                unsafe { std::sync::Arc::from_raw(std::sync::Arc::into_raw(lock) as *const Self) }
            }

            /// `self` as an `Arc` of `lock_api`'s lock. It shares `self`'s count, so it must not be
            /// dropped.
            #[cfg(feature = "arc_lock")]
            #[inline]
            pub(super) fn arc_as_lock_api(
                self: &std::sync::Arc<Self>,
            ) -> std::mem::ManuallyDrop<std::sync::Arc<$inner>> {
                let same = std::sync::Arc::as_ptr(self) as *const $inner;
                // SAFETY: `Self` is a transparent wrapper of `lock_api`'s lock, so size, alignment
                // and metadata are the same. `ManuallyDrop` never gives up the count, so it stays
                // with `self`.
                std::mem::ManuallyDrop::new(unsafe { std::sync::Arc::from_raw(same) })
            }
        }
    };
}
