//! Lists of holds, one per thread, and their sum.

use super::clock::{self, ClockPair};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::panic::Location;
use std::sync::{Mutex, OnceLock, PoisonError};

/// One hold and the place of its acquisition.
struct Hold {
    site: &'static Location<'static>,
    ticks: u64,
}

/// Records of the threads that have exited.
struct Collected {
    lists: Vec<Vec<Hold>>,
    cpu_ns: u64,
}

static COLLECTED: Mutex<Collected> = Mutex::new(Collected {
    lists: Vec::new(),
    cpu_ns: 0,
});
static START: OnceLock<ClockPair> = OnceLock::new();

/// A thread's own list.
struct Log(RefCell<Vec<Hold>>);

impl Drop for Log {
    fn drop(&mut self) {
        let mut collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner);
        collected.lists.push(self.0.take());
        collected.cpu_ns += clock::thread_cpu_ns();
    }
}

thread_local! {
    static LOG: Log = const { Log(RefCell::new(Vec::new())) };
}

/// Adds a hold to this thread's list.
#[inline]
pub(super) fn add(site: &'static Location<'static>, ticks: u64) {
    LOG.with(|log| log.0.borrow_mut().push(Hold { site, ticks }));
}

/// The place of an acquisition: file, line and column.
pub(super) type Site = (String, u32, u32);

/// The truth, by the program's own clock and counters.
#[derive(Debug)]
pub struct Truth {
    /// The holds at each place, in nanoseconds, ascending.
    pub(super) holds: BTreeMap<Site, Vec<f64>>,
    /// Processor time of all threads that took a lock.
    pub(super) cpu_ns: u64,
    /// Nanoseconds that one reading of the clock takes.
    pub(super) read_ns: f64,
}

/// Starts the clock. Call it before the program begins.
pub fn start() {
    START.get_or_init(ClockPair::now);
}

/// Collects the records of exited threads.
#[must_use]
pub fn finish() -> Truth {
    let tick_ns = START.get_or_init(ClockPair::now).tick_ns();
    let read_ns = clock::read_ticks() * tick_ns;
    let mut collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner);
    // Groups by address first: a look-up by name is slow, and there are millions.
    let mut by_address: HashMap<usize, (&Location<'_>, Vec<f64>)> = HashMap::new();
    for hold in std::mem::take(&mut collected.lists).into_iter().flatten() {
        // Both readings are a part of the hold. Their difference has one of them.
        let ns = hold.ticks as f64 * tick_ns + read_ns;
        let address = std::ptr::from_ref(hold.site).addr();
        let (_, list) = by_address.entry(address).or_insert((hold.site, Vec::new()));
        list.push(ns);
    }
    let mut holds: BTreeMap<Site, Vec<f64>> = BTreeMap::new();
    for (site, list) in by_address.into_values() {
        let site = (site.file().to_owned(), site.line(), site.column());
        holds.entry(site).or_default().extend(list);
    }
    holds
        .values_mut()
        .for_each(|of_site| of_site.sort_unstable_by(f64::total_cmp));
    Truth {
        holds,
        cpu_ns: collected.cpu_ns,
        read_ns,
    }
}
