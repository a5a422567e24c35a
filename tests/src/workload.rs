//! Random operations on many locks, with the program's own count.

use crate::edges;
use crate::threads;
use crate::witness::{Witness, watching};
use lock_api::{RawMutex, RawRwLock, RwLockUpgradableReadGuard, RwLockWriteGuard};
use nexus_lockprof::engine::EngineRef;
use nexus_lockprof::{AcquireMode, Losses, Profiled, Snapshot};
use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use AcquireMode::{Exclusive, Shared, Upgradable};

type Mutex<H> = lock_api::Mutex<Profiled<Witness<parking_lot::RawMutex>, H>, u64>;
type RwLock<H> = lock_api::RwLock<Profiled<Witness<parking_lot::RawRwLock>, H>, u64>;

const MUTEXES: [&str; 3] = ["mutex 0", "mutex 1", "mutex 2"];
const RWLOCKS: [&str; 2] = ["rwlock 0", "rwlock 1"];

/// The events of one lock in one mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acquisitions.
    pub acquisitions: u64,
    /// Acquisitions that found the lock taken.
    pub contentions: u64,
    /// Failed tries.
    pub try_failures: u64,
    /// Timed acquisitions that gave up.
    pub timeouts: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.acquisitions += more.acquisitions;
        self.contentions += more.contentions;
        self.try_failures += more.try_failures;
        self.timeouts += more.timeouts;
    }
}

/// Counts by lock name and mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<(String, &'static str), Counts>);

impl Ledger {
    fn of(&mut self, lock: &str, mode: AcquireMode) -> &mut Counts {
        self.0.entry((lock.to_owned(), mode.as_str())).or_default()
    }

    /// Records an acquisition that waits as long as necessary.
    pub fn waited(&mut self, lock: &str, mode: AcquireMode, found_taken: bool) {
        let counts = self.of(lock, mode);
        counts.acquisitions += 1;
        counts.contentions += u64::from(found_taken);
    }

    /// Records one that does not wait.
    pub fn tried(&mut self, lock: &str, mode: AcquireMode, got_it: bool) {
        let counts = self.of(lock, mode);
        counts.acquisitions += u64::from(got_it);
        counts.try_failures += u64::from(!got_it);
    }

    /// Records one that waits for a limited time.
    pub fn timed(&mut self, lock: &str, mode: AcquireMode, got_it: bool, found_taken: bool) {
        if got_it {
            self.waited(lock, mode, found_taken);
        } else {
            self.of(lock, mode).timeouts += 1;
        }
    }

    /// Adds another ledger.
    pub fn add(&mut self, more: Self) {
        for (key, counts) in more.0 {
            *self.0.entry(key).or_default() += counts;
        }
    }

    /// Each lock and mode.
    pub fn iter(&self) -> impl Iterator<Item = (&(String, &'static str), &Counts)> {
        self.0.iter()
    }

    /// The counts of a lock in a mode.
    #[must_use]
    pub fn get(&self, key: &(String, &'static str)) -> Counts {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// The sum of all locks and modes.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        for &counts in self.0.values() {
            sum += counts;
        }
        sum
    }
}

/// The profiler's record of events: the snapshots that the resets returned, and the last one.
#[derive(Debug, Default)]
pub struct Recorded {
    /// In the form of the program's own ledger.
    pub ledger: Ledger,
    /// Caused waits, over all points.
    pub blocked: u64,
    /// Measured waits.
    pub waits: u64,
    /// Measured holds.
    pub holds: u64,
    /// Waits whose waiting point had no room for an edge.
    pub without_edge: u64,
    /// Threads that have ended.
    pub ended: u64,
    /// The losses, other than those.
    pub lost: Vec<Losses>,
}

impl Recorded {
    /// Adds a snapshot that starts where the one before it ended.
    pub fn add(&mut self, snapshot: &Snapshot) {
        edges::check(snapshot);
        self.sum(snapshot);
    }

    /// Adds an interval that starts where the one before it ended.
    pub fn add_interval(&mut self, interval: &Snapshot) {
        edges::check_sums(interval);
        self.sum(interval);
    }

