//! The common part of the guards over std's and tokio's guards.

/// Writes access to the data, and formatting. Each guard's field `$held` has std's or tokio's guard
/// inside.
macro_rules! access {
    ($held:tt: $([$($generics:tt)*] $guard:ty => $data:ident;)*) => {$(
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $data;

            #[inline]
            fn deref(&self) -> &$data {
                &self.$held
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $data: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $data: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
    (mut $held:tt: $([$($generics:tt)*] $guard:ty => $data:ident;)*) => {$(
        $crate::access::access! { $held: [$($generics)*] $guard => $data; }

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $data {
                &mut self.$held
            }
        }
    )*};
}

pub(crate) use access;
