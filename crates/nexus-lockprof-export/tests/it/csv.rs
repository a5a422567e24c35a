//! Comma-separated values, read back by a library.

use std::collections::HashMap;

use nexus_lockprof_export::csv::csv;
use nexus_lockprof_snapshot::{AcquireMode, Point, Site, Snapshot, SnapshotParts};

use crate::rich::TestResult;
use crate::{golden, rich};

#[test]
fn as_it_was() {
    golden::check_whole("points.csv", &csv(&rich::snapshot()).to_string());
}

#[test]
fn each_point_can_be_read_back() -> TestResult {
    let snapshot = rich::snapshot();
    let text = csv(&snapshot).to_string();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<HashMap<String, String>> = reader.deserialize().collect::<Result<_, _>>()?;
    let points = snapshot.points();
    assert_eq!(rows.len(), points.len() + 2);
    for (row, point) in rows.iter().zip(points) {
        let is =
            |column: &str, value: String| assert_eq!(row.get(column), Some(&value), "{column}");
        is("record", "point".to_owned());
        is("file", point.site.file.to_string());
        is("line", point.site.line.to_string());
        is("mode", point.mode.to_string());
        is("acquisitions", point.acquisitions.to_string());
        is("caused_wait_ns", point.caused_wait_ns.to_string());
        let p95 = |p95: Option<u64>| p95.map_or_else(String::new, |ns| ns.to_string());
        is("wait_p95_ns", p95(point.wait.p95_ns()));
        is("hold_p95_ns", p95(point.hold.p95_ns()));
        is("losses", String::new());
    }
    let lost: u64 = rows
        .iter()
        .filter_map(|row| row.get("losses")?.parse::<u64>().ok())
        .sum();
    assert_eq!(lost, snapshot.losses().total());
    Ok(())
}

#[test]
fn what_was_not_measured_is_empty() {
    let text = csv(&rich::snapshot()).to_string();
    let row = text.lines().find(|line| line.contains(",200,9,"));
    // Waits: one measured, one not. Holds: four not measured.
    let row = row.unwrap_or_default();
    assert!(
        row.ends_with(",77,,1,1,1,77,77,77,77,,,0,0,4,,,,,"),
        "{row}"
    );
}

#[test]
fn nothing_is_a_header() {
    assert_eq!(csv(&rich::empty()).to_string().lines().count(), 1);
}

/// A spreadsheet runs what begins like a formula. Removing the first `'` restores the name; numbers
/// have none.
#[test]
fn texts_are_no_formulas() -> TestResult {
    const NAMES: [&str; 10] = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "＝1",
        "'quoted",
        "''",
        "plain=1",
        "a-b",
        "",
    ];
    let points = NAMES.map(|name| {
        Point::new(
            rich::named(name),
            AcquireMode::Shared,
            Site::new(name, 7, 1),
        )
    });
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: points.into(),
        ..SnapshotParts::default()
    });
    let text = csv(&snapshot).to_string();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let mut names = Vec::new();
    for row in reader.deserialize() {
        let row: HashMap<String, String> = row?;
        for column in ["lock", "file"] {
            let cell = &row[column];
            assert!(!cell.starts_with(['=', '+', '-', '@', '＝']), "{cell}");
            names.push(cell.strip_prefix('\'').unwrap_or(cell).to_owned());
        }
        assert_eq!(row["line"], "7");
    }
    names.sort();
    let mut expected: Vec<&str> = NAMES.iter().chain(&NAMES).copied().collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    // Escaped: what a spreadsheet would take for the start of a cell's second line.
    let control = Snapshot::from_parts(SnapshotParts {
        points: vec![Point::new(
            rich::named("\t=1\r=2\u{1b}[31m"),
            AcquireMode::Shared,
            Site::new("a.rs", 1, 1),
        )],
        ..SnapshotParts::default()
    });
    assert!(
        csv(&control)
            .to_string()
            .contains("point,\\t=1\\r=2\\u{1b}[31m,")
    );
    Ok(())
}
