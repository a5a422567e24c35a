//! Gives addresses their names.

use super::modules::Modules;
use nexus_lockprof_snapshot::{Frame, own_frames};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The names of addresses, each looked up once.
///
/// Only use it under the aggregator's lock. The library that reads debug information has its own
/// lock. If another thread held that during a fork, the child would wait for ever. A fork waits for
/// the aggregator.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    known: HashMap<usize, Arc<[Frame]>>,
    modules: Modules,
}

/// Whether to leave addresses unnamed. The snapshot's reader then looks them up, so the program
/// does not wait for it. Relaxed: no other value depends on it, and it is set before the first
/// stack is captured.
static ADDRESSES: AtomicBool = AtomicBool::new(false);

/// Leaves addresses unnamed from now on, where the system says which file they are in.
pub(crate) fn leave_addresses() {
    ADDRESSES.store(true, Relaxed);
}

impl Symbols {
    /// The functions at these return addresses, without the lock's own at the top and those that
    /// begin each thread. If nothing else would be left, the reader sees all of them.
    pub(super) fn shown(&mut self, addresses: &[usize]) -> Vec<Frame> {
        if ADDRESSES.load(Relaxed) || !cfg!(feature = "stacks") {
            let places = addresses.iter().map(|&address| self.modules.place(address));
            if let Some(places) = places.collect() {
                return places;
            }
        }
        let all: Vec<Frame> = addresses
            .iter()
            .flat_map(|&address| self.at(address).iter().cloned().collect::<Vec<_>>())
            .collect();
        own_frames(&all).to_vec()
    }

    /// The functions at an address, the innermost first. Inlining makes them more than one.
    fn at(&mut self, address: usize) -> &Arc<[Frame]> {
        self.known
            .entry(address)
            .or_insert_with(|| look_up(address))
    }
}

fn look_up(address: usize) -> Arc<[Frame]> {
    let unknown = Frame {
        address: address as u64,
        ..Frame::default()
    };
    #[allow(unused_mut, reason = "there are no names without `stacks`")]
    let mut frames = Vec::new();
    #[cfg(feature = "stacks")]
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        frames.push(Frame {
            // The alternate form omits the compiler's hash.
            function: symbol.name().map(|name| format!("{name:#}").into()),
            file: symbol.filename().map(|path| path.to_string_lossy().into()),
            line: symbol.lineno().filter(|&line| line > 0),
            ..unknown.clone()
        });
    });
    if frames.is_empty() {
        frames.push(unknown);
    }
    frames.into()
}
