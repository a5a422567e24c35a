//! The gauges of those who wait now.

use nexus_lockprof_export::prometheus;
use nexus_lockprof_snapshot::{AcquireMode, Point, Site, Snapshot, SnapshotParts, Waiter};

use crate::rich::named;

fn waiter(lock: &str, line: u32, waited_ns: u64) -> Waiter {
    Waiter {
        thread: None,
        lock: named(lock),
        address: 0x1000,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/a.rs", line, 9),
        waited_ns,
        handed: false,
        holder: None,
    }
}

fn point(lock: &str, line: u32, acquisitions: u64) -> Point {
    Point {
        acquisitions,
        ..waiter(lock, line, 0).point()
    }
}

fn snapshot(points: Vec<Point>, waiters: Vec<Waiter>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        points,
        waiters,
        ..SnapshotParts::default()
    })
}

/// The lines of both gauges, without what all have in common.
fn gauges(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| {
        line.starts_with("lockprof_waiters") || line.starts_with("lockprof_longest_wait_seconds")
    });
    lines
        .map(|line| line.replace(r#",mode="exclusive""#, ""))
        .collect()
}

#[test]
fn each_place_has_its_own() {
    let points = vec![point("accounts", 7, 3), point("accounts", 8, 2)];
    let waiters = vec![
        waiter("accounts", 8, 1_500_000_000),
        waiter("accounts", 8, 61_000_000_000),
        // Nobody has acquired it there yet: it is no point.
        waiter("audit", 9, 2_000_000),
    ];
    let text = prometheus::text(&snapshot(points, waiters)).to_string();
    assert_eq!(
        gauges(&text),
        [
            r#"lockprof_waiters{lock="accounts",site="src/a.rs:7"} 0"#,
            r#"lockprof_waiters{lock="accounts",site="src/a.rs:8"} 2"#,
            r#"lockprof_waiters{lock="audit",site="src/a.rs:9"} 1"#,
            r#"lockprof_longest_wait_seconds{lock="accounts",site="src/a.rs:7"} 0"#,
            r#"lockprof_longest_wait_seconds{lock="accounts",site="src/a.rs:8"} 61"#,
            r#"lockprof_longest_wait_seconds{lock="audit",site="src/a.rs:9"} 0.002"#,
        ]
    );
    assert!(text.contains(
        "# HELP lockprof_waiters Threads and tasks that wait at this moment.\n# TYPE lockprof_waiters gauge\n"
    ));
}

/// However many places there are, the series are bounded, and their sum and maximum are those of
/// all who wait.
#[test]
fn there_are_at_most_twenty_more() {
    let points = vec![point("a", 1, 9), point("b", 2, 5), point("c", 3, 1)];
    let waiters: Vec<Waiter> = (0..100)
        .map(|line| waiter("late", 100 + line, u64::from(line) * 1_000_000_000))
        .collect();
    let all = snapshot(points, waiters);
    for top in [2, 9] {
        let text = prometheus::text(&all).top(top).to_string();
        let gauges = gauges(&text);
        let number = |name: &str| -> Vec<u64> {
            let of = gauges.iter().filter(|line| line.starts_with(name));
            let numbers = of.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok());
            numbers.collect()
        };
        let waiters = number("lockprof_waiters");
        // The points, the place of the rest, and twenty more.
        assert_eq!(waiters.len(), top.min(3) + 1 + 20, "{gauges:?}");
        assert_eq!(waiters.iter().sum::<u64>(), 100);
        assert_eq!(
            number("lockprof_longest_wait_seconds").into_iter().max(),
            Some(99)
        );
        for line in [
            r#"lockprof_waiters{lock="other",site="other",mode="other"} 80"#,
            r#"lockprof_longest_wait_seconds{lock="other",site="other",mode="other"} 79"#,
            r#"lockprof_waiters{lock="late",site="src/a.rs:199"} 1"#,
        ] {
            assert!(gauges.contains(&line.to_owned()), "{line} {gauges:?}");
        }
    }
}
