//! The library that `lockprof run` preloads into a program that is already built. It records the program's waits.
//!
//! - `futex` has `syscall`, through which std and parking_lot wait; `pthread` has glibc's locks.
//! - `table` is where waits go: a file that is mapped, so what was recorded is there however the process ends.
//! - `layout` says what is where in the file; `lockprof` reads it with the same source.
//!
//! Nothing here allocates, locks, panics or changes `errno`, and all system calls of its own bypass the C library, so none
//! is a cancellation point. Whoever comes back while it records goes straight to the C library.
//! `docs/decisions/0028-already-built.md` says why it is as it is.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod linux {
    mod clock;
    mod futex;
    mod layout;
    mod modules;
    mod pthread;
    mod stack;
    mod start;
    mod sys;
    mod table;
    mod thread;
}
