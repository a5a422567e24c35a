//! What addresses are called.

use nexus_lockprof_snapshot::Frame;
use std::collections::HashMap;
use std::sync::Arc;

/// Crates whose functions at the top of a stack are the lock, and not its caller.
const LOCKS: [&str; 8] = [
    "backtrace",
    "lock_api",
    "nexus_lockprof",
    "nexus_lockprof_adaptor",
    "nexus_lockprof_engine",
    "nexus_lockprof_parking_lot_0_12",
    "nexus_lockprof_parking_lot_0_13",
    "parking_lot",
];
/// Crates whose functions may be between those.
const LIBRARY: [&str; 3] = ["core", "alloc", "std"];
/// What all threads begin with is below this.
const BEGIN: &str = "__rust_begin_short_backtrace";

/// The names of addresses, each looked up once.
///
/// Only under the aggregator's lock: the library that reads debug information has a lock of its own, and a child that was
/// forked off while another thread held it would wait for ever. A fork waits for the aggregator.
#[derive(Debug, Default)]
pub(super) struct Symbols(HashMap<usize, Arc<[Frame]>>);

impl Symbols {
    /// The functions at these return addresses, without the lock's at the top and those that begin each thread. The reader is
    /// to see all of it if nothing else is left.
    pub(super) fn shown(&mut self, addresses: &[usize]) -> Vec<Frame> {
        let all: Vec<Frame> = addresses
            .iter()
            .flat_map(|&address| self.at(address).iter().cloned().collect::<Vec<_>>())
            .collect();
        match cut(&all) {
            [] => all,
            shown => shown.to_vec(),
        }
    }

    /// The functions at an address: more than one where some are inlined, the innermost first.
    fn at(&mut self, address: usize) -> &Arc<[Frame]> {
        self.0.entry(address).or_insert_with(|| look_up(address))
    }
}

fn look_up(address: usize) -> Arc<[Frame]> {
    let unknown = Frame {
        address: address as u64,
        ..Frame::default()
    };
    let mut frames = Vec::new();
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        frames.push(Frame {
            // The alternate form is without the hash of the compiler's.
            function: symbol.name().map(|name| format!("{name:#}")),
            file: symbol
                .filename()
                .map(|path| path.to_string_lossy().into_owned()),
            line: symbol.lineno().filter(|&line| line > 0),
            ..unknown.clone()
        });
    });
    if frames.is_empty() {
        frames.push(unknown);
    }
    frames.into()
}

/// The frames between the lock's and those that begin each thread.
fn cut(frames: &[Frame]) -> &[Frame] {
    let is_of = |frame: &Frame, crates: &[&str]| {
        let function = frame.function.as_deref().unwrap_or_default();
        crates.contains(&crate_of(function))
    };
    let run = frames
        .iter()
        .take_while(|frame| is_of(frame, &LOCKS) || is_of(frame, &LIBRARY))
        .count();
    let run = frames.get(..run).unwrap_or_default();
    // What the library calls is the caller's, if no lock is below it.
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

/// The crate that a demangled function is of: the first word of its path, or of the type that it is a method of.
fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '(', '[']);
    let path = path.trim_start_matches("mut ").trim_start_matches("dyn ");
    let end = path
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(path.len());
    path.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| Frame {
            function: (!name.is_empty()).then(|| (*name).to_owned()),
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
    fn the_lock_and_the_thread_s_beginning_are_cut() {
        let whole = stack(&[
            "nexus_lockprof_engine::ticket::Ticket::parks",
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
        // A crate's name only begins alike.
        let tests = stack(&["nexus_lockprof_tests::f", "main"]);
        assert_eq!(cut(&tests), &tests[..]);
        assert_eq!(cut(&stack(&["parking_lot::f"])), []);
    }
}
