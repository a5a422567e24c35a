//! A thread that the others do not let in.

use super::*;
use nexus_lockprof_snapshot::{Thread, ThreadKind, ThreadRow, ThreadTime};

fn time(of: &Durations) -> ThreadTime {
    ThreadTime {
        samples: of.samples,
        total_ns: of.total_ns,
        events: of.events,
        ..ThreadTime::default()
    }
}

fn row(number: u64, waits: &[(u64, u64)], holds: &[(u64, u64)]) -> ThreadRow {
    let (wait, hold) = (times(waits), times(holds));
    ThreadRow {
        kind: ThreadKind::Live,
        thread: Some(Thread {
            id: 4_000 + number,
            name: Some(format!("worker-{number}").into()),
        }),
        number,
        threads: 1,
        acquisitions: hold.events,
        contentions: wait.events,
        wait: time(&wait),
        hold: time(&hold),
    }
}

/// Three threads of one lock with holds of 1 ms. The first waits for 80 ms each time; the others,
/// for 1 ms now and then.
fn starved() -> SnapshotParts {
    let waits = [(60, 80 * MS), (200, MS)];
    let holds = [(60, 10 * US), (8_000, MS)];
    let points = vec![point("map", 1, &waits, &holds, 5 * SECOND)];
    let threads = vec![
        row(1, &[(60, 80 * MS)], &[(60, 10 * US)]),
        row(2, &[(100, MS)], &[(4_000, MS)]),
        row(3, &[(100, MS)], &[(4_000, MS)]),
    ];
    let table = TableStats {
        shards: 3,
        ..TableStats::default()
    };
    SnapshotParts {
        threads,
        table,
        ..parts(points)
    }
}

fn found(parts: SnapshotParts) -> Finding {
    let findings = Snapshot::from_parts(parts).findings();
    assert!(!findings.is_empty());
    findings[0].clone()
}

#[test]
fn one_thread_has_most_of_the_waiting() {
    let found = found(starved());
    assert_eq!(found.kind, FindingKind::StarvedThread);
    assert_eq!(found.cost_ns, Some(48 * SECOND / 10));
    assert_eq!(found.evidence("thread_number").unwrap().value, 1.0);
    assert_eq!(
        found.text,
        "260 waits for `map` took 5.00s: 0.50 threads on average. 96% of that is the waiting of one thread, worker-1 \
         (4001): 60 waits of 80.0ms on average. With holds of at most 1.00ms that were measured, a queue of all 3 \
         threads explains 2.10ms: the others take the lock again and again before it gets its turn."
    );
    assert!(found.remedy.contains("unlock_fair()"), "{}", found.remedy);
}

/// What it waited for other locks is not known by lock, but bounded by their waiting.
#[test]
fn what_it_may_have_waited_elsewhere_does_not_count() {
    let with_other = |waited_ns: u64| {
        let mut parts = starved();
        let other = point("other", 9, &[(40, waited_ns / 40)], &[(99, US)], 0);
        parts.points.push(other);
        let first = &mut parts.threads[0];
        first.contentions += 40;
        first.wait = time(&times(&[(60, 80 * MS), (40, waited_ns / 40)]));
        found(parts)
    };
    let some = with_other(SECOND / 2);
    assert_eq!(some.kind, FindingKind::StarvedThread);
    assert!(
        some.text.contains(
            " At least 96% of that is the waiting of one thread, worker-1 (4001): at most 100 waits of at least 48.0ms \
             on average."
        ),
        "{}",
        some.text
    );
    // The others waited there: this one may have waited less for the map.
    let mut parts = starved();
    parts
        .points
        .push(point("other", 9, &[(40, 100 * MS)], &[(99, US)], 0));
    let found = found(parts);
    assert_ne!(found.kind, FindingKind::StarvedThread, "{}", found.text);
}

/// Each of these changes makes it another thing.
#[test]
fn other_waits_are_no_starvation() {
    type Change = fn(&mut SnapshotParts);
    let changes: [(&str, Change); 9] = [
        ("all threads wait alike", |parts| {
            for row in &mut parts.threads {
                row.wait = time(&times(&[(60, 27 * MS)]));
            }
        }),
        ("it has less than half of the waiting", |parts| {
            parts.table.shards = 8;
            parts.points[0].wait = times(&[(60, 80 * MS), (700, 10 * MS)]);
            parts.points[0].contentions = 760;
        }),
        ("the other one waits nearly as much", |parts| {
            parts.table.shards = 2;
            parts.points[0].wait = times(&[(60, 80 * MS), (60, 50 * MS)]);
            parts.points[0].contentions = 120;
        }),
        ("a hold is as long as its waits", |parts| {
            parts.points[0].hold = times(&[(60, 10 * US), (8_000, MS), (1, 80 * MS)]);
        }),
        ("it holds the lock itself", |parts| {
            parts.threads[0].hold = time(&times(&[(8_000, MS)]));
        }),
        ("the lock is free, and waking takes the time", |parts| {
            parts.points[0].hold = times(&[(8_060, 10 * US)]);
            parts.threads[0].hold = time(&times(&[(60, 10 * US)]));
        }),
        ("it has ended", |parts| {
            parts.threads[0].kind = ThreadKind::Ended;
        }),
        ("some waits were not measured", |parts| {
            parts.points[0].wait.unmeasured = 1;
        }),
        ("there is no other thread", |parts| parts.table.shards = 1),
    ];
    for (what, change) in changes {
        let mut parts = starved();
        change(&mut parts);
        let found = found(parts);
        assert_ne!(
            found.kind,
            FindingKind::StarvedThread,
            "{what}: {}",
            found.text
        );
    }
}

/// The longest hold of an interval is a lower bound.
#[test]
fn of_an_interval_it_says_what_it_seems() {
    let before = Snapshot::from_parts(SnapshotParts {
        collection: 0,
        elapsed_ns: 0,
        ..parts(Vec::new())
    });
    let interval = Snapshot::from_parts(starved()).since(&before).unwrap();
    let findings = interval.findings();
    assert_eq!(findings[0].kind, FindingKind::StarvedThread);
    assert!(findings[0].text.contains("the others seem to take"));
}

/// The longest hold may not have been measured.
#[test]
fn of_a_sample_it_says_what_it_seems() {
    let mut parts = starved();
    parts.points[0].hold.samples = 800;
    parts.points[0].hold.total_variance = 1e16;
    let found = found(parts);
    assert_eq!(found.kind, FindingKind::StarvedThread);
    assert!(
        found
            .text
            .ends_with("the others seem to take the lock again and again before it gets its turn."),
        "{}",
        found.text
    );
}
