//! The metrics of who waits for one another, and of what is stuck.

use nexus_lockprof_snapshot::{Deadlock, Snapshot, Stuck};

use super::Value;
use super::family::{Family, Kind, Unit};
use super::sink::Sink;

const DEADLOCKED: Family = Family::new(
    Kind::Gauge,
    "deadlocked_threads",
    Unit::Count,
    "Threads that wait for one another at this moment.",
);
const STUCK: Family = Family::new(
    Kind::Gauge,
    "stuck_waiters",
    Unit::Count,
    "Threads and tasks outside of deadlocks that have waited for 10 s, or for a thread that has exited.",
);

/// Writes both gauges, 0 too: an alert on a missing series does not fire.
pub(super) fn of_deadlocks<S: Sink>(to: &mut S, snapshot: &Snapshot) -> Result<(), S::Error> {
    to.family(&DEADLOCKED)?;
    for certain in [true, false] {
        let of = |deadlock: &&Deadlock| deadlock.certain == certain;
        let deadlocks = snapshot.deadlocks().iter().filter(of);
        let threads: usize = deadlocks.map(|deadlock| deadlock.waits.len()).sum();
        let labels = [("certain", certain.to_string())];
        to.number(&DEADLOCKED, &labels, Value::Count(threads as u128))?;
    }
    to.family(&STUCK)?;
    let stuck = snapshot.stuck(Stuck::AFTER).len();
    to.number(&STUCK, &[], Value::Count(stuck as u128))
}
