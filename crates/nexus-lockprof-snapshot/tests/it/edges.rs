//! Edges: in documents and files, merged, subtracted and filtered.

use nexus_lockprof_snapshot::{
    AcquireMode, Edge, EdgeEnd, Lock, Merge, Point, ReadError, SinceError, Site, Snapshot,
    SnapshotParts,
};

use crate::support::{Random, TestResult, named};

fn end(name: &str, line: u32) -> EdgeEnd {
    EdgeEnd::from(&named(name, line))
}

fn rest(site: Site) -> EdgeEnd {
    EdgeEnd {
        lock: Lock::rest(),
        mode: AcquireMode::Exclusive,
        site,
    }
}

fn edge(from: u32, to: u32, waits: u64, waited_ns: u64) -> Edge {
    Edge {
        waiting: Some(end("l", from)),
        holding: end("l", to),
        waits,
        waited_ns,
    }
}

/// From the points for which there is no room.
fn edge_from_all(to: u32, waits: u64, waited_ns: u64) -> Edge {
    Edge {
        waiting: None,
        ..edge(0, to, waits, waited_ns)
    }
}

fn at(collection: u64, edges: Vec<Edge>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        collection,
        edges,
        ..SnapshotParts::default()
    })
}

/// Edges of every kind, with ends that look alike.
fn many() -> Vec<Edge> {
    let created = Lock::Created(Site::new("src/\"odd\" dir/größe.rs", 9, 17));
    let of = |lock: &Lock, mode, line| EdgeEnd {
        lock: lock.clone(),
        mode,
        site: Site::new("src/app.rs", line, 5),
    };
    let locks = [
        Lock::Anonymous,
        created,
        Lock::FirstUsed(Site::new("b.rs", 1, 1)),
    ];
    let mut edges = vec![
        edge(1, 2, u64::MAX, u64::MAX),
        edge_from_all(2, 7, 0),
        Edge {
            waiting: Some(end("l", 1)),
            holding: rest(Site::readers()),
            waits: 0,
            waited_ns: 1,
        },
    ];
    for lock in &locks {
        for (waiting, holding) in [
            (AcquireMode::Shared, AcquireMode::Exclusive),
            (AcquireMode::Upgradable, AcquireMode::Shared),
        ] {
            edges.push(Edge {
                waiting: Some(of(lock, waiting, 1)),
                holding: of(lock, holding, 2),
                waits: 3,
                waited_ns: 1_000,
            });
        }
    }
    edges
}

