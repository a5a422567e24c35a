//! Who waits, in files, merges and intervals.

use nexus_lockprof_snapshot::{
    AcquireMode, Deadlock, Holder, Lock, Merge, ReadError, Site, Snapshot, SnapshotParts, Text,
    Thread, Waiter,
};

fn thread(id: u64, name: Option<&str>) -> Option<Thread> {
    let name = name.map(Into::into);
    Some(Thread { id, name })
}

/// A waiter with everything, a task with nothing, and something in between.
fn waiters() -> Vec<Waiter> {
    let full = Waiter {
        thread: thread(41, Some("worker 1")),
        lock: Lock::Created(Site::new("src/db.rs", 3, 9)),
        address: 0xffff_8000_0000_1000,
        mode: AcquireMode::Shared,
        site: Site::new("src/db.rs", 70, 5),
        waited_ns: 3_000_000_000,
        handed: false,
        holder: Some(Holder {
            thread: thread(42, None),
            exited: false,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/main.rs", 12, 1),
            held_ns: Some(3_500_000_000),
        }),
    };
    let task = Waiter {
        thread: None,
        lock: Lock::Anonymous,
        handed: true,
        waited_ns: 2,
        holder: None,
        ..full.clone()
    };
    let mut stuck = Waiter {
        lock: Lock::Named("jobs".into()),
        waited_ns: 1,
        ..full.clone()
    };
    stuck.holder = full.holder.clone().map(|holder| Holder {
        thread: None,
        exited: true,
        held_ns: None,
        ..holder
    });
    vec![task, full, stuck]
}

fn snapshot(waiters: Vec<Waiter>, collection: u64) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        waiters,
        collection,
        ..SnapshotParts::default()
    })
}

#[test]
fn the_longest_wait_comes_first() {
    let snapshot = snapshot(waiters(), 1);
    let waits: Vec<u64> = snapshot.waiters().iter().map(|w| w.waited_ns).collect();
    assert_eq!(waits, [3_000_000_000, 2, 1]);
}

#[test]
fn a_file_keeps_all_of_a_waiter() {
    let snapshot = snapshot(waiters(), 1);
    let read = Snapshot::from_bytes(&snapshot.to_bytes().unwrap()).unwrap();
    assert_eq!(read, snapshot);
    #[cfg(feature = "json")]
    assert_eq!(
        Snapshot::from_json(&snapshot.to_json().unwrap()).unwrap(),
        snapshot
    );
}

/// A reader of a version without waiters skips the section, whose tag is in lower case.
#[test]
fn a_file_without_waiters_has_no_section_for_them() {
    let without = snapshot(Vec::new(), 1).to_bytes().unwrap();
    let with = snapshot(waiters(), 1).to_bytes().unwrap();
    let has = |file: &[u8]| file.windows(4).any(|tag| tag == b"wait");
    assert_eq!((has(&without), has(&with)), (false, true));
}

#[test]
fn a_merge_has_the_waiters_of_all() {
    let [task, full, stuck] = waiters().try_into().unwrap();
    let parts = [vec![stuck.clone(), full.clone()], vec![task.clone()]];
    let merged = Snapshot::merge(parts.map(|waiters| snapshot(waiters, 1)));
    assert_eq!(merged.waiters(), [full, task, stuck]);
}

/// As many as a reader takes, the longest waits, in any order.
#[test]
fn a_merge_of_many_waiters_can_be_read() {
    const MOST: usize = 1 << 20;
    let task = waiters().swap_remove(0);
    let of = |waited_ns| Waiter {
        waited_ns,
        ..task.clone()
    };
    let (many, one) = (
        snapshot((1..=MOST as u64).map(of).collect(), 1),
        snapshot(vec![of(u64::MAX)], 1),
    );
    let check = |merged: Snapshot| {
        let waits = merged.waiters();
        assert_eq!(waits.len(), MOST);
        assert_eq!(
            (waits[0].waited_ns, waits[MOST - 1].waited_ns),
            (u64::MAX, 2)
        );
        merged.to_bytes().unwrap()
    };
    let file = |snapshot: &Snapshot| snapshot.to_bytes().unwrap();
    let (many, one) = (file(&many), file(&one));
    let merge = |files: [&[u8]; 2]| {
        let mut merge = Merge::new();
        for file in files {
            merge.add_bytes(file).unwrap();
        }
        check(merge.finish())
    };
    let merged = merge([&many, &one]);
    assert_eq!(merge([&one, &many]), merged);
    assert!(Snapshot::from_bytes(&merged).is_ok());
}

#[test]
fn an_interval_has_the_waiters_of_its_end() {
    let later = snapshot(waiters(), 2);
    let interval = later.since(&snapshot(Vec::new(), 1)).unwrap();
    assert_eq!(interval.waiters(), later.waiters());
}

/// A few bytes of a waiter stand for five texts of any length. Both sections together have the
/// limit that points have.
#[test]
fn waiters_that_unfold_to_too_much_are_refused() {
    let long = Text::from("x".repeat(1_000_000).as_str());
    let of = |id| {
        let name = Some(long.clone());
        Some(Thread { id, name })
    };
    let waiter = |waited_ns| Waiter {
        thread: of(1),
        lock: Lock::Named(long.clone()),
        address: 1,
        mode: AcquireMode::Exclusive,
        site: Site::new(long.clone(), 1, 1),
        waited_ns,
        handed: false,
        holder: Some(Holder {
            thread: of(2),
            exited: false,
            mode: AcquireMode::Exclusive,
            site: Site::new(long.clone(), 2, 1),
            held_ns: None,
        }),
    };
    let read = |waiting: u64| {
        let waiters = (0..waiting).map(waiter).collect();
        let waits = (0..107).map(waiter).collect();
        let certain = false;
        let deadlocks = vec![Deadlock { certain, waits }];
        let snapshot = Snapshot::from_parts(SnapshotParts {
            waiters,
            deadlocks,
            ..SnapshotParts::default()
        });
        Snapshot::from_bytes(&snapshot.to_bytes().unwrap())
    };
    assert!(read(107).is_ok());
    let refused = read(108);
    assert!(
        matches!(
            refused,
            Err(ReadError::TooLarge {
                what: "bytes, unfolded",
                limit: 0x4000_0000
            })
        ),
        "{:?}",
        refused.map(|_| ())
    );
}
