//! What makes a point of an interval, and how intervals add up.

use super::*;

/// Any single change at a point puts it into the interval.
#[test]
fn one_counter_is_enough() -> TestResult {
    let edits: [Edit<Point>; 17] = [
        |p| p.acquisitions += 1,
        |p| p.contentions += 1,
        |p| p.try_failures += 1,
        |p| p.timeouts += 1,
        |p| p.cancellations += 1,
        |p| p.abandoned_wait_ns += 1,
        |p| p.blocked += 1,
        |p| p.caused_wait_ns += 1,
        |p| p.long_waits += 1,
        |p| p.upgrade_waits += 1,
        |p| p.most_readers += 1,
        |p| p.wait.samples += 1,
        |p| p.wait.total_ns += 1,
        |p| p.wait.events += 1,
        |p| p.hold.samples += 1,
        |p| p.hold.total_ns += 1,
        |p| p.hold.events += 1,
    ];
    let earlier = Snapshot::from_parts(everything());
    for (n, edit) in edits.into_iter().enumerate() {
        let mut parts = everything();
        parts.points.iter_mut().take(1).for_each(edit);
        let interval = Snapshot::from_parts(parts).since(&earlier)?;
        assert_eq!(interval.points().len(), 1, "edit {n}");
    }
    Ok(())
}

/// Consecutive intervals add up to the whole.
#[test]
fn intervals_are_additive() -> TestResult {
    let at = |n: u64| {
        let point = Point {
            acquisitions: n * n,
            contentions: n,
            ..named("l", 1)
        };
        let losses = Losses {
            guards: 3 * n,
            ..Losses::default()
        };
        Snapshot::from_parts(SnapshotParts {
            losses,
            ..parts(n, vec![point])
        })
    };
    let mut sum = (0, 0, 0);
    for n in 0..9 {
        let interval = at(n + 1).since(&at(n))?;
        let point = interval.point("l").ok_or("no point")?;
        sum.0 += point.acquisitions;
        sum.1 += point.contentions;
        sum.2 += interval.losses().total();
    }
    assert_eq!(sum, (81, 9, 27));
    Ok(())
}
