//! Which locks were waited for most, in files, merges and intervals.

use nexus_lockprof_snapshot::{Instance, Lock, ReadError, Site, Snapshot, SnapshotParts};

fn of(address: u64, waits: u64, least_ns: u64, most_ns: u64) -> Instance {
    Instance {
        lock: Lock::Named("shard".into()),
        address,
        waits,
        least_ns,
        most_ns,
    }
}

fn snapshot(collection: u64, instances: Vec<Instance>, unlisted_most_ns: u64) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        collection,
        instances,
        unlisted_most_ns,
        ..SnapshotParts::default()
    })
}

#[test]
fn the_longest_sure_wait_comes_first() {
    let taken = snapshot(1, vec![of(64, 1, 5, 90), of(128, 2, 70, 70)], 0);
    assert_eq!(taken.instances(), [of(128, 2, 70, 70), of(64, 1, 5, 90)]);
}

#[test]
fn a_file_keeps_all_of_an_instance() {
    let created = Instance {
        lock: Lock::Created(Site::new("src/shards.rs", 3, 9)),
        ..of(0x7fff_ffff_fff8, 3, 10, 11)
    };
    let taken = snapshot(1, vec![of(64, 1, 5, 90), created], 4);
    let read = Snapshot::from_bytes(&taken.to_bytes().unwrap()).unwrap();
    assert_eq!(read, taken);
    #[cfg(feature = "json")]
    assert_eq!(
        Snapshot::from_json(&taken.to_json().unwrap()).unwrap(),
        taken
    );
}

/// A reader of a version without instances skips the section, whose tag is in lower case.
#[test]
fn a_file_without_instances_has_no_section_for_them() {
    let has = |instances| {
        let file = snapshot(1, instances, 0).to_bytes().unwrap();
        file.windows(4).any(|tag| tag == b"inst")
    };
    assert_eq!((has(Vec::new()), has(vec![of(64, 1, 1, 1)])), (false, true));
}

#[test]
fn a_damaged_section_is_an_error() {
    let file = snapshot(1, vec![of(64, 1, 5, 9)], 4).to_bytes().unwrap();
    let at = file.windows(4).position(|tag| tag == b"inst").unwrap();
    // The kind of the lock: after the tag, the section's length, the bound, the number of locks and
    // the entry's length.
    let mut damaged = file.clone();
    assert_eq!(damaged[at + 8], 1);
    damaged[at + 8] = 9;
    let end = damaged.len() - 4;
    let sum = crc32fast::hash(&damaged[..end]);
    damaged[end..].copy_from_slice(&sum.to_le_bytes());
    let error = Snapshot::from_bytes(&damaged).unwrap_err();
    assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
}

/// The bounds of the difference hold whatever the truth was within its bounds.
#[test]
fn an_interval_has_bounds_of_what_was_waited_in_it() {
    let earlier = snapshot(1, vec![of(64, 10, 100, 120), of(128, 5, 50, 50)], 7);
    let later = snapshot(
        2,
        vec![of(64, 14, 300, 310), of(128, 5, 50, 50), of(192, 2, 20, 30)],
        9,
    );
    let interval = later.since(&earlier).unwrap();
    // The second one had no wait, and of the third nobody knows what it had before.
    assert_eq!(
        interval.instances(),
        [of(64, 4, 180, 210), of(192, 0, 13, 30)]
    );
    assert_eq!(interval.unlisted_most_ns(), 9);
    // Nothing was unlisted: what is new is new.
    let earlier = snapshot(1, vec![of(64, 10, 100, 120)], 0);
    let interval = later.since(&earlier).unwrap();
    assert!(interval.instances().contains(&of(192, 2, 20, 30)));
}

/// One address is two locks in two processes.
#[test]
fn a_merge_lists_the_locks_of_all_files() {
    let one = snapshot(1, vec![of(64, 1, 10, 10)], 3);
    let other = snapshot(1, vec![of(64, 2, 20, 20)], 5);
    let merged = Snapshot::merge([one.clone(), other.clone()]);
    assert_eq!(merged.instances(), [of(64, 2, 20, 20), of(64, 1, 10, 10)]);
    assert_eq!(merged.unlisted_most_ns(), 5);
    assert_eq!(
        Snapshot::merge([other, one]).instances(),
        merged.instances()
    );
    // What has no room is still bounded.
    let many = (1..=2_000).map(|i| of(64 * i, 1, i, i)).collect();
    let bounded = snapshot(1, many, 0);
    assert_eq!(bounded.instances().len(), 1_024);
    assert_eq!(bounded.unlisted_most_ns(), 976);
}
