//! The last intervals, and intervals of pullers.

use crate::support::{TestResult, measured, named};
use nexus_lockprof_snapshot::{
    AcquireMode, IntervalSamples, IntervalStart, Lock, PastInterval, PastPoint, Point, Sample,
    SinceError, Site, Snapshot, SnapshotParts,
};

const SECOND: u64 = 1_000_000_000;

fn past(point: &Point, wait_ns: u64) -> PastPoint {
    PastPoint {
        acquisitions: 9,
        contentions: 2,
        wait_ns,
        wait_max_ns: wait_ns / 2,
        ..PastPoint::new(point.lock.clone(), point.mode, point.site.clone())
    }
}

/// A snapshot, taken at second 100, with a history of one second for each of these waits.
fn with_waits(waits: &[u64]) -> Snapshot {
    let point = named("db", 7);
    let first = 101 - waits.len() as u64;
    let history = (first..).zip(waits).map(|(second, &wait_ns)| PastInterval {
        ended_unix_ns: second * SECOND,
        length_ns: SECOND,
        points: (wait_ns > 0)
            .then(|| past(&point, wait_ns))
            .into_iter()
            .collect(),
    });
    Snapshot::from_parts(SnapshotParts {
        collection: 5,
        taken_unix_ns: 100 * SECOND,
        history: history.collect(),
        points: vec![Point {
            acquisitions: 9,
            ..point
        }],
        ..SnapshotParts::default()
    })
}

#[test]
fn a_file_keeps_the_history_and_a_merge_does_not() -> TestResult {
    let snapshot = with_waits(&[0, 7, 900]);
    assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()?)?, snapshot);
    assert_eq!(Snapshot::from_json(&snapshot.to_json()?)?, snapshot);
    let merged = Snapshot::merge([snapshot.clone(), snapshot]);
    assert!(merged.history().is_empty());
    // An older reader skips the section, whose tag is in lower case.
    let has = |snapshot: &Snapshot| -> Result<bool, Box<dyn std::error::Error>> {
        Ok(snapshot.to_bytes()?.windows(4).any(|tag| tag == b"past"))
    };
    assert!(has(&with_waits(&[1]))? && !has(&merged)?);
    Ok(())
}

#[test]
fn an_interval_has_the_part_that_is_in_it() -> TestResult {
    let later = with_waits(&[1, 2, 3, 4]);
    let earlier = |history: &[PastInterval]| {
        Snapshot::from_parts(SnapshotParts {
            // The wall clock says nothing: it may be set, and it is not the one of the lengths.
            taken_unix_ns: 100 * SECOND,
            history: history.to_vec(),
            ..SnapshotParts::default()
        })
    };
    let since = |earlier: &Snapshot| -> Result<Vec<u64>, SinceError> {
        let waits = later.since(earlier)?.past_waits(&named("db", 7));
        Ok(waits.into_iter().flatten().collect())
    };
    assert_eq!(since(&earlier(&later.history()[..2]))?, [3, 4]);
    assert_eq!(since(&later)?, [0; 0]);
    assert_eq!(since(&earlier(&[]))?, [1, 2, 3, 4], "none had ended");
    let forgotten = PastInterval {
        ended_unix_ns: 90 * SECOND,
        length_ns: SECOND,
        ..PastInterval::default()
    };
    assert_eq!(since(&earlier(&[forgotten]))?, [1, 2, 3, 4]);
    Ok(())
}

/// Each past interval is in the one interval of a puller in which it ended.
#[test]
fn each_past_interval_is_in_one_of_a_pullers() -> TestResult {
    let all = with_waits(&[1, 2, 3, 4]);
    let mut start = IntervalStart::default();
    let mut pull = |until: usize| -> Result<Vec<u64>, SinceError> {
        let now = Snapshot::from_parts(SnapshotParts {
            taken_unix_ns: 100 * SECOND,
            history: all.history()[..until].to_vec(),
            ..SnapshotParts::default()
        });
        let interval = start.advance(&now, true, |_| collected(&[]))?;
        let waits = interval.past_waits(&named("db", 7));
        Ok(waits.into_iter().flatten().collect())
    };
    assert_eq!(pull(1)?, [1]);
    assert_eq!(pull(3)?, [2, 3]);
    assert_eq!(pull(3)?, [0; 0]);
    assert_eq!(pull(4)?, [4]);
    Ok(())
}

