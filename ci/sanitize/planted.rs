//! Planted defects: a sanitizer that does not report them does not work. `ci/sanitize.sh` runs
//! this.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

struct Racy(UnsafeCell<u64>);

// SAFETY: none: this is the defect.
unsafe impl Sync for Racy {}

static RACY: Racy = Racy(UnsafeCell::new(0));

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("race") => race(),
        Some("relaxed") => relaxed(),
        Some("freed") => freed(),
        Some("leak") => leak(),
        _ => {
            eprintln!("usage: planted race | relaxed | freed | leak");
            std::process::exit(2);
        }
    }
}

/// Two threads write one word.
fn race() {
    let write = || {
        // SAFETY: none: this is the defect.
        unsafe { *RACY.0.get() += 1 }
    };
    thread::scope(|scope| {
        scope.spawn(write);
        scope.spawn(write);
    });
}

/// A flag that publishes nothing.
fn relaxed() {
    static IS_THERE: AtomicBool = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: nobody reads it before the flag is set.
            unsafe { *RACY.0.get() = 1 };
            IS_THERE.store(true, Relaxed);
        });
        scope.spawn(|| {
            while !IS_THERE.load(Relaxed) {
                thread::yield_now();
            }
            // SAFETY: none: Relaxed is the defect.
            black_box(unsafe { *RACY.0.get() });
        });
    });
}

/// A read of freed memory.
fn freed() {
    let place = Box::into_raw(Box::new(black_box(7_u64)));
    // SAFETY: of `into_raw`.
    drop(unsafe { Box::from_raw(place) });
    // SAFETY: none: this is the defect.
    let read = unsafe { black_box(place).read_volatile() };
    if black_box(read) == 7 {
        eprintln!("it is still there");
    }
}

/// Leaked memory: no pointer to it remains.
fn leak() {
    for _ in 0..10 {
        black_box(Box::leak(vec![7_u8; 1000].into_boxed_slice()));
    }
}
