//! Tells what a stack waits for: a lock, or something else. The lock's functions are at its top.

use super::layout::call;
use super::record::Waits;
use super::symbols::Call;
use nexus_lockprof_snapshot::AcquireMode;

/// The kind of thing that a thread waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitKind {
    Lock(AcquireMode, &'static str),
    /// No lock: usually threads wait there for work.
    Other(&'static str),
    Unknown,
}

use AcquireMode::{Exclusive, Shared, Upgradable};
use WaitKind::{Lock, Other, Unknown};

/// Functions of Rust's libraries: words in the function's name or its file's. The first row whose
/// words all match wins.
const RUST: [(&[&str], WaitKind); 15] = [
    // parking_lot
    (&["raw_rwlock", "upgrade_slow"], Lock(Exclusive, "RwLock")),
    (
        &["raw_rwlock", "lock_upgradable_slow"],
        Lock(Upgradable, "RwLock"),
    ),
    (&["raw_rwlock", "lock_shared_slow"], Lock(Shared, "RwLock")),
    (
        &["raw_rwlock", "lock_exclusive_slow"],
        Lock(Exclusive, "RwLock"),
    ),
    (
        &["raw_rwlock", "wait_for_readers"],
        Lock(Exclusive, "RwLock"),
    ),
    (&["raw_mutex", "lock_slow"], Lock(Exclusive, "Mutex")),
    (&["parking_lot", "condvar"], Other("Condvar")),
    (&["parking_lot", "once"], Other("Once")),
    // std
    (
        &["sync", "mutex", "lock_contended"],
        Lock(Exclusive, "Mutex"),
    ),
    (
        &["sync", "rwlock", "read_contended"],
        Lock(Shared, "RwLock"),
    ),
    (
        &["sync", "rwlock", "write_contended"],
        Lock(Exclusive, "RwLock"),
    ),
    (&["sync", "condvar"], Other("Condvar")),
    (&["sync", "once"], Other("Once")),
    (&["thread_parking"], Other("thread::park")),
    (&["std::thread", "park"], Other("thread::park")),
];

/// Functions of other libraries, by a part of their name.
const OTHERS: [(&str, WaitKind); 9] = [
    ("g_mutex_lock", Lock(Exclusive, "GMutex")),
    ("g_rec_mutex_lock", Lock(Exclusive, "GRecMutex")),
    ("g_rw_lock_reader_lock", Lock(Shared, "GRWLock")),
    ("g_rw_lock_writer_lock", Lock(Exclusive, "GRWLock")),
    ("g_cond_wait", Other("GCond")),
    ("std::condition_variable", Other("condition_variable")),
    ("_M_futex_wait", Other("atomic or future")),
    ("__platform_wait", Other("atomic or semaphore")),
    ("std::call_once", Other("call_once")),
];

impl WaitKind {
    pub(super) fn of(waits: &Waits, calls: &[Call]) -> Self {
        match waits.call {
            call::MUTEX => return Lock(Exclusive, "pthread mutex"),
            call::READ => return Lock(Shared, "pthread rwlock"),
            call::WRITE => return Lock(Exclusive, "pthread rwlock"),
            call::FUTEX_PI => return Lock(Exclusive, "futex"),
            _ => {}
        }
        let named = calls.iter().take(implementation(calls)).find_map(by_name);
        named.unwrap_or_else(|| by_protocol(waits))
    }
}

fn by_name(call: &Call) -> Option<WaitKind> {
    let function = call.frame.function.as_deref().unwrap_or_default();
    let other = OTHERS.iter().find(|(word, _)| function.contains(word));
    if let Some((_, kind)) = other {
        return Some(*kind);
    }
    // parking_lot_core parks threads both for locks and for condition variables.
    if !is_of_a_library(call) || crate_of(function) == "parking_lot_core" {
        return None;
    }
    let file = call.frame.file.as_deref().unwrap_or_default();
    let has = |word: &&str| function.contains(word) || file.contains(word);
    let kind = RUST.iter().find(|(words, _)| words.iter().all(has));
    kind.map(|&(_, kind)| kind)
}

/// Without names: a lock with three states, like std's mutex, waits for its 2 to change, and a
/// thread that waited for it wakes the next.
fn by_protocol(waits: &Waits) -> WaitKind {
    const CONTENDED: u64 = 2;
    match waits.value == CONTENDED && waits.released > waits.waits / 2 {
        true => Lock(Exclusive, "mutex"),
        false => Unknown,
    }
}

/// How many of the innermost calls belong to the lock, and to libraries it calls or is called
/// through.
pub(super) fn implementation(calls: &[Call]) -> usize {
    // The thread's own function may have been inlined into the one that starts it.
    let end = calls.iter().position(begins_thread);
    let calls = calls.get(..end.unwrap_or(calls.len())).unwrap_or(calls);
    let is_inner = |call: &&Call| is_lock(call) || is_of_a_library(call);
    let run = calls.iter().take_while(is_inner).count();
    match run == calls.len() && end.is_none() {
        false => run,
        // The program has no functions of its own there, so the lock's callers belong to the
        // library.
        true => calls.iter().rposition(is_lock).map_or(0, |last| last + 1),
    }
}

/// Whether the program's part of a thread's stack ends here.
pub(super) fn begins_thread(call: &Call) -> bool {
    const BEGIN: &str = "__rust_begin_short_backtrace";
    let function = call.frame.function.as_deref();
    function.is_some_and(|function| function.contains(BEGIN))
}

/// Crates and C++ namespaces through which programs take locks.
const LIBRARIES: [&str; 8] = [
    "alloc",
    "core",
    "lock_api",
    "parking_lot",
    "parking_lot_core",
    "std",
    "__gnu_cxx",
    "libc",
];

fn is_of_a_library(call: &Call) -> bool {
    let function = call.frame.function.as_deref().unwrap_or_default();
    let file = call.frame.file.as_deref().unwrap_or_default();
    LIBRARIES.contains(&crate_of(function))
        || file.starts_with("/rustc/")
        || file.contains("/lib/rustlib/src/rust/library/")
        || file.contains("/include/c++/")
        || ["/lock_api-", "/parking_lot-", "/parking_lot_core-"]
            .iter()
            .any(|folder| file.contains(folder))
}

/// Whether this function always belongs to a lock, whatever calls it.
fn is_lock(call: &Call) -> bool {
    let function = call.frame.function.as_deref().unwrap_or_default();
    by_name(call).is_some()
        || function.starts_with("pthread_")
        || function.starts_with("__gthread_")
        || call.module.starts_with("libpthread")
}

/// The crate of a demangled function: the first word of its path, or of its method's type.
fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '(', '[']);
    let path = path.trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_');
    path.get(..end.unwrap_or(path.len())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_lockprof_snapshot::Frame;

    fn calls(functions: &[&str]) -> Vec<Call> {
        let call = |name: &&str| Call {
            frame: Frame {
                function: Some((*name).into()),
                ..Frame::default()
            },
            ..Call::default()
        };
        functions.iter().map(call).collect()
    }

    fn waits(value: u64, waits: u64, released: u64) -> Waits {
        Waits {
            call: call::FUTEX,
            address: 0,
            is_mixed: false,
            unfinished: 0,
            waits,
            wait_ns: 0,
            max_ns: 0,
            timeouts: 0,
            timeout_ns: 0,
            released,
            value,
            frames: Vec::new(),
            durations: Vec::new(),
        }
    }

    #[test]
    fn a_stack_says_what_it_waits_for() {
        for (stack, kind, own) in [
            (
                &[
                    "std::sys::sync::mutex::futex::Mutex::lock_contended",
                    "app::work",
                    "std::rt::start",
                ][..],
                Lock(Exclusive, "Mutex"),
                1,
            ),
            (
                &[
                    "std::sys::sync::rwlock::futex::RwLock::read_contended",
                    "app::read",
                ],
                Lock(Shared, "RwLock"),
                1,
            ),
            (
                &[
                    "parking_lot_core::parking_lot::park",
                    "parking_lot::raw_rwlock::RawRwLock::lock_exclusive_slow",
                    "lock_api::rwlock::RwLock<R,T>::write",
                    "app::write",
                ],
                Lock(Exclusive, "RwLock"),
                3,
            ),
            // It takes the mutex again.
            (
                &[
                    "std::sys::sync::mutex::futex::Mutex::lock_contended",
                    "std::sys::sync::condvar::futex::Condvar::wait",
                    "app::wait",
                ],
                Lock(Exclusive, "Mutex"),
                2,
            ),
            (
                &["std::sys::sync::condvar::futex::Condvar::wait", "app::wait"],
                Other("Condvar"),
                1,
            ),
            (
                &[
                    "std::sys::sync::thread_parking::futex::Parker::park",
                    "app::idle",
                ],
                Other("thread::park"),
                1,
            ),
            (
                &[
                    "parking_lot_core::thread_parker::imp::ThreadParker::park",
                    "parking_lot::raw_mutex::RawMutex::lock_slow",
                    "app::lock",
                ],
                Lock(Exclusive, "Mutex"),
                2,
            ),
            // The closure was inlined into its caller.
            (
                &[
                    "parking_lot::raw_mutex::RawMutex::lock_slow",
                    "std::sys::backtrace::__rust_begin_short_backtrace",
                    "core::ops::function::FnOnce::call_once",
                    "start_thread",
                ],
                Lock(Exclusive, "Mutex"),
                1,
            ),
            (&["app::condvar::thread_parking", "main"], Unknown, 0),
            (&["", "main"], Unknown, 0),
        ] {
            let calls = calls(stack);
            assert_eq!(WaitKind::of(&waits(0, 1, 0), &calls), kind, "{stack:?}");
            assert_eq!(implementation(&calls), own, "{stack:?}");
        }
    }

    #[test]
    fn where_all_is_the_librarys_the_lock_is_its_innermost_part() {
        let calls = calls(&[
            "std::sys::sync::mutex::futex::Mutex::lock_contended",
            "std::io::stdio::Stdout::lock",
            "std::rt::cleanup",
        ]);
        assert_eq!(implementation(&calls), 1);
    }

    #[test]
    fn without_names_a_lock_is_known_by_what_it_does() {
        let unnamed = calls(&["", ""]);
        for (value, count, released, kind) in [
            (2, 5, 5, Lock(Exclusive, "mutex")),
            (2, 5, 0, Unknown),
            (7, 5, 5, Unknown),
        ] {
            assert_eq!(WaitKind::of(&waits(value, count, released), &unnamed), kind);
        }
    }
}
