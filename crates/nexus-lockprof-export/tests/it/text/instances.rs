//! Which locks of a class were waited for most, below the table.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Instance, Lock, Point, Site, Snapshot, SnapshotParts,
};

const MS: u64 = 1_000_000;

fn of(class: &str, number: u64, least_ns: u64, most_ns: u64) -> Instance {
    Instance {
        lock: Lock::Named(class.into()),
        address: 0x7f00_0000_0000 + 64 * number,
        waits: number,
        least_ns,
        most_ns,
    }
}

/// A snapshot of a second in which threads waited so long for the class `shard`, of `locks` locks.
fn snapshot(waited_ns: u64, locks: u64, instances: Vec<Instance>) -> Snapshot {
    Snapshot::from_parts(parts(waited_ns, locks, instances))
}

fn parts(waited_ns: u64, locks: u64, instances: Vec<Instance>) -> SnapshotParts {
    let site = Site::new("src/shards.rs", 3, 9);
    let point = Point::new(Lock::Named("shard".into()), AcquireMode::Exclusive, site);
    let time = |total_ns| Durations {
        samples: 5,
        events: 5,
        total_ns,
        ..Durations::default()
    };
    SnapshotParts {
        elapsed_ns: 1_000 * MS,
        points: vec![Point {
            acquisitions: 9,
            contentions: 5,
            wait: time(waited_ns),
            hold: Durations {
                at_most_ns: 1_000 * MS * locks,
                ..time(MS)
            },
            ..point
        }],
        instances,
        ..SnapshotParts::default()
    }
}

#[test]
fn few_locks_that_have_most_of_the_waiting_are_shown() {
    let all = vec![
        of("shard", 1, 300 * MS, 300 * MS),
        of("shard", 2, 60 * MS, 75 * MS),
        of("shard", 3, 9 * MS, 10 * MS),
        of("shard", 4, 8 * MS, 8 * MS),
    ];
    let taken = snapshot(400 * MS, 1_000, all);
    let lines = text::instances(&taken, 100);
    assert_eq!(
        lines,
        [
            "Most of the waiting for shard was for few of its locks:",
            "  7f0000000040   75%             300ms   1 wait",
            "  7f0000000080   15%  60.0ms to 75.0ms  2 waits",
            "  7f00000000c0  2.2%  9.00ms to 10.0ms  3 waits",
        ]
    );
    assert!(text::table(&taken).to_string().contains(&lines.join("\n")));
}

#[test]
fn one_lock_of_many_is_shown() {
    let one = || vec![of("shard", 7, 300 * MS, 300 * MS)];
    assert_eq!(
        text::instances(&snapshot(310 * MS, 1_000, one()), 100),
        [
            "All long waits for shard were for one of its locks:",
            "  7f00000001c0  97%  300ms  7 waits",
        ]
    );
    // Other locks may have been displaced.
    let displaced = Snapshot::from_parts(SnapshotParts {
        unlisted_most_ns: 1,
        ..parts(310 * MS, 1_000, one())
    });
    assert_eq!(
        text::instances(&displaced, 100)[0],
        "Most of the waiting for shard was for one of its locks:"
    );
    // The only lock of its class needs no word.
    assert_eq!(text::instances(&snapshot(310 * MS, 1, one()), 100), [""; 0]);
}

#[test]
fn what_says_nothing_is_not_shown() {
    let alike = |n| (1..=n).map(move |i| of("shard", i, 300 * MS / n, 300 * MS / n));
    // Eight locks that are waited for alike.
    let taken = snapshot(300 * MS, 8, alike(8).collect());
    assert_eq!(text::instances(&taken, 100), [""; 0]);
    // Little waiting.
    let taken = snapshot(40 * MS, 8, vec![of("shard", 1, 30 * MS, 40 * MS)]);
    assert_eq!(text::instances(&taken, 100), [""; 0]);
    // Another class, of which the table has no point.
    let taken = snapshot(300 * MS, 8, vec![of("other", 1, 300 * MS, 300 * MS)]);
    assert_eq!(text::instances(&taken, 100), [""; 0]);
}

#[test]
fn a_selection_of_points_leaves_the_shares_as_they_are() {
    let whole = snapshot(900 * MS, 8, vec![of("shard", 1, 150 * MS, 150 * MS)]);
    let mut selected = snapshot(100 * MS, 8, Vec::new());
    let report = |selected: &Snapshot| text::table(selected).selected_from(&whole).to_string();
    assert!(!report(&selected).contains("waiting for shard"));
    // All of the selected points' waiting, but not of the class's.
    selected = snapshot(150 * MS, 8, vec![of("shard", 1, 150 * MS, 150 * MS)]);
    assert!(!report(&selected).contains("of its locks"));
    assert_ne!(text::instances(&selected, 100), [""; 0]);
}
