//! Many acquisition points in one thread, used in turns: 16 places that lock up to 16 mutexes, each
//! of a class of its own.

use std::hint::black_box;

use crate::paths::Path;

/// A function that acquires at the first `$points` points `n` times.
macro_rules! side {
    ($function:ident, $points:literal, $locks:ident, $new:expr, |$it:ident| $places:block) => {
        #[unsafe(no_mangle)] // the only function of this name: the prefix is this crate's
        #[inline(never)]
        fn $function(n: u64) {
            use $locks::Mutex;

            static LOCKS: [Mutex<u64>; 16] = $new;
            for _ in 0..n {
                for $it in black_box(&LOCKS[..$points / 16]) {
                    $places
                }
            }
        }
    };
}

macro_rules! points {
    (
        $($name:literal, $points:literal => $bare:ident, $again:ident, $ours:ident;)*
        locks: $new:expr, |$it:ident| $places:block
    ) => {
        $(
            side!($bare, $points, parking_lot, $new, |$it| $places);
            side!($again, $points, parking_lot, $new, |$it| $places);
            side!($ours, $points, nexus_lockprof, $new, |$it| $places);
        )*

        /// A mutex at as many points as the name says.
        pub(crate) const POINTS: &[Path] = &[$(Path {
            name: $name,
            operations: $points,
            bare: $bare,
            again: $again,
            ours: $ours,
        }),*];
    };
}

// Written out, because all expansions of one place in a macro are one place of the program.
points! {
    "points-16", 16 => lockprof_bare_points_16, lockprof_again_points_16, lockprof_ours_points_16;
    "points-64", 64 => lockprof_bare_points_64, lockprof_again_points_64, lockprof_ours_points_64;
    "points-256", 256 => lockprof_bare_points_256, lockprof_again_points_256, lockprof_ours_points_256;
    locks: [
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
        Mutex::new(0),
    ],
    |it| {
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
        *it.lock() += 1;
    }
}
