//! The line below a point that says behind whom it waited.

use super::named;
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Edge, EdgeEnd, Lock, Point, Site, Snapshot, SnapshotParts,
};
use unicode_width::UnicodeWidthStr;

fn at(line: u32, mode: AcquireMode) -> Point {
    let site = Site::new("/srv/app/crates/server/src/net/pool.rs", line, 9);
    Point::new(named("pool"), mode, site)
}

fn edge(waiting: Option<&Point>, holding: &Point, waits: u64, waited_ns: u64) -> Edge {
    Edge {
        waiting: waiting.map(EdgeEnd::from),
        holding: EdgeEnd::from(holding),
        waits,
        waited_ns,
    }
}

fn snapshot(points: &[&Point], edges: Vec<Edge>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        points: points.iter().map(|&point| point.clone()).collect(),
        edges,
        ..SnapshotParts::default()
    })
}

/// The lines of the report that say behind whom.
fn lines(snapshot: &Snapshot, width: usize) -> Vec<String> {
    let report = text::table(snapshot).width(width).to_string();
    assert!(report.lines().all(|line| line.width() <= width), "{report}");
    let lines = report.lines().map(str::trim_start);
    let behind = lines.filter(|line| line.starts_with("behind "));
    behind.map(str::to_owned).collect()
}

#[test]
fn holders_by_their_share() {
    let (reader, writer) = (at(7, AcquireMode::Shared), at(30, AcquireMode::Exclusive));
    let group = Point::new(named("pool"), AcquireMode::Shared, Site::readers());
    let rest = Point::new(
        Lock::rest(),
        AcquireMode::Exclusive,
        Site::new("b.rs", 4, 1),
    );
    let edges = vec![
        edge(Some(&reader), &writer, 3, 620),
        edge(Some(&reader), &reader, 9, 300),
        edge(Some(&reader), &rest, 1, 50),
        edge(Some(&reader), &group, 1, 30),
        // Of nobody known.
        edge(None, &writer, 100, 9_000),
        // Only behind itself.
        edge(Some(&writer), &writer, 5, 100),
    ];
    let told = snapshot(&[&reader, &writer, &group, &rest], edges);
    let all = "behind /srv/app/crates/server/src/net/pool.rs:30 ex 62%, itself 30%, b.rs:4 (rest) ex 5.0%, (readers) 3.0%";
    assert_eq!(lines(&told, 132), [all]);
    let short = "behind /srv/app/crates/server/src/net/pool.rs:30 ex 62%, itself 30%, 2 more";
    assert_eq!(lines(&told, 100), [short]);
    let shorter = "behind /srv/app/…/pool.rs:30 ex 62%, itself 30%, 2 more";
    assert_eq!(lines(&told, 60), [shorter]);
    let list = text::behind(&told, &reader, 2, 50);
    let expected = [
        "      62% 3 waits  620ns  /srv/app/…/pool.rs:30 ex",
        "      30% 9 waits  300ns  itself",
        "    ... and 2 more holders",
    ];
    assert_eq!(list, expected);
    assert_eq!(
        text::behind(&told, &writer, 2, 60),
        ["     100% 5 waits  100ns  itself"]
    );
    assert_eq!(text::behind(&told, &rest, 2, 60), [""; 0]);
}

/// Without a clock, the waits say how much.
#[test]
fn counts_have_shares() {
    let (a, b) = (
        at(7, AcquireMode::Exclusive),
        at(30, AcquireMode::Exclusive),
    );
    let edges = vec![edge(Some(&a), &b, 1, 0), edge(Some(&a), &a, 3, 0)];
    let told = snapshot(&[&a, &b], edges);
    assert_eq!(
        lines(&told, 100),
        ["behind itself 75%, /srv/app/crates/server/src/net/pool.rs:30 ex 25%"]
    );
    let expected = [
        "      75% 3 waits  itself",
        "      25% 1 wait   /srv/app/crates/server/src/net/pool.rs:30 ex",
    ];
    assert_eq!(text::behind(&told, &a, 9, 100), expected);
}
