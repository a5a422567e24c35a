//! Loom models of the protocols, each named for the race it checks.
//!
//! `ci/loom.sh` runs them. `docs/protocol.md` has a table of the orderings, what they pair with,
//! and which of these models fails when one is weakened.
//!
//! Loom runs a program in every order that the memory model allows, but for one kind: a load never
//! sees a store that comes later in the run. So that "this read is over before that write" is
//! checked all the same, those models put a [`Witness`] beside the data.

mod class;
mod edges;
mod order;
mod record;
mod registry;
mod reservoir;
mod shard;
mod slow_log;
mod task_slot;
mod versioned;
mod wait_log;
mod waiting;

use crate::control::Control;
use crate::identity::LockClass;
use crate::identity::PointKey;
use crate::identity::ThreadBits;
use crate::identity::class::Class;
use crate::identity::late::Late;
use crate::identity::lock_class::number_of;
use crate::identity::numbers::class;
use crate::record::cold_counts::ColdCounts;
use crate::record::collection_clock::CollectionClock;
use crate::record::collection_clock::OpenCollection;
use crate::record::edges::{EdgeLimits, EdgeTable};
use crate::record::hot::{self, HotCache};
use crate::record::lease::Lease;
use crate::record::order::{MOST_GATES, OrderTable, SeenPair, SeenPairs, Sighting};
use crate::record::owner::Owner;
use crate::record::pending::PendingRef;
use crate::record::pool::Pool;
use crate::record::reading::Reading;
use crate::record::registry::{Claim, Registry};
use crate::record::reservoir::{Packed, Reservoir};
use crate::record::slow_log::SlowLog;
use crate::record::slow_record::{SlowKind, SlowRecord};
use crate::record::statistics::{Delta, Record};
use crate::record::table::Table;
use crate::record::tally::{Measure, Measured};
use crate::record::thread_info::ThreadId;
use crate::record::wait_log::{Hold, LockRef, Span, WaitLog};
use crate::record::waiting::{WaitSlot, Waiting};
use crate::sync::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
    bump,
};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use nexus_lockprof_snapshot::Lock;
use std::panic::Location;

/// Plain memory without content: loom fails the model when two threads touch it and nothing orders
/// the one before the other.
struct Witness(UnsafeCell<()>);

impl Witness {
    fn new() -> Self {
        Witness(UnsafeCell::new(()))
    }

    fn touch(&self) {
        self.0.with_mut(|_| ());
    }
}

/// Explores with at most this many forced switches of thread; what is not bounded is explored
/// whole.
///
/// The models that write reservoirs or hand on a shard have too many orders to explore whole; two
/// or three switches find every failure in the table of `docs/protocol.md`.
fn bounded(switches: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(switches);
    builder.check(model);
}

/// Proof for the calling thread, which in a model is the only one that uses it at that time.
fn owner() -> Owner {
    // SAFETY: each model lets one thread at a time write the shard.
    unsafe { Owner::assume() }
}

fn key(i: usize) -> PointKey {
    PointKey(8 * (i as u64 + 1))
}

fn open_collection() -> OpenCollection {
    OpenCollection {
        collection: 1,
        resets: 0,
        reservoir: 1,
    }
}

/// A contended acquisition, the owner's two steps: counted when it is taken, the rest after the
/// release.
fn acquire_contended(record: &Record, seed: &AtomicU64) {
    record.count(true);
    let delta = Delta {
        cold: ColdCounts {
            timeouts: 1,
            try_failures: 1,
            ..ColdCounts::default()
        },
        ..Delta::default()
    };
    record.add(&owner(), &delta, open_collection(), seed, || true);
}

fn all_or_nothing(reading: &Reading) {
    assert_eq!(
        reading.cold.timeouts, reading.cold.try_failures,
        "half an update"
    );
    assert!(
        reading.cold.timeouts <= reading.contentions,
        "an update before its contention"
    );
    assert!(
        reading.contentions <= reading.acquisitions,
        "a contention before its acquisition"
    );
}
