//! What each thread has done, in files, merges and intervals.

use nexus_lockprof_snapshot::{
    IntervalStart, ReadError, Snapshot, SnapshotParts, Thread, ThreadKind, ThreadRow, ThreadTime,
};

/// A thread with these acquisitions, each of which waited 10 ns and held for 5.
fn live(number: u64, acquisitions: u64) -> ThreadRow {
    ThreadRow {
        kind: ThreadKind::Live,
        thread: Some(Thread {
            id: 4_000 + number,
            name: (number % 2 == 1).then(|| format!("worker {number}").into()),
        }),
        number,
        threads: 1,
        ..several(ThreadKind::Live, 1, acquisitions)
    }
}

fn several(kind: ThreadKind, threads: u64, acquisitions: u64) -> ThreadRow {
    let time = |ns| ThreadTime {
        samples: acquisitions,
        events: acquisitions,
        total_ns: acquisitions * ns,
        ..ThreadTime::default()
    };
    ThreadRow {
        kind,
        threads,
        acquisitions,
        contentions: acquisitions,
        wait: time(10),
        hold: time(5),
        ..ThreadRow::default()
    }
}

fn snapshot(collection: u64, threads: Vec<ThreadRow>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        threads,
        collection,
        ..SnapshotParts::default()
    })
}

#[test]
fn the_thread_that_waited_longest_comes_first_and_sums_come_last() {
    let ended = several(ThreadKind::Ended, 2, 90);
    let taken = snapshot(1, vec![ended.clone(), live(1, 3), live(2, 70), ended]);
    let both = several(ThreadKind::Ended, 4, 180);
    assert_eq!(taken.threads(), [live(2, 70), live(1, 3), both]);
}

#[test]
fn a_file_keeps_all_of_a_thread() {
    let mut estimated = live(3, 8);
    estimated.hold.total_variance = 123.5;
    estimated.hold.longest_sampled_ns = 7;
    estimated.wait.unmeasured = 2;
    let ended = several(ThreadKind::Ended, 9, 11);
    let taken = snapshot(1, vec![live(1, 5), estimated, live(4, 6), ended]);
    let read = Snapshot::from_bytes(&taken.to_bytes().unwrap()).unwrap();
    assert_eq!(read, taken);
    #[cfg(feature = "json")]
    assert_eq!(
        Snapshot::from_json(&taken.to_json().unwrap()).unwrap(),
        taken
    );
}

/// A reader of a version without threads skips the section, whose tag is in lower case.
#[test]
fn a_file_without_threads_has_no_section_for_them() {
    let has = |threads| {
        let file = snapshot(1, threads).to_bytes().unwrap();
        file.windows(4).any(|tag| tag == b"thrd")
    };
    assert_eq!((has(Vec::new()), has(vec![live(1, 1)])), (false, true));
}

#[test]
fn a_damaged_section_is_an_error() {
    let taken = snapshot(1, vec![live(1, 5), several(ThreadKind::Others, 2, 3)]);
    let file = taken.to_bytes().unwrap();
    let at = file.windows(4).position(|tag| tag == b"thrd").unwrap();
    // The first row's mask: after the tag, the section's length, the number of rows and the row's
    // length.
    let mut damaged = file.clone();
    assert_eq!(damaged[at + 7], 1);
    damaged[at + 7] = 3;
    let end = damaged.len() - 4;
    let sum = crc32fast::hash(&damaged[..end]);
    damaged[end..].copy_from_slice(&sum.to_le_bytes());
    let error = Snapshot::from_bytes(&damaged).unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { .. }),
        "{error}: {error:?}"
    );
}

/// A file has the rows of 1,024 threads, and loses nothing of the others.
#[test]
fn a_file_sums_up_the_threads_beyond_its_bound() {
    let threads: Vec<ThreadRow> = (1..=1_500).map(|n| live(n, n)).collect();
    let taken = snapshot(1, threads);
    let read = Snapshot::from_bytes(&taken.to_bytes().unwrap()).unwrap();
    assert_eq!(read.threads()[..1_024], taken.threads()[..1_024]);
    // Those with the fewest: 1 to 476.
    let others = several(ThreadKind::Others, 476, 476 * 477 / 2);
    assert_eq!(read.threads()[1_024..], [others]);
}

