//! The section on the order of locks.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, EdgeEnd, Lock, LockPair, PotentialDeadlock, ProfilerMode, Site, Snapshot,
    SnapshotParts, Thread,
};

fn end(lock: &str, line: u32) -> EdgeEnd {
    EdgeEnd {
        lock: Lock::Named(lock.into()),
        mode: AcquireMode::Exclusive,
        site: Site::new("src/bank.rs", line, 5),
    }
}

fn pair(held: EdgeEnd, wanted: EdgeEnd, thread: Option<&str>, count: u64) -> LockPair {
    LockPair {
        held,
        wanted,
        same_lock: false,
        guarded: false,
        thread: thread.map(|name| Thread {
            id: 7,
            name: Some(name.into()),
        }),
        count,
    }
}

fn inversion(needs_writer: bool) -> PotentialDeadlock {
    PotentialDeadlock {
        needs_writer,
        steps: vec![
            pair(end("accounts", 17), end("audit", 19), Some("transfer"), 12),
            pair(end("audit", 22), end("accounts", 24), None, 1),
        ],
    }
}

fn snapshot(profiler_mode: ProfilerMode, potential: Vec<PotentialDeadlock>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        profiler_mode,
        potential_deadlocks: potential,
        ..SnapshotParts::default()
    })
}

#[test]
fn two_orders_are_told_with_their_places() {
    let snapshot = snapshot(ProfilerMode::Exact, vec![inversion(false)]);
    assert_eq!(
        text::lock_order(&snapshot, 100),
        [
            "Lock order",
            "Potential deadlock: 2 locks were acquired in different orders.",
            "   transfer (7) held accounts (src/bank.rs:17) and acquired audit (src/bank.rs:19), 12 times.",
            "   a thread held audit (src/bank.rs:22) and acquired accounts (src/bank.rs:24), once.",
        ]
    );
    let report = text::table(&snapshot).width(100).to_string();
    assert!(
        report.starts_with("Lock order\nPotential deadlock"),
        "{report}"
    );
}

#[test]
fn a_sample_may_have_missed_a_lock_around_them() {
    let sampled = ProfilerMode::Sampled { budget: 0.01 };
    let lines = text::lock_order(&snapshot(sampled, vec![inversion(true)]), 200);
    assert_eq!(
        lines[1],
        "Potential deadlock: 2 locks were acquired in different orders. It takes a waiting writer \
         between the readers."
    );
    assert_eq!(
        lines[4],
        "In mode sampled, a lock that is always held around these may be unknown. Such a lock makes \
         an order harmless."
    );
}

#[test]
fn a_recursive_read_is_told() {
    let read = PotentialDeadlock {
        needs_writer: true,
        steps: vec![LockPair {
            same_lock: true,
            ..pair(end("cache", 3), end("cache", 5), Some("main"), 2)
        }],
    };
    let lines = text::lock_order(&snapshot(ProfilerMode::Exact, vec![read]), 200);
    assert_eq!(
        lines,
        [
            "Lock order",
            "Recursive read: a thread read a lock that it already read. It can wait for ever if a \
             writer comes in between.",
            "   main (7) held cache (src/bank.rs:3) and acquired cache (src/bank.rs:5), 2 times.",
        ]
    );
}
