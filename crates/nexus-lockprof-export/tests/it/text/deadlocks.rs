//! The sentences above the table.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Deadlock, Holder, Lock, Site, Snapshot, SnapshotParts, Thread, Waiter,
};

fn thread(id: u64, name: &str) -> Option<Thread> {
    let name = Some(name.into());
    Some(Thread { id, name })
}

/// Waits at line `line`, for what was acquired at line `line + 1`.
fn wait(of: Option<Thread>, lock: &str, line: u32, holder: Option<Thread>) -> Waiter {
    Waiter {
        thread: of,
        lock: Lock::Named(lock.into()),
        address: u64::from(line),
        mode: AcquireMode::Exclusive,
        site: Site::new("src/bank.rs", line, 5),
        waited_ns: 3_000_000_000,
        handed: false,
        holder: Some(Holder {
            exited: holder.is_none(),
            thread: holder,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/bank.rs", line + 1, 5),
            held_ns: None,
        }),
    }
}

fn lines(waiters: Vec<Waiter>, width: usize) -> Vec<String> {
    let snapshot = Snapshot::from_parts(SnapshotParts {
        deadlocks: Deadlock::find(&waiters),
        waiters,
        ..SnapshotParts::default()
    });
    text::deadlocks(&snapshot, width)
}

#[test]
fn a_deadlock_is_told_in_sentences() {
    let (transfer, report) = (thread(7, "transfer"), thread(8, "report"));
    let mut waiters = vec![
        wait(transfer.clone(), "audit", 19, report.clone()),
        wait(report, "accounts", 24, transfer),
    ];
    assert_eq!(
        lines(waiters.clone(), 100),
        [
            "Deadlock: 2 threads wait for one another, for ever.",
            "   transfer (7) has waited 3.00s at src/bank.rs:19 for audit, which report (8) acquired at",
            "   src/bank.rs:20.",
            "   report (8) has waited 3.00s at src/bank.rs:24 for accounts, which transfer (7) acquired at",
            "   src/bank.rs:25.",
        ]
    );
    assert!(
        lines(waiters.clone(), 60)
            .iter()
            .all(|line| line.len() <= 60)
    );
    for waiter in &mut waiters {
        waiter.holder.as_mut().unwrap().mode = AcquireMode::Shared;
    }
    let line = &lines(waiters, 200)[0];
    assert!(
        line.starts_with("Possible deadlock: 2 threads wait for one another, unless"),
        "{line}"
    );
}

#[test]
fn a_thread_may_wait_for_itself() {
    let me = thread(7, "again");
    assert_eq!(
        lines(vec![wait(me.clone(), "jobs", 2, me)], 200),
        [
            "Deadlock: a thread waits for itself, for ever.",
            "   again (7) has waited 3.00s at src/bank.rs:2 for jobs, which it acquired at src/bank.rs:3.",
        ]
    );
}

#[test]
fn the_report_begins_with_them() {
    let me = thread(7, "again");
    let waiters = vec![wait(me.clone(), "jobs", 2, me)];
    let snapshot = Snapshot::from_parts(SnapshotParts {
        deadlocks: Deadlock::find(&waiters),
        waiters,
        ..SnapshotParts::default()
    });
    let report = text::table(&snapshot).to_string();
    assert!(
        report.starts_with("Deadlock: a thread waits for itself"),
        "{report}"
    );
    let without = Snapshot::from_parts(SnapshotParts::default());
    assert!(!text::table(&without).to_string().contains("eadlock"));
}
