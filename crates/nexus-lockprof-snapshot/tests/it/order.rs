//! The order of locks, in files, merges and intervals.

use nexus_lockprof_snapshot::{
    AcquireMode, EdgeEnd, Lock, LockPair, PotentialDeadlock, Site, Snapshot, SnapshotParts, Thread,
};

fn end(lock: Lock, mode: AcquireMode, line: u32) -> EdgeEnd {
    let site = Site::new("src/bank.rs", line, 5);
    EdgeEnd { lock, mode, site }
}

/// A pair with everything, and one with little.
fn pairs() -> Vec<LockPair> {
    let named = |name: &str| Lock::Named(name.into());
    let full = LockPair {
        held: end(named("accounts"), AcquireMode::Shared, 17),
        wanted: end(named("accounts"), AcquireMode::Shared, 19),
        same_lock: true,
        guarded: true,
        thread: Some(Thread {
            id: 41,
            name: Some("transfer".into()),
        }),
        count: 1 << 40,
    };
    let little = LockPair {
        held: end(Lock::Anonymous, AcquireMode::Exclusive, 1),
        wanted: end(
            Lock::Created(Site::new("src/db.rs", 3, 9)),
            AcquireMode::Upgradable,
            2,
        ),
        same_lock: false,
        guarded: false,
        thread: None,
        count: 1,
    };
    vec![full, little]
}

fn snapshot(pairs: Vec<LockPair>, collection: u64) -> Snapshot {
    let potential = |pair: &LockPair| PotentialDeadlock {
        needs_writer: pair.same_lock,
        steps: vec![pair.clone()],
    };
    Snapshot::from_parts(SnapshotParts {
        potential_deadlocks: pairs.iter().map(potential).collect(),
        lock_order: pairs,
        collection,
        ..SnapshotParts::default()
    })
}

#[test]
fn a_file_keeps_all_of_it() {
    let snapshot = snapshot(pairs(), 1);
    assert_eq!(snapshot.lock_order().len(), 2);
    assert_eq!(snapshot.potential_deadlocks().len(), 2);
    let file = snapshot.to_bytes().unwrap();
    assert_eq!(Snapshot::from_bytes(&file).unwrap(), snapshot);
}

#[test]
fn json_keeps_all_of_it() {
    let snapshot = snapshot(pairs(), 1);
    let json = snapshot.to_json().unwrap();
    assert_eq!(Snapshot::from_json(&json).unwrap(), snapshot);
    assert!(
        json.contains("\"lock_order\":[{\"held\":{\"lock\":"),
        "{json}"
    );
    assert!(json.contains("\"potential_deadlocks\":[{"), "{json}");
}

#[test]
fn a_file_without_it_has_no_sections() {
    let has = |pairs, tag: &[u8; 4]| {
        let file = snapshot(pairs, 1).to_bytes().unwrap();
        file.windows(4).any(|bytes| bytes == tag)
    };
    for tag in [b"ordr", b"potl"] {
        assert_eq!((has(Vec::new(), tag), has(pairs(), tag)), (false, true));
    }
}

#[test]
fn a_merge_adds_up_the_same_pairs() {
    let pairs = pairs();
    let mut later = pairs.clone();
    later[0].count = 2;
    later[0].wanted.site.line = 18;
    let merged = Snapshot::merge([snapshot(later, 1), snapshot(pairs.clone(), 1)]);
    let counts: Vec<u64> = merged.lock_order().iter().map(|pair| pair.count).collect();
    assert_eq!(counts, [(1 << 40) + 2, 2]);
    // The smaller place stays.
    assert_eq!(merged.lock_order()[0].wanted.site.line, 18);
    assert_eq!(merged.potential_deadlocks().len(), 2);
}

#[test]
fn an_interval_has_that_of_its_end() {
    let later = snapshot(pairs(), 2);
    let interval = later.since(&snapshot(pairs(), 1)).unwrap();
    assert_eq!(interval.lock_order(), later.lock_order());
    assert_eq!(interval.potential_deadlocks(), later.potential_deadlocks());
}

#[test]
fn too_many_pairs_are_left_out_and_refused() {
    const MOST: usize = 1 << 16;
    let pair = pairs().swap_remove(1);
    let of = |line| LockPair {
        held: end(
            Lock::Created(Site::new("src/db.rs", line, 9)),
            AcquireMode::Exclusive,
            1,
        ),
        ..pair.clone()
    };
    let snapshot = snapshot((0..MOST as u32 + 1).map(of).collect(), 1);
    assert_eq!(snapshot.lock_order().len(), MOST);
    assert_eq!(snapshot.potential_deadlocks().len(), MOST);
    let file = snapshot.to_bytes().unwrap();
    assert!(Snapshot::from_bytes(&file).is_ok());
}

#[test]
fn a_recursive_read_is_told_apart() {
    let [full, little] = <[LockPair; 2]>::try_from(pairs()).unwrap();
    let of = |pair: &LockPair| PotentialDeadlock {
        needs_writer: true,
        steps: vec![pair.clone()],
    };
    assert_eq!(
        of(&full).to_string(),
        "lock.order kind=recursive_read locks=1 \
         cycle=src/bank.rs:17(accounts)+src/bank.rs:19(accounts) needs_writer=true"
    );
    assert_eq!(of(&little).kind(), "inversion");
}