/// In a program without ticks, intervals are as long as the time between two looks.
#[test]
fn a_peak_is_short_in_time_too() {
    let of = |lengths: &[(u64, u64)]| {
        let point = named("db", 7);
        let mut second = 0;
        let history = lengths.iter().map(|&(seconds, wait_ns)| {
            second += seconds;
            PastInterval {
                ended_unix_ns: second * SECOND,
                length_ns: seconds * SECOND,
                points: [past(&point, wait_ns)].into(),
            }
        });
        let snapshot = Snapshot::from_parts(SnapshotParts {
            history: history.collect(),
            ..SnapshotParts::default()
        });
        let peak = snapshot.peak(&point)?;
        let seconds = [peak.length_ns, peak.of_length_ns].map(|ns| ns / SECOND);
        Some((seconds, peak.wait_ns, peak.intervals, peak.is_short()))
    };
    let even = [(3_600, 36_000), (2, 20), (2, 20), (2, 20)];
    assert_eq!(of(&even), Some(([3_606, 3_606], 36_060, 4, false)));
    // Waiting for most of two seconds is more than for some of an hour.
    let short = [(60, 100), (2, 900), (2, 0), (2, 0), (2, 0)];
    assert_eq!(of(&short), Some(([2, 68], 900, 1, true)));
    let long = [(3_600, 900_000), (2, 0), (2, 0), (2, 0)];
    assert_eq!(of(&long), Some(([3_600, 3_606], 900_000, 1, false)));
}

/// A point that an interval does not list waited no longer there than those that it lists. `None`
/// stands for it.
#[test]
fn a_peak_is_not_made_of_what_is_not_known() {
    let of = |waits: &[Option<u64>], least: u64, rest: u64| {
        let (point, other) = (named("db", 7), named("other", 9));
        let rest = PastPoint {
            wait_ns: rest,
            ..PastPoint::new(Lock::rest(), AcquireMode::Exclusive, Site::rest())
        };
        let history = (1..).zip(waits).map(|(second, wait_ns)| PastInterval {
            ended_unix_ns: second * SECOND,
            length_ns: SECOND,
            points: match wait_ns {
                Some(0) => [].into(),
                Some(ns) => [past(&point, *ns)].into(),
                None => [past(&other, least), rest.clone()].into(),
            },
        });
        let snapshot = Snapshot::from_parts(SnapshotParts {
            history: history.collect(),
            ..SnapshotParts::default()
        });
        assert_eq!(snapshot.past_waits(&point), waits);
        let peak = snapshot.peak(&point)?;
        Some((peak.wait_ns, peak.all_ns, peak.is_bound, peak.is_short()))
    };
    let waits = [Some(0), None, Some(900), None, Some(20), Some(0)];
    // At most 7 in each of two intervals, by the last that is listed, or by the rest.
    assert_eq!(of(&waits, 7, 500), Some((900, 934, true, true)));
    assert_eq!(of(&waits, 500, 7), Some((900, 934, true, true)));
    // It may be less than half of the waiting.
    assert_eq!(of(&waits, 800, 800), Some((900, 2_520, true, false)));
    // The peak may be elsewhere.
    assert_eq!(of(&waits, 901, 2_000), None);
    assert_eq!(of(&[None, None], 7, 7), None);
    let known = [Some(0), Some(3), Some(900), Some(0)];
    assert_eq!(of(&known, 7, 7), Some((900, 903, false, true)));
}

