//! The marks of estimated totals.

use super::{named, parts, point, snapshot};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{AcquireMode, Durations, Point, Snapshot, SnapshotParts};

/// One point with 1 s of holds and this relative standard error.
fn estimated(error: f64) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            acquisitions: 640,
            hold: Durations {
                samples: 10,
                events: 640,
                total_ns: 1_000_000_000,
                total_variance: (error * 1e9).powi(2),
                max_ns: 2_000_000,
                ..Durations::default()
            },
            ..point(named("l"), AcquireMode::Exclusive, "a.rs", 1)
        }],
        ..SnapshotParts::default()
    })
}

#[test]
fn how_far_off_a_total_may_be() {
    for (error, total, note) in [
        (0.0, "~1.00s ", "; standard error of totals up to 0.0%"),
        (0.0999, "~1.00s ", "; standard error of totals up to 10.0%"),
        (0.101, "~1.00s±10% ", "; ±: standard error, if above 10%"),
        (0.744, "~1.00s±74% ", "; ±: standard error, if above 10%"),
        (12.0, "~1.00s±>100% ", "; ±: standard error, if above 10%"),
    ] {
        let report = text::table(&estimated(error)).to_string();
        assert!(report.contains(total), "{error}: {report}");
        let expected = format!("\n~ estimated from samples{note}");
        assert!(report.ends_with(&expected), "{error}: {report}");
    }
}

/// One of ten samples is nearly all of the total, and represents only itself.
#[test]
fn a_total_that_hangs_on_one_event_is_marked() {
    let hold = Durations {
        samples: 10,
        events: 1_000,
        total_ns: 110_000_000,
        max_ns: 10_000_000,
        longest_sampled_ns: 10_000_000,
        total_variance: 1e9,
        ..Durations::default()
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            acquisitions: 1_000,
            hold,
            ..point(named("l"), AcquireMode::Exclusive, "a.rs", 1)
        }],
        ..SnapshotParts::default()
    });
    let report = text::table(&snapshot).to_string();
    assert!(report.contains("~110ms±>100% "), "{report}");
    assert!(
        report.ends_with("; ±: standard error, if above 10%"),
        "{report}"
    );
}

/// From some width on, the table has room for the error. Below it, a one-letter mark shows doubtful
/// totals.
#[test]
fn how_far_off_a_total_may_be_in_a_narrow_table() {
    let mut forms = Vec::new();
    for width in 60..=132 {
        let report = text::table(&snapshot()).width(width).to_string();
        let row = report.lines().find(|line| line.contains("by_host.rs"));
        let total = row
            .into_iter()
            .flat_map(str::split_whitespace)
            .find(|cell| cell.starts_with("~140ms"));
        let form = total.map(|total| {
            let mut lines = report.lines();
            let note = lines
                .find(|line| line.starts_with("~ "))
                .unwrap_or_default();
            format!("{total}, {note}")
        });
        if forms.last() != Some(&form) {
            forms.push(form);
        }
    }
    let expected = [
        None,
        Some("~140ms?, ~ estimated from samples; ?: standard error above 50%"),
        Some("~140ms±71%, ~ estimated from samples; ±: standard error, if above 10%"),
    ];
    assert_eq!(forms, expected.map(|form| form.map(str::to_owned)));

    // Up to 50 % there is no mark, and the note states the error.
    let mut better = parts();
    for point in &mut better.points {
        if point.hold.is_estimate() {
            point.hold.total_variance = (0.4 * point.hold.total_ns as f64).powi(2);
        }
    }
    let report = text::table(&Snapshot::from_parts(better))
        .width(80)
        .to_string();
    assert!(report.contains("~140ms "), "{report}");
    let note = "\n~ estimated from samples; standard error of totals up to 40.0%\n";
    assert!(report.contains(note), "{report}");
}
