//! Circles among waits, their lines, and files.

use nexus_lockprof_snapshot::{
    AcquireMode, Deadlock, Holder, Lock, Site, Snapshot, SnapshotParts, Stuck, Thread, Waiter,
};
use std::time::Duration;

fn thread(id: u64) -> Option<Thread> {
    let name = (id != 9).then(|| format!("t{id}").into());
    Some(Thread { id, name })
}

/// The thread `id` waits for `holder`, at line `id`.
fn wait(id: u64, holder: u64) -> Waiter {
    Waiter {
        thread: thread(id),
        lock: Lock::Named(format!("lock {holder}").into()),
        address: holder,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/a.rs", id as u32, 5),
        waited_ns: 1_000_000_000,
        handed: false,
        holder: Some(Holder {
            thread: thread(holder),
            exited: false,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/a.rs", 100 + holder as u32, 5),
            held_ns: None,
        }),
    }
}

fn holder(wait: &mut Waiter) -> &mut Holder {
    match &mut wait.holder {
        Some(holder) => holder,
        None => panic!("no holder"),
    }
}

/// The threads of each circle.
fn found(waits: &[Waiter]) -> Vec<Vec<u64>> {
    let threads = |deadlock: Deadlock| {
        let waits = deadlock.waits.into_iter();
        waits.filter_map(|wait| Some(wait.thread?.id)).collect()
    };
    Deadlock::find(waits).into_iter().map(threads).collect()
}

#[test]
fn circles_are_found_and_nothing_else() {
    let none: [Vec<u64>; 0] = [];
    let waits = |pairs: &[(u64, u64)]| -> Vec<Waiter> {
        pairs.iter().map(|&(id, holder)| wait(id, holder)).collect()
    };
    assert_eq!(found(&[]), none);
    assert_eq!(found(&waits(&[(1, 2), (2, 3), (4, 3)])), none);
    assert_eq!(found(&waits(&[(1, 1)])), [[1]]);
    assert_eq!(found(&waits(&[(2, 1), (1, 2)])), [[1, 2]]);
    assert_eq!(found(&waits(&[(5, 3), (3, 4), (4, 5)])), [[3, 4, 5]]);
    // Two circles, who waits behind them, and a chain.
    let many = waits(&[
        (8, 7),
        (7, 6),
        (6, 8),
        (1, 2),
        (3, 1),
        (4, 3),
        (2, 1),
        (11, 12),
    ]);
    assert_eq!(found(&many), [vec![1, 2], vec![6, 8, 7]]);
}

#[test]
fn a_wait_that_is_too_short_or_has_no_thread_is_in_no_circle() {
    let circle = || vec![wait(1, 2), wait(2, 1)];
    let none: [Vec<u64>; 0] = [];
    for change in [
        (|wait| wait.waited_ns -= 1) as fn(&mut Waiter),
        |wait| wait.thread = None,
        |wait| wait.holder = None,
        |wait| holder(wait).thread = None,
    ] {
        let mut waits = circle();
        assert_eq!(found(&waits), [[1, 2]]);
        change(&mut waits[1]);
        assert_eq!(found(&waits), none);
    }
}

#[test]
fn a_circle_with_a_reader_is_a_possible_one() {
    for (mode, certain) in [
        (AcquireMode::Exclusive, true),
        (AcquireMode::Shared, false),
        (AcquireMode::Upgradable, false),
    ] {
        let mut waits = [wait(1, 2), wait(2, 1)];
        holder(&mut waits[0]).mode = mode;
        assert_eq!(Deadlock::find(&waits)[0].certain, certain);
    }
}

