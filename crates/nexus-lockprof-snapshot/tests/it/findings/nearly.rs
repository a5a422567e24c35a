//! Each condition of a finding, just missed: then it is another one, or none.

use super::*;

type Scene = fn() -> Vec<Point>;
type Change = fn(&mut SnapshotParts);

/// None of these changes leaves the finding that the scene has.
#[track_caller]
fn each_is_needed(kind: FindingKind, scene: Scene, changes: &[(&str, Change)]) {
    let has_it = |parts: SnapshotParts| {
        let findings = Snapshot::from_parts(parts).findings();
        findings.iter().any(|finding| finding.kind == kind)
    };
    assert!(has_it(parts(scene())), "{kind:?}");
    for (what, change) in changes {
        let mut parts = parts(scene());
        change(&mut parts);
        assert!(!has_it(parts), "{kind:?} though {what}");
    }
}

#[test]
fn of_a_long_hold() {
    each_is_needed(
        FindingKind::LongHold,
        || vec![long_hold()],
        &[
            ("the holds are short", |parts| {
                let (wait, caused) = (&[(450, 20 * MS)], 9 * SECOND);
                parts.points = vec![point("map", 1, wait, &[(8_000, 900 * US)], caused)];
            }),
            ("most of the waiting is behind others", |parts| {
                parts.points[0].caused_wait_ns = 4 * SECOND;
            }),
        ],
    );
}

#[test]
fn of_a_slow_caller() {
    each_is_needed(
        FindingKind::SlowCaller,
        slow_caller,
        &[
            ("the others hold it nearly as long", |parts| {
                parts.points[1].hold = times(&[(2_000, 2 * MS)]);
                parts.points[1].acquisitions = 2_000;
            }),
            ("there is no other caller", |parts| {
                parts.points.truncate(1);
            }),
        ],
    );
}

#[test]
fn of_a_rare_long_hold() {
    each_is_needed(
        FindingKind::RareLongHold,
        || vec![rare_long_hold()],
        &[
            ("most of the waiting is in usual waits", |parts| {
                parts.points[0].wait = times(&[(500_000, 15 * US), (20, 250 * MS)]);
                parts.points[0].contentions = 500_020;
            }),
            ("little of it is behind this place", |parts| {
                parts.points[0].caused_wait_ns = 2 * SECOND;
            }),
            (
                "the long holds were all measured, and are too short",
                |parts| {
                    parts.points[0].hold = times(&[(100_000, 2 * US), (4, 100 * US)]);
                },
            ),
        ],
    );
}

#[test]
fn of_a_rare_long_hold_that_was_not_sampled() {
    each_is_needed(
        FindingKind::RareLongHold,
        || vec![rare_long_hold_not_sampled()],
        &[
            ("few holds were measured", |parts| {
                parts.points[0].hold.samples = 19;
            }),
            ("all holds were measured", |parts| {
                parts.points[0].hold = times(&[(100_000, 2 * US)]);
            }),
            (
                "a full queue of usual holds takes as long as its waits",
                |parts| {
                    let point = &mut parts.points[0];
                    point.wait = times(&[(500, 4 * US), (90, 120 * US)]);
                    point.contentions = 590;
                    parts.elapsed_ns = 100 * MS;
                },
            ),
            ("many wait that long", |parts| {
                let point = &mut parts.points[0];
                point.wait = times(&[(500, 4 * US), (700, 10 * MS)]);
                point.contentions = 1_200;
            }),
        ],
    );
}

#[test]
fn of_a_convoy() {
    each_is_needed(
        FindingKind::Convoy,
        || vec![convoy()],
        &[
            ("there are few waits", |parts| {
                parts.points[0].wait = times(&[(99, 90 * MS)]);
                parts.points[0].contentions = 99;
                parts.points[0].acquisitions = 900;
                parts.points[0].hold = times(&[(900, 300)]);
            }),
            ("few acquisitions wait", |parts| {
                parts.points[0].acquisitions = 2_100_000;
                parts.points[0].hold = times(&[(2_100_000, 300)]);
            }),
            ("the holds are long", |parts| {
                parts.points[0].wait = times(&[(2_000, 9 * MS)]);
                parts.points[0].contentions = 2_000;
                parts.points[0].acquisitions = 6_000;
                parts.points[0].hold = times(&[(6_000, 11 * US)]);
            }),
            ("a queue of all threads explains it", |parts| {
                parts.table.shards = 200;
            }),
            ("there is no other thread", |parts| parts.table.shards = 1),
        ],
    );
}

#[test]
fn of_a_saturated_lock() {
    each_is_needed(
        FindingKind::Saturated,
        || vec![saturated(90_000)],
        &[
            ("it is free half of the time", |parts| {
                parts.elapsed_ns = 19 * SECOND;
            }),
            ("few acquisitions wait", |parts| {
                parts.points[0].wait = times(&[(8_900, 1_700 * US)]);
                parts.points[0].contentions = 8_900;
            }),
        ],
    );
}

#[test]
fn of_a_starved_writer() {
    each_is_needed(
        FindingKind::StarvedWriter,
        starved_writer,
        &[
            ("there are few waits", |parts| {
                parts.points[0].wait = times(&[(19, 260 * MS)]);
                parts.points[0].contentions = 19;
            }),
            ("ten holds of readers take as long", |parts| {
                parts.points[1].hold = times(&[(1_900, 11 * MS)]);
                parts.points[1].acquisitions = 1_900;
            }),
            ("a reader holds it as long as a usual wait", |parts| {
                parts.points[1].hold = times(&[(20_000, MS), (1, 100 * MS)]);
            }),
            ("less than half of it is behind readers", |parts| {
                parts.points[2].caused_wait_ns = 24 * SECOND / 10;
            }),
            ("the readers wait longer than the writers", |parts| {
                parts.points[1].wait = times(&[(60, 100 * MS)]);
                parts.points[1].contentions = 60;
                parts.points[2].caused_wait_ns = 11 * SECOND;
            }),
        ],
    );
}

#[test]
fn of_upgradable_reads() {
    each_is_needed(
        FindingKind::UpgradableReads,
        upgradable_reads,
        &[
            ("the waiting is behind those who write", |parts| {
                parts.points[0].caused_wait_ns = 10 * MS;
                parts.points[1].caused_wait_ns = 4 * SECOND;
            }),
            ("there are few of them", |parts| {
                parts.points[0].acquisitions = 19;
                parts.points[1].acquisitions = 1;
            }),
            ("a tenth of them is upgraded", |parts| {
                parts.points[1].acquisitions = 1_001;
            }),
        ],
    );
}

#[test]
fn of_a_try_lock_in_a_loop() {
    each_is_needed(
        FindingKind::TryLoop,
        || vec![try_loop()],
        &[
            ("it fails less than a thousand times a second", |parts| {
                parts.points[0].try_failures = 9_999;
            }),
            (
                "a program of a moment fails less than a thousand times",
                |parts| {
                    parts.elapsed_ns = SECOND / 100;
                    parts.points[0].try_failures = 999;
                    parts.points[0].acquisitions = 1;
                },
            ),
            ("one in ten succeeds", |parts| {
                parts.points[0].acquisitions = 400_001;
            }),
        ],
    );
}
