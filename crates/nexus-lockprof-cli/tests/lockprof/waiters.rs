//! Who waits, in `lockprof report`.

use crate::support::{Folder, before, lockprof};
use nexus_lockprof_snapshot::{AcquireMode, Lock, Site, Snapshot, SnapshotParts, Thread, Waiter};

fn waiter(lock: &str, id: u64, line: u32, waited_ns: u64) -> Waiter {
    Waiter {
        thread: Some(Thread { id, name: None }),
        lock: Lock::Named(lock.into()),
        address: 0x1000,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/app.rs", line, 9),
        waited_ns,
        handed: false,
        holder: None,
    }
}

/// A program that is stuck at `sessions`, and at a lock that nobody has acquired yet.
fn stuck() -> Snapshot {
    let waiters = vec![
        waiter("sessions", 7, 52, 3_000_000_000),
        waiter("late", 8, 300, 2_000_000),
    ];
    Snapshot::from_parts(SnapshotParts {
        points: before().points().to_vec(),
        elapsed_ns: 4_000_000_000,
        waiters,
        ..SnapshotParts::default()
    })
}

/// The lines before the first empty one.
fn section(args: &[&str]) -> Vec<String> {
    let report = lockprof(args).good();
    let lines = report.lines().take_while(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn they_stand_first() {
    let folder = Folder::new();
    let file = folder.with("stuck.lockprof", &stuck());
    assert_eq!(
        section(&["report", &file]),
        [
            "Waiting when it was taken: 2 threads",
            "sessions: who holds it is not known",
            "    3.00s  thread 7  src/app.rs:52",
            "late: who holds it is not known",
            "    2.00ms  thread 8  src/app.rs:300",
        ]
    );
}

/// Options that choose points choose who waits at them. A lock with waiters is known, even if it
/// has no point.
#[test]
fn they_are_selected() {
    let folder = Folder::new();
    let file = folder.with("stuck.lockprof", &stuck());
    let late = [
        "Waiting when it was taken: 1 thread",
        "late: who holds it is not known",
        "    2.00ms  thread 8  src/app.rs:300",
    ];
    assert_eq!(section(&["report", &file, "--lock", "late"]), late);
    assert_eq!(
        section(&["report", &file, "--filter", "app.rs:300 EXCL"]),
        late
    );
    let queue = lockprof(&["report", &file, "--lock", "queue"]).good();
    assert!(!queue.contains("Waiting when"), "{queue}");
    let why = lockprof(&["report", &file, "--lock", "lat"]).failed();
    assert_eq!(why, "no lock is called `lat`; there are 5 points");
}