#[test]
fn a_peak_has_the_neighbours_with_half_as_much() {
    let of = |waits: &[u64]| {
        let peak = with_waits(waits).peak(&named("db", 7))?;
        let seconds = [peak.began_unix_ns, peak.ended_unix_ns].map(|ns| ns / SECOND);
        Some((seconds, peak.wait_ns, peak.all_ns, peak.is_short()))
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[0, 0]), None);
    assert_eq!(
        of(&[0, 9, 10, 5, 4, 0, 0, 0, 0, 0, 0, 0]),
        Some(([89, 92], 24, 28, true))
    );
    assert_eq!(
        of(&[0, 9, 10, 5]),
        Some(([97, 100], 24, 24, false)),
        "most of the time"
    );
    assert_eq!(
        of(&[1, 1, 1, 3, 1, 1, 1, 1]),
        Some(([95, 96], 3, 10, false)),
        "everywhere"
    );
    assert_eq!(of(&[u64::MAX, u64::MAX]).map(|peak| peak.1), Some(u64::MAX));
    assert!(with_waits(&[5]).peak(&named("db", 8)).is_none());
}

fn taken(collection: u64, resets: u64, holds: &[u64]) -> Snapshot {
    let point = Point {
        acquisitions: holds.len() as u64,
        hold: measured(holds),
        ..named("db", 7)
    };
    Snapshot::from_parts(SnapshotParts {
        collection,
        resets,
        points: vec![point],
        ..SnapshotParts::default()
    })
}

/// The acquisitions, the samples and the maximum of an interval.
fn seen(interval: &Snapshot) -> (u64, Vec<u64>, u64) {
    let [point] = interval.points() else {
        panic!("{interval}")
    };
    let samples = point.hold.reservoir.iter();
    let samples = samples.map(|sample| sample.value_ns).collect();
    (point.acquisitions, samples, point.hold.max_ns)
}

fn collected(values: &[u64]) -> [IntervalSamples; 2] {
    let hold = IntervalSamples {
        samples: values.iter().copied().map(Sample::exact).collect(),
        longest_ns: values.iter().copied().max().unwrap_or(0),
    };
    [IntervalSamples::default(), hold]
}

#[test]
fn an_interval_has_its_own_samples() -> TestResult {
    let mut start = IntervalStart::default();
    assert!(start.is_first());
    let first = start.advance(&taken(1, 0, &[5, 90]), true, |_| collected(&[]))?;
    assert_eq!(seen(&first), (2, vec![5, 90], 90));
    let second = start.advance(&taken(9, 0, &[5, 90, 7, 6]), true, |_| collected(&[7, 6]))?;
    assert_eq!(seen(&second), (2, vec![6, 7], 7));
    assert!(second.is_complete());
    assert_eq!(Snapshot::from_bytes(&second.to_bytes()?)?, second);
    assert_eq!(Snapshot::from_json(&second.to_json()?)?, second);
    let third = start.advance(&taken(9, 0, &[5, 90, 7, 6, 8]), false, |_| collected(&[]))?;
    assert_eq!(seen(&third), (1, vec![], 0));
    assert!(!third.is_complete());
    Ok(())
}

#[test]
fn a_reset_is_in_the_middle_of_an_interval() -> TestResult {
    let mut start = IntervalStart::default();
    start.advance(&taken(1, 0, &[5]), true, |_| collected(&[]))?;
    start.reset(&taken(2, 0, &[5, 30, 40]), true, |_| collected(&[30, 40]));
    let joined = start.advance(&taken(3, 1, &[10]), true, |_| collected(&[10]))?;
    assert_eq!(seen(&joined), (3, vec![10, 30, 40], 40));
    assert_eq!((joined.base_collection(), joined.merged()), (Some(1), 1));
    Ok(())
}

#[test]
fn many_resets_in_one_interval_keep_a_bounded_number_of_samples() -> TestResult {
    let mut start = IntervalStart::default();
    start.advance(&taken(0, 0, &[1]), true, |_| collected(&[]))?;
    let values: Vec<u64> = (0..200).collect();
    for reset in 0..100 {
        let last = taken(reset + 1, reset, &values);
        start.reset(&last, true, |_| collected(&values));
    }
    let interval = start.advance(&taken(101, 100, &[3]), true, |_| collected(&[3]))?;
    let hold = &interval.points()[0].hold;
    // The first point had an event before the first interval.
    assert_eq!(hold.samples, 100 * 200);
    assert!(hold.reservoir.len() <= 1025, "{}", hold.reservoir.len());
    let weight: f64 = hold.reservoir.iter().map(|sample| sample.weight).sum();
    assert_eq!(weight, 100.0 * 200.0 + 1.0);
    assert_eq!(hold.max_ns, 199);
    assert!(
        hold.p50_ns().is_some_and(|p50| p50.abs_diff(100) < 20),
        "{:?}",
        hold.p50_ns()
    );
    Ok(())
}