    fn sum(&mut self, snapshot: &Snapshot) {
        threads::check(snapshot);
        self.ended += threads::ended(snapshot);
        for point in snapshot.points() {
            *self.ledger.of(&point.lock.name(), point.mode) += Counts {
                acquisitions: point.acquisitions,
                contentions: point.contentions,
                try_failures: point.try_failures,
                timeouts: point.timeouts,
            };
            self.blocked += point.blocked;
            self.waits += point.wait.samples;
            self.holds += point.hold.samples;
        }
        let mut losses = *snapshot.losses();
        self.without_edge += std::mem::take(&mut losses.edges);
        if !losses.is_empty() {
            self.lost.push(losses);
        }
    }
}

/// The locks.
pub struct Locks<H> {
    mutexes: [Mutex<H>; MUTEXES.len()],
    rwlocks: [RwLock<H>; RWLOCKS.len()],
}

impl<H: EngineRef> Locks<H> {
    /// Creates locks that report to `engine_ref`, and acquires each once. A lock names its holder from
    /// its first holder on, so every wait of the workload has a known cause.
    pub fn new(engine_ref: &H, ledger: &mut Ledger) -> Self {
        let mutexes = MUTEXES.map(|name| {
            let raw = Profiled::named_in(engine_ref.clone(), RawMutex::INIT, name);
            Mutex::from_raw(raw, 0)
        });
        let rwlocks = RWLOCKS.map(|name| {
            let raw = Profiled::named_in(engine_ref.clone(), RawRwLock::INIT, name);
            RwLock::from_raw(raw, 0)
        });
        for (name, lock) in MUTEXES.iter().zip(&mutexes) {
            ledger.waited(name, Exclusive, watching(|| drop(lock.lock())).1);
        }
        for (name, lock) in RWLOCKS.iter().zip(&rwlocks) {
            ledger.waited(name, Exclusive, watching(|| drop(lock.write())).1);
        }
        Locks { mutexes, rwlocks }
    }

