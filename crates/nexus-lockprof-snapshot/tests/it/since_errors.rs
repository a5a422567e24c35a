//! Snapshots that have no interval between them.

use nexus_lockprof_snapshot::{Point, SinceError, Snapshot, SnapshotParts};

use crate::since::{Edit, make};
use crate::support::{TestResult, everything, named};

#[test]
fn pairs_without_a_difference() -> TestResult {
    let base = everything();
    let whole = Snapshot::from_parts(base.clone());
    let edited = |edit: Edit<SnapshotParts>| {
        let mut parts = base.clone();
        parts.collection += 1;
        edit(&mut parts);
        Snapshot::from_parts(parts)
    };
    let cases: [(Edit<SnapshotParts>, SinceError, &str); 5] = [
        (
            |p| p.engine = 1,
            SinceError::DifferentEngine {
                earlier: base.engine,
                later: 1,
            },
            "the snapshots come from different engines, fedcba9876543210 and 0000000000000001",
        ),
        (
            |p| p.pid = 1,
            SinceError::DifferentProcess {
                earlier: 4_242,
                later: 1,
            },
            "the snapshots come from different processes, 4242 and 1",
        ),
        (
            |p| p.collection = 41,
            SinceError::EarlierIsNewer {
                earlier: 42,
                later: 41,
            },
            "the earlier snapshot (collection 42) is newer than the later one (collection 41)",
        ),
        (
            |p| p.resets = 3,
            SinceError::Reset {
                earlier: 1,
                later: 3,
            },
            "the profiler was reset between the snapshots (1 resets before one, 3 before the other)",
        ),
        (
            |p| p.elapsed_ns = 5,
            SinceError::Backwards {
                of: "the snapshot".to_owned(),
                counter: "elapsed_ns",
                earlier: 12_345_678_901,
                later: 5,
            },
            "elapsed_ns of the snapshot went backwards, from 12345678901 to 5",
        ),
    ];
    for (edit, error, message) in cases {
        assert_eq!(error.to_string(), message);
        assert_eq!(edited(edit).since(&whole), Err(error));
    }

    let interval = edited(|_| {}).since(&whole)?;
    let error = SinceError::Interval { base: 42 };
    assert_eq!(
        error.to_string(),
        "one of the two snapshots is an interval already (from collection 42), not cumulative"
    );
    assert_eq!(interval.since(&whole), Err(error.clone()));
    assert_eq!(edited(|_| {}).since(&interval), Err(error));
    Ok(())
}

/// One less than before in any single counter is refused, and the error names it.
#[test]
fn counters_that_went_backwards() {
    let point: [(&str, Edit<Point>); 12] = [
        ("acquisitions", |p| p.acquisitions -= 1),
        ("contentions", |p| p.contentions -= 1),
        ("try_failures", |p| p.try_failures -= 1),
        ("timeouts", |p| p.timeouts -= 1),
        ("cancellations", |p| p.cancellations -= 1),
        ("abandoned_wait_ns", |p| p.abandoned_wait_ns -= 1),
        ("blocked", |p| p.blocked -= 1),
        ("caused_wait_ns", |p| p.caused_wait_ns -= 1),
        ("wait.samples", |p| p.wait.samples -= 1),
        ("wait.total_ns", |p| p.wait.total_ns -= 1),
        ("hold.samples", |p| p.hold.samples -= 1),
        ("hold.total_ns", |p| p.hold.total_ns -= 1),
    ];
    let rest: [(&str, Edit<SnapshotParts>); 8] = [
        ("acquisitions", |p| p.table.acquisitions -= 1),
        ("rejected", |p| p.table.rejected -= 1),
        ("losses.points_full", |p| p.losses.points_full -= 1),
        ("losses.shards_full", |p| p.losses.shards_full -= 1),
        ("losses.reentrant", |p| p.losses.reentrant -= 1),
        ("losses.thread_exit", |p| p.losses.thread_exit -= 1),
        ("losses.memory", |p| p.losses.memory -= 1),
        ("losses.guards", |p| p.losses.guards -= 1),
    ];
    let earlier = Snapshot::from_parts(everything());
    let check = |of: &str, counter: &str, parts: SnapshotParts| match Snapshot::from_parts(parts)
        .since(&earlier)
    {
        Err(SinceError::Backwards {
            of: found,
            counter: name,
            earlier,
            later,
        }) => {
            assert_eq!((found.as_str(), name), (of, counter));
            assert_eq!(later + 1, earlier, "{counter}");
        }
        other => panic!("{counter}: {other:?}"),
    };
    for (counter, edit) in point {
        let mut parts = everything();
        parts.points.iter_mut().take(1).for_each(edit);
        check("src/app.rs:10:5 (sessions), exclusive", counter, parts);
    }
    for (counter, edit) in rest {
        let mut parts = everything();
        edit(&mut parts);
        check("the snapshot", counter, parts);
    }
}

#[test]
fn a_point_that_vanished_went_backwards() -> TestResult {
    let point = Point {
        acquisitions: 4,
        ..named("l", 1)
    };
    let error = SinceError::Backwards {
        of: "src/app.rs:1:5 (l), exclusive".to_owned(),
        counter: "acquisitions",
        earlier: 4,
        later: 0,
    };
    assert_eq!(make(2, Vec::new()).since(&make(1, vec![point])), Err(error));
    // A point without any events may disappear.
    make(2, Vec::new()).since(&make(1, vec![named("l", 1)]))?;
    Ok(())
}
