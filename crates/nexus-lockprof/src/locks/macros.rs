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
