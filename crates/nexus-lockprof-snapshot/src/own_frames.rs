//! Tells the frames of a stack that belong to the lock or the thread's start from the rest.

use crate::Frame;

/// Crates whose functions at the top of a stack belong to the lock, not to its caller.
const LOCKS: [&str; 12] = [
    "async_lock",
    "backtrace",
    "lock_api",
    "nexus_lockprof",
    "nexus_lockprof_adaptor",
    "nexus_lockprof_async_lock",
    "nexus_lockprof_engine",
    "nexus_lockprof_lock_api_0_4",
    "nexus_lockprof_parking_lot_0_12",
    "nexus_lockprof_parking_lot_0_13",
    "nexus_lockprof_std",
    "parking_lot",
];
/// Crates whose functions may occur between them.
const LIBRARY: [&str; 3] = ["core", "alloc", "std"];
/// The frames of every thread's start are below this one.
const BEGIN: &str = "__rust_begin_short_backtrace";

/// The frames between the lock's own at the top and those of the thread's start. All frames if
/// nothing is left.
///
/// ```
/// use nexus_lockprof_snapshot::{Frame, own_frames};
///
/// let frame = |name: &str| Frame { function: Some(name.into()), ..Frame::default() };
/// let stack = ["lock_api::mutex::Mutex<R,T>::lock", "app::work"].map(frame);
/// assert_eq!(own_frames(&stack), &stack[1..]);
/// ```
#[must_use]
pub fn own_frames(frames: &[Frame]) -> &[Frame] {
    match cut(frames) {
        [] => frames,
        own => own,
    }
}

fn cut(frames: &[Frame]) -> &[Frame] {
    let is_of = |frame: &Frame, crates: &[&str]| {
        let function = frame.function.as_deref().unwrap_or_default();
        let file = frame.file.as_deref().unwrap_or_default();
        crates.contains(&crate_of(function)) || crates.contains(&&*crate_at(file))
    };
    let run = frames
        .iter()
        .take_while(|frame| is_of(frame, &LOCKS) || is_of(frame, &LIBRARY))
        .count();
    let run = frames.get(..run).unwrap_or_default();
    // A library function belongs to the caller unless a lock's function is below it.
    let start = run
        .iter()
        .rposition(|frame| is_of(frame, &LOCKS))
        .map_or(0, |last| last + 1);
    let begins = |frame: &Frame| {
        let function = frame.function.as_deref();
        function.is_some_and(|function| function.contains(BEGIN))
    };
    let end = frames.iter().position(begins).unwrap_or(frames.len());
    frames.get(start..end).unwrap_or_default()
}

/// The crate of a demangled function: the first word of its path, or of the type whose method it
/// is.
fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '(', '[']);
    let path = path.trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = path
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(path.len());
    path.get(..end).unwrap_or_default()
}

/// The crate of a source file: the directory above the last `src`, without a version. It serves
/// inlined functions, whose names have no path if the debug information is little more than lines.
fn crate_at(file: &str) -> String {
    let file = file.replace('\\', "/");
    let directory = file.rsplit_once("/src/").map_or("", |(above, _)| above);
    let name = directory.rsplit('/').next().unwrap_or_default();
    let is_version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let name = match name.rsplit_once('-') {
        Some((name, version)) if is_version(version) => name,
        _ => name,
    };
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| Frame {
            function: (!name.is_empty()).then(|| (*name).into()),
            ..Frame::default()
        };
        functions.iter().map(frame).collect()
    }

    #[test]
    fn crates() {
        for (function, name) in [
            ("tokio::sync::Semaphore::acquire", "tokio"),
            ("<lock_api::Mutex<R, T>>::lock", "lock_api"),
            ("<&mut app::A as core::fmt::Debug>::fmt", "app"),
            ("<dyn app::A>::f", "app"),
            ("main", "main"),
            ("", ""),
        ] {
            assert_eq!(crate_of(function), name, "{function}");
        }
    }

    #[test]
    fn crates_of_files() {
        for (file, name) in [
            (
                "/home/me/.cargo/registry/src/index-1/lock_api-0.5.0/src/mutex.rs",
                "lock_api",
            ),
            (
                "/w/crates/nexus-lockprof-engine/src/stacks/capture.rs",
                "nexus_lockprof_engine",
            ),
            ("/w/crates/parking_lot-0.12/src/raw.rs", "parking_lot"),
            (r"C:\w\nexus-lockprof\src\lib.rs", "nexus_lockprof"),
            ("/rustc/1234/library/core/src/ops/function.rs", "core"),
            (
                "/w/nexus-lockprof-tests/src/bin/a.rs",
                "nexus_lockprof_tests",
            ),
            ("src/main.rs", ""),
            ("", ""),
        ] {
            assert_eq!(crate_at(file), name, "{file}");
        }
    }

    /// A release build with line tables only.
    #[test]
    fn functions_without_a_path_are_told_by_their_file() {
        let frame = |name: &str, file: &str| Frame {
            function: Some(name.into()),
            file: Some(file.into()),
            ..Frame::default()
        };
        let whole = [
            frame(
                "park<R, H>",
                "/w/nexus-lockprof-adaptor-0.1.0/src/profiled/acquire.rs",
            ),
            frame(
                "lock<R, T>",
                "/r/registry/src/i/lock_api-0.5.0/src/mutex.rs",
            ),
            frame("lock", "/srv/app/src/db.rs"),
        ];
        assert_eq!(cut(&whole), &whole[2..]);
    }

    #[test]
    fn the_lock_and_the_thread_s_beginning_are_cut() {
        let whole = stack(&[
            "nexus_lockprof_engine::acquire::ticket::Ticket::parks",
            "<nexus_lockprof_adaptor::Profiled<R> as lock_api::RawMutex>::lock",
            "core::option::Option<T>::map",
            "lock_api::mutex::Mutex<R,T>::lock",
            "core::ops::function::FnOnce::call_once",
            "app::work",
            "lock_api::of_the_caller",
            "",
            "std::sys::backtrace::__rust_begin_short_backtrace",
            "std::thread::main",
        ]);
        assert_eq!(cut(&whole), &whole[4..8]);
        // The crate's name only shares a prefix.
        let tests = stack(&["nexus_lockprof_tests::f", "main"]);
        assert_eq!(cut(&tests), &tests[..]);
        assert_eq!(cut(&stack(&["parking_lot::f"])), []);
    }
}