#[test]
fn lines_are_as_they_are_described() {
    let found = Deadlock::find(&[wait(9, 1), wait(1, 9)]);
    assert_eq!(
        found[0].to_string(),
        "lock.deadlock threads=2 \
         cycle=\"t1@src/a.rs:1(lock 9)->#9@src/a.rs:9(lock 1)\" certain=true"
    );
    let stuck = |change: fn(&mut Waiter)| {
        let mut wait = wait(9, 1);
        wait.lock = Lock::Named("jobs".into());
        wait.waited_ns = 12_345_678_901;
        change(&mut wait);
        Stuck { wait }.to_string()
    };
    let start = "lock.stuck lock=jobs site=src/a.rs:9 thread=";
    for (change, rest) in [
        (
            (|_| ()) as fn(&mut Waiter),
            "#9 waited_ms=12345 holder_site=src/a.rs:101 holder_thread=t1",
        ),
        (
            |wait| holder(wait).exited = true,
            "#9 waited_ms=12345 holder_site=src/a.rs:101 holder_thread=(exited)",
        ),
        (
            |wait| holder(wait).thread = None,
            "#9 waited_ms=12345 holder_site=src/a.rs:101 holder_thread=?",
        ),
        (
            |wait| (wait.thread, wait.holder) = (None, None),
            "(task) waited_ms=12345 holder_site=? holder_thread=?",
        ),
        (
            |wait| wait.thread.as_mut().unwrap().name = Some("a b".into()),
            "\"a b\" waited_ms=12345 holder_site=src/a.rs:101 holder_thread=t1",
        ),
    ] {
        assert_eq!(stuck(change), format!("{start}{rest}"));
    }
}

fn snapshot(waiters: Vec<Waiter>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        collection: 2,
        deadlocks: Deadlock::find(&waiters),
        waiters,
        ..SnapshotParts::default()
    })
}

fn deadlocked() -> Snapshot {
    let mut waits = vec![wait(1, 2), wait(2, 1), wait(3, 3), wait(4, 1)];
    holder(&mut waits[0]).mode = AcquireMode::Shared;
    snapshot(waits)
}

#[test]
fn files_keep_them() {
    let snapshot = deadlocked();
    assert_eq!(snapshot.deadlocks().len(), 2);
    let file = snapshot.to_bytes().unwrap();
    assert_eq!(Snapshot::from_bytes(&file).unwrap(), snapshot);
    #[cfg(feature = "json")]
    {
        let json = snapshot.to_json().unwrap();
        assert_eq!(Snapshot::from_json(&json).unwrap(), snapshot);
    }
}

/// A reader of a version without deadlocks skips the section, whose tag is in lower case.
#[test]
fn a_file_without_deadlocks_has_no_section_for_them() {
    let has = |snapshot: &Snapshot| {
        let file = snapshot.to_bytes().unwrap();
        file.windows(4).any(|tag| tag == b"dead")
    };
    assert!(has(&deadlocked()));
    assert!(!has(&snapshot(vec![wait(1, 2)])));
}

#[test]
fn a_merge_has_those_of_all_and_makes_none() {
    // The same numbers, of two processes.
    let parts = [snapshot(vec![wait(1, 2)]), snapshot(vec![wait(2, 1)])];
    let merged = Snapshot::merge(parts);
    assert_eq!((merged.waiters().len(), merged.deadlocks()), (2, &[][..]));
    let merged = Snapshot::merge([deadlocked(), deadlocked()]);
    assert_eq!(merged.deadlocks().len(), 4);
}

#[test]
fn an_interval_has_those_of_its_end() {
    let earlier = Snapshot::from_parts(SnapshotParts {
        collection: 1,
        ..SnapshotParts::default()
    });
    let later = deadlocked();
    let interval = later.since(&earlier).unwrap();
    assert_eq!(interval.deadlocks(), later.deadlocks());
}

#[test]
fn stuck_are_the_old_ones_and_those_that_were_left() {
    let mut waits = vec![
        wait(1, 2),
        wait(2, 1),
        wait(3, 9),
        wait(4, 9),
        wait(5, 9),
        wait(6, 9),
    ];
    waits[2].waited_ns = 10_000_000_000;
    waits[3].waited_ns = 9_999_999_999;
    for wait in &mut waits[4..] {
        holder(wait).exited = true;
    }
    holder(&mut waits[5]).mode = AcquireMode::Shared;
    let ids = |after| -> Vec<u64> {
        let snapshot = snapshot(waits.clone());
        let stuck = snapshot.stuck(after).into_iter();
        stuck
            .filter_map(|wait| Some(wait.thread.as_ref()?.id))
            .collect()
    };
    assert_eq!(ids(Stuck::AFTER), [3, 5]);
    assert_eq!(ids(Duration::ZERO), [3, 4, 5, 6]);
    assert_eq!(ids(Duration::MAX), [5]);
}