#[test]
fn documents_and_files() -> TestResult {
    let mut parts = SnapshotParts {
        edges: many(),
        ..SnapshotParts::default()
    };
    parts.losses.edges = 3;
    let whole = Snapshot::from_parts(parts);
    assert_eq!(whole.edges().len(), many().len());
    let json = whole.to_json()?;
    assert_eq!(Snapshot::from_json(&json)?, whole);
    assert_eq!(Snapshot::from_bytes(&whole.to_bytes()?)?, whole);
    let text = r#""edges":[{"waiting":{"lock":{"named":"l"},"mode":"exclusive","site":{"file":"src/app.rs","line":1,"column":5}},"holding":{"lock":"#;
    assert!(json.contains(text), "{json}");
    // Neither a waiting point nor a time, if there is none.
    let of_all = r#"{"holding":{"lock":{"named":"l"},"mode":"exclusive","site":{"file":"src/app.rs","line":2,"column":5}},"waits":7}"#;
    assert!(json.contains(of_all), "{json}");
    assert!(json.contains(r#""guards":0,"edges":3}"#), "{json}");
    // Without edges, neither form mentions them.
    let none = at(1, Vec::new());
    assert!(!none.to_json()?.contains("edges"));
    assert!(
        !none
            .to_bytes()?
            .windows(4)
            .any(|letters| letters == b"edge")
    );
    Ok(())
}

/// A reader of a version without edges skips the section, and one that ends early is an error.
#[test]
fn a_damaged_section_is_an_error() -> TestResult {
    let bytes = at(1, many()).to_bytes()?;
    let tag = bytes.windows(4).position(|letters| letters == b"edge");
    let tag = tag.unwrap();
    // Sections that no reader knows are skipped, so this one is, too, under another name.
    let mut other = bytes.clone();
    other[tag..tag + 4].copy_from_slice(b"egde");
    let sum = crc(&other);
    assert_eq!(Snapshot::from_bytes(&with_sum(other, sum))?.edges(), []);
    let mut random = Random(7);
    for _ in 0..2_000 {
        let mut damaged = bytes.clone();
        let at = tag + 4 + random.below((bytes.len() - tag - 4) as u64) as usize;
        damaged[at] = random.next() as u8;
        let sum = crc(&damaged);
        match Snapshot::from_bytes(&with_sum(damaged, sum)) {
            Ok(snapshot) => assert!(snapshot.edges().len() <= many().len() + 200),
            Err(error) => assert!(!matches!(error, ReadError::Foreign { .. }), "{error}"),
        }
    }
    Ok(())
}

/// The checksum that a file with these bytes should end with.
fn crc(bytes: &[u8]) -> u32 {
    let covered = bytes.get(..bytes.len() - 4).unwrap_or_default();
    let mut crc = u32::MAX;
    for byte in covered {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
        }
    }
    !crc
}

fn with_sum(mut bytes: Vec<u8>, sum: u32) -> Vec<u8> {
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn alike_ones_are_merged_and_the_longest_is_first() {
    let snapshot = at(
        1,
        vec![
            edge(1, 2, 1, 10),
            edge(2, 1, 5, 30),
            edge_from_all(2, 9, 10),
            edge(1, 2, 2, 15),
            edge(3, 3, 0, 0),
        ],
    );
    let expected = [
        edge(2, 1, 5, 30),
        edge(1, 2, 3, 25),
        edge_from_all(2, 9, 10),
    ];
    assert_eq!(snapshot.edges(), expected);
    let from: Vec<&Edge> = snapshot.edges_from(&named("l", 1)).collect();
    assert_eq!(from, [&expected[1]]);
}

#[test]
fn merges() -> TestResult {
    let a = at(1, vec![edge(1, 2, 1, 10), edge_from_all(2, 1, 1)]);
    let b = at(1, vec![edge(1, 2, 2, 20), edge(2, 1, 4, 4)]);
    let expected = [edge(1, 2, 3, 30), edge(2, 1, 4, 4), edge_from_all(2, 1, 1)];
    let merged = Snapshot::merge([a.clone(), b.clone()]);
    assert_eq!(merged.edges(), expected);
    assert_eq!(Snapshot::merge([b.clone(), a.clone()]).edges(), expected);
    // The same from files, and from merges of parts.
    let mut of_files = Merge::new();
    of_files.add_bytes(&a.to_bytes()?)?;
    let mut other = Merge::new();
    other.add_bytes(&b.to_bytes()?)?;
    of_files.append(other);
    assert_eq!(of_files.finish(), merged);
    Ok(())
}

#[test]
fn ends_are_called_as_their_points() -> TestResult {
    let of = |home: &str| {
        let file = format!("{home}/.cargo/registry/src/index-1/pool-1.0.0/src/lib.rs");
        let point = Point {
            acquisitions: 1,
            ..Point::new(
                Lock::Named("pool".into()),
                AcquireMode::Exclusive,
                Site::new(file, 7, 9),
            )
        };
        let end = EdgeEnd::from(&point);
        let edge = Edge {
            waiting: Some(end.clone()),
            holding: end,
            waits: 1,
            waited_ns: 5,
        };
        (point, edge)
    };
    let snapshot = |homes: &[&str]| {
        let (points, edges) = homes.iter().map(|home| of(home)).unzip();
        Snapshot::from_parts(SnapshotParts {
            points,
            edges,
            ..SnapshotParts::default()
        })
    };
    let called = |snapshot: &Snapshot| {
        let point = snapshot.points().first().map(EdgeEnd::from);
        let [edge] = snapshot.edges() else {
            panic!("{:?}", snapshot.edges())
        };
        assert_eq!(edge.waiting, point);
        assert_eq!(Some(&edge.holding), point.as_ref());
        (edge.holding.site.file.to_string(), edge.waits)
    };
    // One machine's paths stay, two machines' become portable.
    let (a, b) = (snapshot(&["/home/a"]), snapshot(&["/root"]));
    let own = "/root/.cargo/registry/src/index-1/pool-1.0.0/src/lib.rs";
    let same = Snapshot::merge([b.clone(), b.clone()]);
    assert_eq!(called(&same), (own.to_owned(), 2));
    let portable = ("pool-1.0.0/src/lib.rs".to_owned(), 2);
    assert_eq!(called(&Snapshot::merge([a, b])), portable);
    assert_eq!(
        called(&snapshot(&["/home/a", "/root"]).portable()),
        portable
    );
    Ok(())
}

#[test]
fn intervals() -> TestResult {
    let earlier = at(1, vec![edge(1, 2, 2, 20), edge(2, 1, 3, 30)]);
    let later = at(
        2,
        vec![edge(1, 2, 7, 25), edge(2, 1, 3, 30), edge(3, 1, 1, 1)],
    );
    let interval = later.since(&earlier)?;
    assert_eq!(interval.edges(), [edge(1, 2, 5, 5), edge(3, 1, 1, 1)]);
    let of = "src/app.rs:1 (l) behind src/app.rs:2 (l)".to_owned();
    for (now, counter, before, after) in [
        (vec![edge(1, 2, 1, 20)], "edges.waits", 2, 1),
        (vec![edge(1, 2, 2, 19)], "edges.waited_ns", 20, 19),
        (vec![], "edges.waits", 2, 0),
    ] {
        let error = at(2, now).since(&at(1, vec![edge(1, 2, 2, 20)]));
        let expected = SinceError::Backwards {
            of: of.clone(),
            counter,
            earlier: before,
            later: after,
        };
        assert_eq!(error, Err(expected));
    }
    Ok(())
}

/// An edge may join that of all other points, or that of the rest, between two snapshots.
#[test]
fn an_edge_that_has_joined_another_is_subtracted_there() -> TestResult {
    let earlier = at(1, vec![edge(1, 2, 5, 50), edge_from_all(2, 1, 10)]);
    let later = at(2, vec![edge_from_all(2, 8, 90)]);
    assert_eq!(later.since(&earlier)?.edges(), [edge_from_all(2, 2, 30)]);
    // It came back with new figures.
    let later = at(2, vec![edge(1, 2, 1, 1), edge_from_all(2, 8, 90)]);
    let expected = [edge_from_all(2, 2, 30), edge(1, 2, 1, 1)];
    assert_eq!(later.since(&earlier)?.edges(), expected);
    // Nobody can know which edge has its figures.
    let later = at(2, vec![edge(1, 2, 1, 1), edge(3, 2, 7, 89)]);
    let earlier = at(1, vec![edge(1, 2, 5, 50)]);
    let expected = [edge(3, 2, 2, 39), edge(1, 2, 1, 1)];
    assert_eq!(later.since(&earlier)?.edges(), expected);
    Ok(())
}

/// With its holding point, an edge joins the rest. Its waiting point may do so, too.
#[test]
fn an_edge_whose_points_have_joined_the_rest_is_subtracted_there() -> TestResult {
    let snapshot = |collection, points: Vec<Point>, edges| {
        Snapshot::from_parts(SnapshotParts {
            collection,
            points,
            edges,
            ..SnapshotParts::default()
        })
    };
    let blocked = |point: Point, blocked, caused_wait_ns| Point {
        blocked,
        caused_wait_ns,
        ..point
    };
    let of_rest = |site: &Site| Point::new(Lock::rest(), AcquireMode::Exclusive, site.clone());
    for (waiting, holding) in [
        (Site::new("src/app.rs", 1, 5), Site::new("src/app.rs", 2, 5)),
        (Site::rest(), Site::rest()),
    ] {
        let in_rest = |waits, waited_ns| Edge {
            waiting: Some(rest(waiting.clone())),
            holding: rest(holding.clone()),
            waits,
            waited_ns,
        };
        let joined = |waits, ns| blocked(of_rest(&holding), waits, ns);
        let own = |waits, ns| blocked(named("l", 2), waits, ns);
        let earlier = snapshot(
            1,
            vec![own(5, 50), joined(1, 1)],
            vec![edge(1, 2, 5, 50), in_rest(1, 1)],
        );
        let later = snapshot(2, vec![joined(7, 60)], vec![in_rest(7, 60)]);
        assert_eq!(later.since(&earlier)?.edges(), [in_rest(1, 9)]);
        // It came back, and the same point waited for it, less often than before.
        let later = snapshot(
            2,
            vec![own(2, 20), joined(7, 60)],
            vec![edge(1, 2, 2, 20), in_rest(7, 60)],
        );
        let interval = later.since(&earlier)?;
        assert_eq!(interval.edges(), [edge(1, 2, 2, 20), in_rest(1, 9)]);
        // The rest itself went backwards.
        let later = snapshot(2, vec![joined(5, 60)], vec![in_rest(5, 60)]);
        assert!(later.since(&earlier).is_err());
    }
    Ok(())
}

#[test]
fn edges_go_with_their_points() {
    let parts = SnapshotParts {
        points: [1, 2, 3].map(|line| named("l", line)).into(),
        edges: vec![edge(1, 2, 1, 1), edge(2, 3, 2, 2), edge_from_all(3, 3, 3)],
        ..SnapshotParts::default()
    };
    let snapshot = Snapshot::from_parts(parts);
    let first = snapshot.clone().filter(|point| point.site.line == 1);
    assert_eq!(first.edges(), [edge(1, 2, 1, 1)]);
    let last = snapshot.clone().with_points(vec![named("l", 3)]);
    assert_eq!(last.edges(), [edge_from_all(3, 3, 3), edge(2, 3, 2, 2)]);
    assert_eq!(snapshot.edges().len(), 3);
}
