//! The metric of locks that were acquired in orders which can deadlock.

use nexus_lockprof_snapshot::{PotentialDeadlock, Snapshot};

use super::Value;
use super::family::{Family, Kind, Unit};
use super::sink::Sink;

const INVERSIONS: Family = Family::new(
    Kind::Gauge,
    "lock_order_inversions",
    Unit::Count,
    "Sets of lock classes that were acquired in orders which can deadlock, since the program's start.",
);

/// Writes the gauge, 0 too: an alert on a missing series does not fire.
pub(super) fn of_order<S: Sink>(to: &mut S, snapshot: &Snapshot) -> Result<(), S::Error> {
    to.family(&INVERSIONS)?;
    for kind in ["inversion", "recursive_read"] {
        let of = |potential: &&PotentialDeadlock| potential.kind() == kind;
        let count = snapshot.potential_deadlocks().iter().filter(of).count();
        let labels = [("kind", kind.to_owned())];
        to.number(&INVERSIONS, &labels, Value::Count(count as u128))?;
    }
    Ok(())
}
