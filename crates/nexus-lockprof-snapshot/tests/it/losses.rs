//! Losses.

use nexus_lockprof_snapshot::Losses;

use crate::support::everything;

#[test]
fn every_cause_is_counted_once() {
    let losses = Losses {
        stacks: 16,
        edges: 17,
        slow_events: 18,
        tasks: 19,
        interval_samples: 20,
        order: 21,
        ..everything().losses
    };
    let causes: Vec<_> = losses.iter().collect();
    let expected = [
        ("points_full", 10),
        ("shards_full", 11),
        ("reentrant", 12),
        ("thread_exit", 13),
        ("memory", 14),
        ("guards", 15),
        ("stacks", 16),
        ("edges", 17),
        ("slow_events", 18),
        ("tasks", 19),
        ("interval_samples", 20),
        ("order", 21),
    ];
    assert_eq!(causes, expected);
    assert_eq!(losses.total(), 186);
    assert!(!losses.is_empty());
}

#[test]
fn none() {
    assert!(Losses::default().is_empty());
    assert_eq!(Losses::default().total(), 0);
}

#[test]
fn the_sum_stops_at_the_most() {
    let losses = Losses {
        memory: u64::MAX,
        guards: 1,
        ..Losses::default()
    };
    assert_eq!(losses.total(), u64::MAX);
}

#[test]
fn text() {
    let one = Losses {
        guards: 1,
        ..Losses::default()
    };
    assert_eq!(one.to_string(), "1 event: guards 1");
    assert_eq!(
        everything().losses.to_string(),
        "75 events: guards 15, memory 14, thread_exit 13, reentrant 12, shards_full 11, points_full 10"
    );
}
