//! Histograms in files, in JSON and in merges.

use crate::support::{TestResult, measured, named, snapshot};
use nexus_lockprof_snapshot::{Durations, Histogram, Merge, Point, SinceError, Snapshot};

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    for value in values {
        histogram.add(Histogram::bucket_of(*value), 1);
    }
    histogram
}

/// A snapshot of a lock that was held for these times.
fn held(values: &[u64]) -> Snapshot {
    let hold = Durations {
        histogram: of(values),
        ..measured(values)
    };
    snapshot(vec![Point {
        acquisitions: values.len() as u64,
        hold,
        ..named("cache", 3)
    }])
}

fn hold(snapshot: &Snapshot) -> &Histogram {
    &snapshot.points()[0].hold.histogram
}

#[test]
fn json_names_the_longest_duration_of_a_bucket() -> TestResult {
    let snapshot = held(&[0, 100, 90, 1 << 62]);
    let json = snapshot.to_json()?.replace([' ', '\n'], "");
    assert!(
        json.contains(r#""histogram":[[14,1],[119,2],[null,1]]"#),
        "{json}"
    );
    assert_eq!(Snapshot::from_json(&json)?, snapshot);
    let error = Snapshot::from_json(&json.replace("[119,2]", "[120,2]")).unwrap_err();
    assert!(error.to_string().contains("ends at 120 ns"), "{error}");
    Ok(())
}

#[test]
fn a_file_has_it() -> TestResult {
    let snapshot = held(&[14, 15, 1_000_000, 64_000_000_000, 1 << 62]);
    let read = Snapshot::from_bytes(&snapshot.to_bytes()?)?;
    assert_eq!(read, snapshot);
    assert_eq!(
        hold(&read),
        &of(&[14, 15, 1_000_000, 64_000_000_000, 1 << 62])
    );
    Ok(())
}

#[test]
fn a_merge_is_the_sum() -> TestResult {
    let (a, b) = (held(&[100, 5_000]), held(&[100, 7, 70_000_000_000]));
    let sum = of(&[100, 5_000, 100, 7, 70_000_000_000]);
    assert_eq!(hold(&Snapshot::merge([a.clone(), b.clone()])), &sum);
    let mut files = Merge::new();
    files.add_bytes(&b.to_bytes()?)?;
    let mut more = Merge::new();
    more.add_bytes(&a.to_bytes()?)?;
    files.append(more);
    assert_eq!(hold(&files.finish()), &sum);
    Ok(())
}

#[test]
fn a_bucket_never_goes_backwards() {
    let (earlier, later) = (held(&[100, 100]), held(&[100, 5_000, 5_000]));
    assert_eq!(
        later.since(&earlier),
        Err(SinceError::Backwards {
            of: "src/app.rs:3:5 (cache), exclusive".into(),
            counter: "hold.histogram",
            earlier: 2,
            later: 1,
        })
    );
}
