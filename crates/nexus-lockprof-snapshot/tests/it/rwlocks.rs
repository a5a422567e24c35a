//! Why threads waited for reader-writer locks.

use nexus_lockprof_snapshot::{
    AcquireMode, Edge, EdgeEnd, Lock, Point, ProfilerMode, Snapshot, SnapshotParts, WaitCause,
};

use crate::support::{TestResult, named};

fn point(lock: &str, line: u32, mode: AcquireMode, contentions: u64) -> Point {
    Point {
        mode,
        acquisitions: 10,
        contentions,
        ..named(lock, line)
    }
}

fn edge(waiting: &Point, holding: &Point, waits: u64, waited_ns: u64) -> Edge {
    Edge {
        waiting: Some(EdgeEnd::from(waiting)),
        holding: EdgeEnd::from(holding),
        waits,
        waited_ns,
    }
}

fn snapshot(points: Vec<Point>, edges: Vec<Edge>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        elapsed_ns: 1_000,
        profiler_mode: ProfilerMode::Exact,
        points,
        edges,
        ..SnapshotParts::default()
    })
}

fn causes(snapshot: &Snapshot) -> Vec<(WaitCause, u64, u64)> {
    let all = snapshot.rwlocks();
    let causes = all.iter().flat_map(|of| &of.causes);
    causes
        .map(|of| (of.cause, of.waits, of.waited_ns))
        .collect()
}

/// Semaphores have only shared points, mutexes only exclusive ones, and the rest is no lock.
#[test]
fn only_reader_writer_locks_are_listed() {
    use AcquireMode::{Exclusive, Shared, Upgradable};
    for (modes, is_listed) in [
        (vec![Shared, Shared], false),
        (vec![Exclusive, Exclusive], false),
        (vec![Shared, Exclusive], true),
        (vec![Upgradable], true),
    ] {
        let of = |lock: Lock, contentions: u64| {
            let points = modes.iter().zip(1..).map(|(&mode, line)| Point {
                lock: lock.clone(),
                ..point("map", line, mode, contentions)
            });
            snapshot(points.collect(), Vec::new()).rwlocks().len()
        };
        let expected = usize::from(is_listed);
        assert_eq!(of(Lock::Named("map".into()), 1), expected, "{modes:?}");
        assert_eq!(of(Lock::Named("map".into()), 0), 0, "nobody waited");
        assert_eq!(of(Lock::rest(), 1), 0);
    }
}

/// A place that stands for upgrades and for writes divides the time behind readers.
#[test]
fn upgrades_and_writes_at_one_place_are_apart() {
    let reader = point("map", 1, AcquireMode::Shared, 0);
    let writer = Point {
        upgrade_waits: 3,
        timeouts: 1,
        ..point("map", 2, AcquireMode::Exclusive, 8)
    };
    let edges = vec![
        edge(&writer, &reader, 4, 1_001),
        edge(&writer, &writer, 2, 50),
    ];
    let found = causes(&snapshot(vec![reader, writer], edges));
    let expected = [
        (WaitCause::Upgrade, 3, 750),
        (WaitCause::WriterBehindReaders, 1, 251),
        (WaitCause::WriterBehindWriter, 2, 50),
        (WaitCause::Unknown, 3, 0),
    ];
    assert_eq!(found, expected);
}

/// The edges of a file may be anything.
#[test]
fn sums_saturate() {
    let reader = Point {
        contentions: u64::MAX,
        timeouts: u64::MAX,
        long_waits: u64::MAX,
        upgrade_waits: u64::MAX,
        ..point("map", 1, AcquireMode::Shared, 0)
    };
    let writer = Point {
        mode: AcquireMode::Exclusive,
        ..reader.clone()
    };
    let edges = [(&reader, &writer), (&writer, &reader), (&writer, &writer)];
    let edges = edges.map(|(from, to)| edge(from, to, u64::MAX, u64::MAX));
    let snapshot = snapshot(vec![reader.clone(), writer.clone()], edges.to_vec());
    let of = &snapshot.rwlocks()[0];
    assert_eq!((of.waits, of.long_waits), (u64::MAX, u64::MAX));
    assert_eq!(of.causes.len(), 3);
}

#[test]
fn json_has_them_and_ignores_them() -> TestResult {
    let reader = point("map", 1, AcquireMode::Shared, 2);
    let writer = point("map", 2, AcquireMode::Exclusive, 0);
    let edges = vec![edge(&reader, &writer, 2, 500)];
    let snapshot = snapshot(vec![reader, writer], edges);
    let json = snapshot.to_json()?;
    let document: serde_json::Value = serde_json::from_str(&json)?;
    let of = &document["rwlocks"][0];
    assert_eq!(of["waits"], 2);
    assert_eq!(of["causes"][0]["cause"], "reader_behind_writer");
    assert_eq!(of["causes"][0]["waited_ns"], 500);
    assert_eq!(Snapshot::from_json(&json)?, snapshot);
    let without = json.replace("\"rwlocks\"", "\"other\"");
    assert_eq!(Snapshot::from_json(&without)?, snapshot);
    Ok(())
}