    /// One thread's work: `operations` random ones.
    pub fn work(&self, operations: usize, rng: &mut fastrand::Rng) -> Ledger {
        let mut ledger = Ledger::default();
        for _ in 0..operations {
            if rng.bool() {
                let i = rng.usize(..MUTEXES.len());
                on_mutex(&self.mutexes[i], MUTEXES[i], rng, &mut ledger);
            } else {
                let i = rng.usize(..RWLOCKS.len());
                on_rwlock(&self.rwlocks[i], RWLOCKS[i], rng, &mut ledger);
            }
        }
        ledger
    }
}

/// A short timeout; often none at all.
fn patience(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_micros(rng.u64(..4) * 20)
}

/// Stays in a critical section, sometimes long enough for others to run into it.
fn stay(rng: &mut fastrand::Rng) {
    match rng.u8(..8) {
        0 => std::thread::yield_now(),
        1 => std::thread::sleep(Duration::from_micros(1)),
        _ => {}
    }
}

fn on_mutex<H: EngineRef>(
    lock: &Mutex<H>,
    name: &str,
    rng: &mut fastrand::Rng,
    ledger: &mut Ledger,
) {
    let guard = match rng.u8(..4) {
        0 | 1 => {
            let (guard, found_taken) = watching(|| lock.lock());
            ledger.waited(name, Exclusive, found_taken);
            Some(guard)
        }
        2 => {
            let guard = lock.try_lock();
            ledger.tried(name, Exclusive, guard.is_some());
            guard
        }
        _ => {
            let patience = patience(rng);
            let (guard, found_taken) = watching(|| lock.try_lock_for(patience));
            ledger.timed(name, Exclusive, guard.is_some(), found_taken);
            guard
        }
    };
    if let Some(mut guard) = guard {
        *guard += 1;
        stay(rng);
        if rng.u8(..64) == 0 {
            // A sure timeout. In others the holder is often gone in time, mostly on a busy machine.
            let (second, found_taken) = watching(|| lock.try_lock_for(patience(rng)));
            ledger.timed(name, Exclusive, second.is_some(), found_taken);
        }
    }
}

fn on_rwlock<H: EngineRef>(
    lock: &RwLock<H>,
    name: &str,
    rng: &mut fastrand::Rng,
    ledger: &mut Ledger,
) {
    match rng.u8(..6) {
        0 | 1 => shared(lock, name, rng, ledger),
        2 | 3 => exclusive(lock, name, rng, ledger),
        _ => upgradable(lock, name, rng, ledger),
    }
}

fn shared<H: EngineRef>(
    lock: &RwLock<H>,
    name: &str,
    rng: &mut fastrand::Rng,
    ledger: &mut Ledger,
) {
    let guard = match rng.u8(..3) {
        0 => {
            let (guard, found_taken) = watching(|| lock.read());
            ledger.waited(name, Shared, found_taken);
            Some(guard)
        }
        1 => {
            let guard = lock.try_read();
            ledger.tried(name, Shared, guard.is_some());
            guard
        }
        _ => {
            let patience = patience(rng);
            let (guard, found_taken) = watching(|| lock.try_read_for(patience));
            ledger.timed(name, Shared, guard.is_some(), found_taken);
            guard
        }
    };
    if guard.is_some() {
        stay(rng);
    }
}

fn exclusive<H: EngineRef>(
    lock: &RwLock<H>,
    name: &str,
    rng: &mut fastrand::Rng,
    ledger: &mut Ledger,
) {
    let guard = match rng.u8(..3) {
        0 => {
            let (guard, found_taken) = watching(|| lock.write());
            ledger.waited(name, Exclusive, found_taken);
            Some(guard)
        }
        1 => {
            let guard = lock.try_write();
            ledger.tried(name, Exclusive, guard.is_some());
            guard
        }
        _ => {
            let patience = patience(rng);
            let (guard, found_taken) = watching(|| lock.try_write_for(patience));
            ledger.timed(name, Exclusive, guard.is_some(), found_taken);
            guard
        }
    };
    let Some(mut guard) = guard else { return };
    *guard += 1;
    stay(rng);
    // A downgrade ends one acquisition and begins another, and never waits.
    match rng.u8(..3) {
        0 => {
            let _read = RwLockWriteGuard::downgrade(guard);
            ledger.waited(name, Shared, false);
            stay(rng);
        }
        1 => {
            let _upgradable = RwLockWriteGuard::downgrade_to_upgradable(guard);
            ledger.waited(name, Upgradable, false);
            stay(rng);
        }
        _ => {}
    }
}

fn upgradable<H: EngineRef>(
    lock: &RwLock<H>,
    name: &str,
    rng: &mut fastrand::Rng,
    ledger: &mut Ledger,
) {
    let guard = match rng.u8(..3) {
        0 => {
            let (guard, found_taken) = watching(|| lock.upgradable_read());
            ledger.waited(name, Upgradable, found_taken);
            Some(guard)
        }
        1 => {
            let guard = lock.try_upgradable_read();
            ledger.tried(name, Upgradable, guard.is_some());
            guard
        }
        _ => {
            let patience = patience(rng);
            let (guard, found_taken) = watching(|| lock.try_upgradable_read_for(patience));
            ledger.timed(name, Upgradable, guard.is_some(), found_taken);
            guard
        }
    };
    let Some(guard) = guard else { return };
    stay(rng);
    match rng.u8(..5) {
        0 => {
            let (mut guard, found_taken) = watching(|| RwLockUpgradableReadGuard::upgrade(guard));
            ledger.waited(name, Exclusive, found_taken);
            *guard += 1;
            stay(rng);
        }
        1 => {
            let upgraded = RwLockUpgradableReadGuard::try_upgrade(guard);
            ledger.tried(name, Exclusive, upgraded.is_ok());
            stay(rng);
        }
        2 => {
            let patience = patience(rng);
            let (upgraded, found_taken) =
                watching(|| RwLockUpgradableReadGuard::try_upgrade_for(guard, patience));
            ledger.timed(name, Exclusive, upgraded.is_ok(), found_taken);
            stay(rng);
        }
        3 => {
            let _read = RwLockUpgradableReadGuard::downgrade(guard);
            ledger.waited(name, Shared, false);
            stay(rng);
        }
        _ => {}
    }
}
