//! The counters of why threads waited for reader-writer locks.

use nexus_lockprof_export::prometheus::{self, Scrapes};
use nexus_lockprof_snapshot::{AcquireMode, Edge, EdgeEnd, Point, Site, Snapshot, SnapshotParts};

use crate::rich::named;

use AcquireMode::{Exclusive, Shared, Upgradable};

fn point(lock: &str, mode: AcquireMode, line: u32, contentions: u64) -> Point {
    Point {
        acquisitions: 100,
        contentions,
        ..Point::new(named(lock), mode, Site::new("src/a.rs", line, 9))
    }
}

fn edge(waiting: &Point, holding: &Point, waits: u64) -> Edge {
    Edge {
        waiting: Some(EdgeEnd::from(waiting)),
        holding: EdgeEnd::from(holding),
        waits,
        waited_ns: waits * 500_000_000,
    }
}

/// One lock with each cause that its points can have, and a mutex.
fn every_cause(of_write_behind_readers: u64) -> SnapshotParts {
    let reader = point("map", Shared, 1, 7);
    let writer = point("map", Exclusive, 2, 20);
    let upgradable = point("map", Upgradable, 3, 6);
    let upgrade = Point {
        upgrade_waits: 4,
        ..point("map", Exclusive, 4, 4)
    };
    let mutex = point("queue", Exclusive, 5, 9);
    let edges = vec![
        edge(&writer, &reader, of_write_behind_readers),
        edge(&writer, &writer, 2),
        edge(&writer, &upgradable, 1),
        edge(&reader, &writer, 4),
        edge(&reader, &reader, 3),
        edge(&upgradable, &writer, 1),
        edge(&upgradable, &upgradable, 2),
        edge(&upgradable, &reader, 3),
        edge(&upgrade, &reader, 4),
        edge(&mutex, &mutex, 9),
    ];
    SnapshotParts {
        points: vec![reader, writer, upgradable, upgrade, mutex],
        edges,
        ..SnapshotParts::default()
    }
}

/// The lines of both counters, without the file.
fn counters(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter(|line| line.starts_with("lockprof_rwlock"));
    lines.map(|line| line.replace("src/a.rs:", "")).collect()
}

#[test]
fn each_cause_has_its_own() {
    let text = prometheus::text(&Snapshot::from_parts(every_cause(10))).to_string();
    let counters = counters(&text);
    let expected = [
        ("1", "shared", "reader_behind_waiting_writer", 3, "1.5"),
        ("1", "shared", "reader_behind_writer", 4, "2"),
        ("2", "exclusive", "writer_behind_readers", 10, "5"),
        ("2", "exclusive", "writer_behind_upgradable", 1, "0.5"),
        ("2", "exclusive", "writer_behind_writer", 2, "1"),
        ("3", "upgradable", "upgradable_behind_upgradable", 2, "1"),
        (
            "3",
            "upgradable",
            "upgradable_behind_waiting_writer",
            3,
            "1.5",
        ),
        ("3", "upgradable", "upgradable_behind_writer", 1, "0.5"),
        ("4", "exclusive", "upgrade", 4, "2"),
    ];
    let labels = expected.map(|(site, mode, cause, ..)| {
        format!(r#"{{lock="map",site="{site}",mode="{mode}",cause="{cause}"}}"#)
    });
    let waits = expected.iter().zip(&labels);
    let waits = waits.map(|(of, labels)| format!("lockprof_rwlock_waits_total{labels} {}", of.3));
    let times = expected.iter().zip(&labels);
    let times =
        times.map(|(of, labels)| format!("lockprof_rwlock_wait_seconds_total{labels} {}", of.4));
    // Seven of the writer's waits have no known cause, and the mutex has none.
    assert_eq!(counters, waits.chain(times).collect::<Vec<_>>());
}

/// In protobuf too, and never for a mutex.
#[test]
fn the_families_are_those_of_the_text() {
    let of = |parts: SnapshotParts| {
        let snapshot = Snapshot::from_parts(parts);
        let bytes = prometheus::text(&snapshot).to_protobuf();
        let bytes = String::from_utf8_lossy(&bytes).into_owned();
        [
            "lockprof_rwlock_waits_total",
            "lockprof_rwlock_wait_seconds_total",
        ]
        .map(|name| bytes.contains(name))
    };
    assert_eq!(of(every_cause(10)), [true; 2]);
    let mutex = point("queue", Exclusive, 5, 9);
    let edges = vec![edge(&mutex, &mutex, 9)];
    let points = vec![mutex];
    let only_mutex = SnapshotParts {
        points,
        edges,
        ..SnapshotParts::default()
    };
    assert_eq!(of(only_mutex), [false; 2]);
}

#[test]
fn what_is_folded_is_one_series_a_cause() {
    let snapshot = Snapshot::from_parts(every_cause(10));
    let text = prometheus::text(&snapshot).top(0).to_string();
    let counters = counters(&text);
    assert_eq!(counters.len(), 2 * 9, "{counters:?}");
    let others = r#"{lock="other",site="other",mode="other",cause="#;
    assert!(counters.iter().all(|line| line.contains(others)));
    let folded = r#"lockprof_rwlock_waits_total{lock="other",site="other",mode="other",cause="writer_behind_readers"} 10"#;
    assert!(counters.contains(&folded.to_owned()), "{counters:?}");
}

/// A snapshot may forget an edge. What was shown stays, until the statistics are reset.
#[test]
fn from_scrape_to_scrape_they_only_grow() {
    let mut scrapes = Scrapes::new();
    let mut shown = |parts: SnapshotParts| {
        let text = scrapes.text(&Snapshot::from_parts(parts)).to_string();
        let behind = r#"lockprof_rwlock_waits_total{lock="map",site="2",mode="exclusive",cause="writer_behind_readers"} "#;
        let all = counters(&text);
        let line = all.iter().find_map(|line| line.strip_prefix(behind));
        line.map(str::to_owned)
    };
    let seen = [10, 12, 0, 5, 13].map(|waits| shown(every_cause(waits)));
    let expected = ["10", "12", "12", "12", "13"];
    assert_eq!(seen, expected.map(|waits| Some(waits.to_owned())));
    let reset = SnapshotParts {
        resets: 1,
        ..every_cause(2)
    };
    assert_eq!(shown(reset), Some("2".to_owned()));
}
