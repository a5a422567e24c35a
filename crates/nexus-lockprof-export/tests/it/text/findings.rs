//! The lines above the table: findings, and how busy the locks were.

use super::{named, point, times};
use crate::golden;
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Point, ProfilerMode, Snapshot, SnapshotParts,
};
use unicode_width::UnicodeWidthStr;

/// The line that says how busy the locks were.
fn busy(points: Vec<Point>) -> String {
    let report = text::table(&Snapshot::from_parts(SnapshotParts {
        elapsed_ns: 1_000_000_000,
        profiler_mode: ProfilerMode::Exact,
        points,
        ..SnapshotParts::default()
    }))
    .findings(0)
    .width(400)
    .to_string();
    let mut lines = report.lines().skip_while(|line| !line.contains("elapsed"));
    lines.nth(1).unwrap_or_default().to_owned()
}

#[test]
fn utilisation_is_said_with_its_error() {
    use AcquireMode::{Exclusive, Shared};
    let held = |name, mode, ms: u64, error_ms: f64| {
        let mut point = point(named(name), mode, "a.rs", 1);
        point.acquisitions = 100;
        point.hold = Durations {
            samples: if error_ms > 0.0 { 10 } else { 100 },
            events: 100,
            total_ns: ms * 1_000_000,
            total_variance: (error_ms * 1e6).powi(2),
            ..Durations::default()
        };
        point
    };
    let exact = held("map", Exclusive, 840, 0.0);
    assert_eq!(
        busy(vec![exact.clone()]),
        "No thread waited for a lock. Share of the time held: map 84%."
    );
    let mut waited = exact.clone();
    waited.contentions = 1;
    waited.wait = times(1, 1.0, 2_714_000_000..2_714_000_001, 0.0);
    let all = vec![
        waited,
        held("map", Shared, 1_700, 10.0),
        held("pool", Shared, 500, 200.0),
        held("a", Exclusive, 3, 0.0),
        held("b", Exclusive, 2, 0.0),
    ];
    assert_eq!(
        busy(all),
        "Waiting took 2.71 threads' worth of time. Share of the time held: \
         map 84% (readers about 170%), pool readers about 50% ± 20%, a 0.3%, less for 1 more lock."
    );
    let mut counted = exact;
    counted.hold = Durations::default();
    counted.contentions = 3;
    assert_eq!(
        busy(vec![counted]),
        "Neither waits nor holds were measured."
    );
}

#[test]
fn a_wait_of_many_times_the_mean_is_named() {
    let mut unfair = point(named("map"), AcquireMode::Exclusive, "a.rs", 1);
    (unfair.acquisitions, unfair.contentions) = (200, 100);
    unfair.hold = times(200, 1.0, 1_000..1_001, 0.0);
    unfair.wait = times(100, 1.0, 1_000_000..1_000_001, 0.0);
    unfair.wait.max_ns = 30_000_000;
    let usual = busy(vec![unfair.clone()]);
    assert!(
        usual.ends_with(" The longest wait for map took 30.0ms, 30 times its mean."),
        "{usual}"
    );
    unfair.wait.max_ns = 19_000_000;
    let usual = busy(vec![unfair.clone()]);
    assert!(
        usual.ends_with("Share of the time held: map <0.1%."),
        "{usual}"
    );
    // Too few to have a mean worth the name.
    (unfair.contentions, unfair.wait.max_ns) = (19, 30_000_000);
    let few = busy(vec![unfair]);
    assert!(!few.contains("longest"), "{few}");
}

/// A lock that is held for long, and another one.
fn slow() -> SnapshotParts {
    let times = |count: u64, ns: u64| Durations {
        samples: count,
        events: count,
        total_ns: count * ns,
        max_ns: ns,
        ..Durations::default()
    };
    let held_long = |name| Point {
        acquisitions: 500,
        contentions: 450,
        blocked: 450,
        caused_wait_ns: 9_000_000_000,
        wait: times(450, 20_000_000),
        hold: times(500, 15_000_000),
        ..point(
            named(name),
            AcquireMode::Exclusive,
            "/srv/app/src/http.rs",
            88,
        )
    };
    SnapshotParts {
        elapsed_ns: 10_000_000_000,
        program: Some("api-\u{1b}server".into()),
        profiler_mode: ProfilerMode::Exact,
        points: vec![
            held_long("sessions"),
            held_long("日本語のロックの長い名前日本語のロックの長い名前日本語"),
        ],
        ..SnapshotParts::default()
    }
}

#[test]
fn findings_stand_above_the_table() {
    let snapshot = Snapshot::from_parts(slow());
    golden::check(
        "report-findings.txt",
        &text::table(&snapshot).width(100).to_string(),
    );
    let one = text::table(&snapshot).findings(1).to_string();
    assert!(one.contains("\n... and 1 more finding\n\n"), "{one}");
    let none = text::table(&snapshot).findings(0).to_string();
    assert!(!none.contains("Findings"), "{none}");
    for width in 60..=260 {
        for line in text::table(&snapshot).width(width).to_string().lines() {
            assert!(line.width() <= width, "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

/// The findings of a selection rest on all points, and are about the locks that it shows.
#[test]
fn findings_of_a_selection() {
    let whole = Snapshot::from_parts(slow());
    let shown = whole
        .clone()
        .filter(|point| point.lock.name() == "sessions");
    let report = text::table(&shown).selected_from(&whole).to_string();
    assert!(report.contains("1. 450 waits for `sessions`"), "{report}");
    assert!(!report.contains("2. "), "{report}");
}

#[test]
fn no_findings_no_head() {
    let mut parts = slow();
    parts.points.truncate(1);
    parts.points[0].wait = Durations::default();
    let report = text::table(&Snapshot::from_parts(parts)).to_string();
    assert!(!report.contains("Findings"), "{report}");
}