#[test]
fn an_interval_has_what_each_thread_did_in_it() {
    let earlier = snapshot(
        1,
        vec![live(1, 5), live(2, 7), several(ThreadKind::Ended, 3, 100)],
    );
    // The first goes on, the second has ended after 2 more, and so has one that the earlier
    // snapshot did not know.
    let later = snapshot(
        2,
        vec![live(1, 9), live(4, 6), several(ThreadKind::Ended, 5, 120)],
    );
    let interval = later.since(&earlier).unwrap();
    assert_eq!(
        interval.threads(),
        [live(4, 6), live(1, 4), several(ThreadKind::Ended, 2, 13)]
    );
}

/// If a file left threads out, nobody knows which part of a new one is new. The sums stay right.
#[test]
fn an_interval_of_bounded_files_keeps_the_sums() {
    let earlier = snapshot(1, vec![live(1, 5), several(ThreadKind::Others, 3, 50)]);
    let later = snapshot(
        2,
        vec![live(1, 6), live(2, 20), several(ThreadKind::Others, 2, 40)],
    );
    let interval = later.since(&earlier).unwrap();
    // The second, and the two that the later file left out.
    let others = ThreadRow {
        threads: 3,
        ..several(ThreadKind::Others, 0, 10)
    };
    assert_eq!(interval.threads(), [live(1, 1), others]);
}

/// The row of the others has their number, with those that ended meanwhile.
#[test]
fn an_interval_of_files_with_many_threads_says_how_many_the_others_are() {
    let file = |collection, each: u64, ended: u64| {
        let threads = (1..=2_000).map(|n| live(n, each * n));
        let ended = several(ThreadKind::Ended, ended, ended);
        let taken = snapshot(collection, threads.chain([ended]).collect());
        Snapshot::from_bytes(&taken.to_bytes().unwrap()).unwrap()
    };
    let interval = file(2, 3, 9).since(&file(1, 1, 4)).unwrap();
    let [live @ .., others] = interval.threads() else {
        panic!("{:?}", interval.threads())
    };
    assert_eq!(live.len(), 1_024);
    let figures = (others.kind, others.threads, others.acquisitions);
    let acquisitions = 2 * (976 * 977 / 2) + 5;
    assert_eq!(figures, (ThreadKind::Others, 976 + 5, acquisitions));
}

/// The others of both parts are the same threads, and not twice as many.
#[test]
fn an_interval_with_a_reset_counts_the_others_once() {
    let taken = |collection, resets, acquisitions| {
        Snapshot::from_parts(SnapshotParts {
            threads: vec![several(ThreadKind::Others, 4, acquisitions)],
            collection,
            resets,
            ..SnapshotParts::default()
        })
    };
    let mut start = IntervalStart::default();
    let none = |_: &_| Default::default();
    start.advance(&taken(1, 0, 5), true, none).unwrap();
    start.reset(&taken(2, 0, 8), true, none);
    let interval = start.advance(&taken(3, 1, 6), true, none).unwrap();
    assert_eq!(interval.threads(), [several(ThreadKind::Others, 4, 3 + 6)]);
}

/// A thread that left its shard and came back was among those that have ended meanwhile.
#[test]
fn an_interval_in_which_a_thread_comes_back_keeps_the_sums() {
    let earlier = snapshot(1, vec![several(ThreadKind::Ended, 1, 50)]);
    let later = snapshot(2, vec![live(1, 53)]);
    let interval = later.since(&earlier).unwrap();
    let [row] = interval.threads() else {
        panic!("{:?}", interval.threads())
    };
    assert_eq!((row.acquisitions, row.wait.total_ns), (3, 30));
}

/// Threads of several processes have no rows of their own.
#[test]
fn a_merge_sums_up_threads() {
    let one = snapshot(1, vec![live(1, 5), several(ThreadKind::Ended, 1, 2)]);
    let other = snapshot(1, vec![live(1, 7), live(2, 1)]);
    let sums = [
        several(ThreadKind::Ended, 1, 2),
        several(ThreadKind::Others, 3, 13),
    ];
    let merged = Snapshot::merge([one.clone(), other.clone()]);
    assert_eq!(merged.threads(), sums);
    assert_eq!(Snapshot::merge([other, one.clone()]).threads(), sums);
    assert_eq!(Snapshot::merge([one.clone()]).threads(), one.threads());
}