#[test]
fn a_difference_that_fails_is_made_up_for_by_the_next() -> TestResult {
    let mut start = IntervalStart::default();
    start.advance(&taken(2, 0, &[5, 6]), true, |_| collected(&[]))?;
    let failed = taken(3, 0, &[5]);
    let error = start.advance(&failed, true, |_| collected(&[]));
    assert!(
        matches!(error, Err(SinceError::Backwards { .. })),
        "{error:?}"
    );
    let nothing = start.nothing(&failed);
    assert_eq!(nothing.base_collection(), Some(2));
    assert!(nothing.points().is_empty() && !nothing.is_complete());
    let next = start.advance(&taken(4, 0, &[5, 6, 7]), true, |_| collected(&[7]))?;
    assert_eq!((next.base_collection(), seen(&next).0), (Some(2), 1));
    // A reset begins again, and what could not be subtracted before it is missing.
    start.reset(&taken(5, 0, &[5]), true, |_| collected(&[]));
    let after = start.advance(&taken(6, 1, &[8, 9]), true, |_| collected(&[8, 9]))?;
    assert_eq!((after.base_collection(), seen(&after).0), (Some(4), 2));
    assert!(!after.is_complete());
    Ok(())
}

#[test]
fn a_clock_that_is_set_back_makes_no_error() -> TestResult {
    let taken = |collection, elapsed_ns| {
        Snapshot::from_parts(SnapshotParts {
            collection,
            elapsed_ns,
            ..SnapshotParts::default()
        })
    };
    let mut start = IntervalStart::default();
    let mut all = 0;
    for (collection, elapsed_ns, length) in [(1, 10, 10), (2, 7, 0), (3, 9, 0), (4, 12, 2)] {
        let interval = start.advance(&taken(collection, elapsed_ns), true, |_| collected(&[]))?;
        assert_eq!(interval.elapsed_ns(), length);
        all += length;
    }
    assert_eq!(all, 12);
    Ok(())
}

/// A puller that idles over two resets of a program with many busy points.
#[test]
fn resets_with_many_points_keep_a_bounded_number_of_samples() -> TestResult {
    let values: Vec<u64> = (0..100).collect();
    let taken = |collection, resets| {
        let hold = measured(&values);
        let point = |line| Point {
            acquisitions: 100,
            hold: hold.clone(),
            ..named("db", line)
        };
        Snapshot::from_parts(SnapshotParts {
            collection,
            resets,
            points: (0..2_000).map(point).collect(),
            ..SnapshotParts::default()
        })
    };
    let mut start = IntervalStart::default();
    start.advance(
        &Snapshot::from_parts(SnapshotParts::default()),
        true,
        |_| collected(&[]),
    )?;
    start.reset(&taken(1, 0), true, |_| collected(&values));
    assert!(start.samples() <= 65_536, "{}", start.samples());
    start.reset(&taken(2, 1), true, |_| collected(&values));
    assert!(start.samples() <= 65_536, "{}", start.samples());
    let end = SnapshotParts {
        collection: 3,
        resets: 2,
        ..SnapshotParts::default()
    };
    let interval = start.advance(&Snapshot::from_parts(end), true, |_| collected(&[]))?;
    for point in interval.points() {
        let weight: f64 = point
            .hold
            .reservoir
            .iter()
            .map(|sample| sample.weight)
            .sum();
        assert_eq!((point.hold.samples, weight), (200, 200.0));
        assert_eq!(point.hold.p99_ns(), Some(99));
    }
    assert_eq!(interval.points().len(), 2_000);
    Ok(())
}
