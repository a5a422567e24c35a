//! The library that `lockprof run` preloads into an already built program. It records the program's
//! waits.
//!
//! - `futex` has `syscall`, through which std and parking_lot wait; `pthread` has glibc's locks.
//! - `table` records waits in a mapped file, so they survive however the process ends.
//! - `layout` defines the file; `lockprof` reads it with the same source.
//!
//! Nothing here allocates, locks, panics or changes `errno`. All its system calls bypass the C
//! library, so none is a cancellation point. A call that re-enters while recording goes straight to
//! the C library. `docs/decisions/0028-already-built.md` gives the reasons.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod linux {
    mod clock;
    mod folder;
    mod futex;
    mod layout;
    mod mapping;
    mod modules;
    mod pthread;
    mod real;
    mod stack;
    mod start;
    mod sys;
    mod table;
    mod thread;
}
