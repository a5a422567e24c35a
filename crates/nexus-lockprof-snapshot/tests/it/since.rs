//! Intervals.

mod rest;
mod sums;

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Histogram, Lock, Losses, Point, Sample, Samples, SinceError, Site,
    Snapshot, SnapshotParts, TableStats,
};

use crate::support::{TestResult, everything, measured, named};

/// Changes one thing.
pub(crate) type Edit<T> = fn(&mut T);

fn parts(collection: u64, points: Vec<Point>) -> SnapshotParts {
    SnapshotParts {
        collection,
        points,
        ..SnapshotParts::default()
    }
}

pub(crate) fn make(collection: u64, points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(parts(collection, points))
}

#[test]
fn every_counter_is_subtracted() -> TestResult {
    let earlier = everything();
    let mut later = everything();
    later.collection += 1;
    later.elapsed_ns += 500;
    later.taken_unix_ns += 600;
    later.table.acquisitions += 100;
    later.table.rejected += 1;
    later.table.records += 1;
    later.losses.points_full += 1;
    later.losses.shards_full += 2;
    later.losses.reentrant += 3;
    later.losses.thread_exit += 4;
    later.losses.memory += 5;
    later.losses.guards += 6;
    later.losses.stacks += 7;
    later.losses.edges += 8;
    later.losses.slow_events += 9;
    later.losses.tasks += 10;
    later.losses.interval_samples += 11;
    later.losses.order += 12;
    let recent = Samples::from(vec![Sample {
        value_ns: 40,
        weight: 2.5,
    }]);
    for point in later.points.iter_mut().take(1) {
        point.acquisitions += 10;
        point.contentions += 20;
        point.try_failures += 30;
        point.timeouts += 40;
        point.cancellations += 41;
        point.abandoned_wait_ns += 42;
        point.blocked += 50;
        point.caused_wait_ns += 60;
        point.long_waits += 15;
        point.upgrade_waits += 14;
        point.most_readers = 9;
        for durations in [&mut point.wait, &mut point.hold] {
            durations.samples += 2;
            durations.events += 5;
            durations.unmeasured += 3;
            durations.total_ns += 90;
            durations.total_variance += 1.5;
            durations.recent.clone_from(&recent);
            durations.histogram.add(7, 5);
        }
    }
    let interval = Snapshot::from_parts(later).since(&Snapshot::from_parts(earlier.clone()))?;

    let [point] = interval.points() else {
        return Err(format!("only one point changed: {:?}", interval.points()).into());
    };
    let mut histogram = Histogram::default();
    histogram.add(7, 5);
    let times = |variance| Durations {
        samples: 2,
        events: 5,
        total_ns: 90,
        total_variance: variance,
        unmeasured: 3,
        max_ns: 40,
        reservoir: recent.clone(),
        recent: recent.clone(),
        longest_sampled_ns: 0,
        at_most_ns: 0,
        histogram: histogram.clone(),
    };
    assert_eq!(
        *point,
        Point {
            acquisitions: 10,
            contentions: 20,
            try_failures: 30,
            timeouts: 40,
            cancellations: 41,
            abandoned_wait_ns: 42,
            blocked: 50,
            caused_wait_ns: 60,
            long_waits: 15,
            upgrade_waits: 14,
            most_readers: 9,
            wait: times(1.5),
            hold: times(point.hold.total_variance),
            ..named("sessions", 10)
        }
    );
    // 1234567.890123 lacks the bits to add 1.5 exactly.
    assert!((point.hold.total_variance - 1.5).abs() < 1e-6);
    assert_eq!(
        interval.losses().iter().map(|(_, n)| n).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    );
    assert_eq!(
        *interval.table(),
        TableStats {
            acquisitions: 100,
            rejected: 1,
            records: 4,
            ..earlier.table
        }
    );
    assert_eq!(interval.elapsed_ns(), 500);
    assert_eq!(interval.taken_unix_ns(), earlier.taken_unix_ns + 600);
    assert_eq!(
        (interval.base_collection(), interval.collection()),
        (Some(42), 43)
    );
    assert_eq!(
        (
            interval.profiler_mode(),
            interval.pid(),
            interval.engine(),
            interval.resets()
        ),
        (
            earlier.profiler_mode,
            earlier.pid,
            earlier.engine,
            earlier.resets
        )
    );
    assert!(interval.is_complete());
    Ok(())
}

#[test]
fn nothing_happened() -> TestResult {
    let same = Snapshot::from_parts(everything());
    let interval = same.since(&same)?;
    assert_eq!(interval.points(), []);
    assert!(interval.losses().is_empty());
    assert!(interval.is_complete());
    Ok(())
}

#[test]
fn new_points_come_whole_and_old_ones_are_matched_by_lock_mode_and_site() -> TestResult {
    let at = |name, line, acquisitions| Point {
        acquisitions,
        ..named(name, line)
    };
    let earlier = make(1, vec![at("a", 1, 10), at("a", 2, 20), at("b", 1, 30)]);
    let later = make(
        2,
        vec![
            at("b", 1, 31),
            at("a", 2, 22),
            at("a", 1, 10),
            at("c", 3, 4),
        ],
    );
    let interval = later.since(&earlier)?;
    let found: Vec<_> = interval
        .points()
        .iter()
        .map(|p| (p.lock.name().into_owned(), p.site.line, p.acquisitions))
        .collect();
    let expected = [("c", 3, 4), ("a", 2, 2), ("b", 1, 1)];
    assert_eq!(
        found,
        expected.map(|(name, line, n)| (name.to_owned(), line, n))
    );
    Ok(())
}

/// The sample behind the interval's quantiles and maximum.
#[test]
fn samples_of_the_interval() -> TestResult {
    struct Case {
        what: &'static str,
        earlier: Durations,
        later: Durations,
        collections: (u64, u64),
        reservoir: &'static [u64],
        max_ns: u64,
        complete: bool,
    }
    let with_recent = |values: &[u64], recent: &[u64]| Durations {
        recent: measured(recent).reservoir,
        ..measured(values)
    };
    let cases = [
        Case {
            what: "next collection, maximum grew",
            earlier: measured(&[10, 20]),
            later: with_recent(&[10, 20, 30, 40], &[30, 40]),
            collections: (1, 2),
            reservoir: &[30, 40],
            max_ns: 40,
            complete: true,
        },
        Case {
            what: "next collection, maximum did not grow",
            earlier: measured(&[10, 90]),
            later: with_recent(&[10, 30, 40, 90], &[30, 40]),
            collections: (1, 2),
            reservoir: &[30, 40],
            max_ns: 40,
            complete: true,
        },
        Case {
            what: "later collection: the last part only",
            earlier: measured(&[10, 90]),
            later: with_recent(&[10, 30, 40, 90], &[40]),
            collections: (1, 5),
            reservoir: &[40],
            max_ns: 40,
            complete: false,
        },
        Case {
            what: "later collection, idle of late: no honest quantile",
            earlier: measured(&[10, 90]),
            later: with_recent(&[10, 30, 90], &[]),
            collections: (1, 5),
            reservoir: &[],
            max_ns: 0,
            complete: false,
        },
        Case {
            what: "nothing measured before: all samples are the interval's",
            earlier: measured(&[]),
            later: with_recent(&[10, 30, 40], &[40]),
            collections: (1, 5),
            reservoir: &[10, 30, 40],
            max_ns: 40,
            complete: false,
        },
        Case {
            what: "nothing measured in between, though something else happened",
            earlier: with_recent(&[10, 90], &[90]),
            later: with_recent(&[10, 90], &[90]),
            collections: (1, 2),
            reservoir: &[],
            max_ns: 0,
            complete: true,
        },
    ];
    for case in cases {
        let what = case.what;
        let at = |acquisitions, hold: &Durations| Point {
            acquisitions,
            hold: hold.clone(),
            ..named("l", 1)
        };
        let earlier = make(case.collections.0, vec![at(1, &case.earlier)]);
        let later = make(case.collections.1, vec![at(2, &case.later)]);
        let interval = later.since(&earlier)?;
        let hold = &interval.point("l").ok_or(what)?.hold;
        assert_eq!(hold.reservoir, measured(case.reservoir).reservoir, "{what}");
        assert_eq!(hold.max_ns, case.max_ns, "{what}");
        assert_eq!(interval.is_complete(), case.complete, "{what}");
    }
    Ok(())
}

#[test]
fn rounding_makes_no_estimate() -> TestResult {
    let at = |samples, events, total_variance| {
        let hold = Durations {
            samples,
            events,
            total_variance,
            ..Durations::default()
        };
        Point {
            acquisitions: samples,
            hold,
            ..named("l", 1)
        }
    };
    let between = |earlier, later| -> Result<f64, Box<dyn std::error::Error>> {
        let interval = make(2, vec![later]).since(&make(1, vec![earlier]))?;
        let point = interval.point("l").ok_or("no point")?;
        Ok(point.hold.total_variance)
    };
    // Nothing was estimated, so the difference of the variances is rounding.
    assert_eq!(between(at(10, 100, 1e9), at(12, 102, 1e9 + 1e-6))?, 0.0);
    assert_eq!(between(at(10, 10, 0.0), at(12, 12, 0.0))?, 0.0);
    // Something was estimated, but its variance is lost in the rounding of the larger ones. That
    // rounding is the uncertainty.
    let lost = between(at(10, 100, 1e9), at(12, 110, 1e9 - 1e-6))?;
    assert!((0.9e-3..1.1e-3).contains(&lost), "{lost}");
    assert_eq!(between(at(10, 100, 1e9), at(12, 110, 2e9))?, 1e9);
    assert_eq!(between(at(10, 100, 1e9), at(12, 110, 1e9 + 2.0))?, 2.0);
    assert_eq!(between(at(0, 0, 0.0), at(2, 9, 1e-9))?, 1e-9);
    // The weight is above 1, though by chance every event was drawn.
    assert_eq!(between(at(10, 10, 0.0), at(12, 12, 5.0))?, 5.0);
    Ok(())
}

/// The lock was held during the earlier snapshot: its acquisition counted before, its hold after.
#[test]
fn a_hold_across_the_beginning_is_an_event_of_the_interval() -> TestResult {
    let at = |acquisitions, values: &[u64]| Point {
        acquisitions,
        hold: Durations {
            events: acquisitions,
            ..measured(values)
        },
        ..named("l", 1)
    };
    let interval = make(2, vec![at(3, &[5, 6, 7])]).since(&make(1, vec![at(2, &[5])]))?;
    let point = interval.point("l").ok_or("no point")?;
    assert_eq!(point.acquisitions, 1);
    assert_eq!((point.hold.samples, point.hold.events), (2, 2));
    assert!(!point.hold.is_estimate());
    assert_eq!(point.hold.mean_ns(), Some(6));
    Ok(())
}

#[test]
fn an_interval_without_a_sample_is_not_measured() -> TestResult {
    let at = |acquisitions, unmeasured| Point {
        acquisitions,
        hold: Durations {
            events: acquisitions - unmeasured,
            unmeasured,
            ..measured(&[5, 6])
        },
        ..named("l", 1)
    };
    let interval = make(2, vec![at(900, 40)]).since(&make(1, vec![at(100, 30)]))?;
    let hold = &interval.point("l").ok_or("no point")?.hold;
    assert_eq!((hold.samples, hold.events, hold.unmeasured), (0, 0, 800));
    assert_eq!((hold.mean_ns(), hold.total_interval_ns()), (None, None));
    // The later sample represents events that were unmeasured before.
    let fewer = make(2, vec![at(900, 10)]).since(&make(1, vec![at(100, 30)]))?;
    assert_eq!(fewer.point("l").ok_or("no point")?.hold.unmeasured, 800);
    Ok(())
}

#[test]
fn the_error_of_an_interval_is_that_of_its_own_events() -> TestResult {
    let at = |samples, events, max_ns, at_most_ns, recent: &[u64]| Point {
        acquisitions: events,
        hold: Durations {
            samples,
            events,
            total_ns: events * 100,
            max_ns,
            longest_sampled_ns: max_ns,
            at_most_ns,
            recent: measured(recent).reservoir,
            ..Durations::default()
        },
        ..named("l", 1)
    };
    let hold = |later, earlier| -> Result<Durations, Box<dyn std::error::Error>> {
        let interval = make(2, vec![later]).since(&make(1, vec![earlier]))?;
        Ok(interval.point("l").ok_or("no point")?.hold.clone())
    };
    // The longest hold is older, so the interval's own longest counts. Each sample represents 9
    // unseen events.
    let before = at(10, 10, 9_000, 50_000, &[9_000]);
    let quiet = hold(at(20, 110, 9_000, 90_000, &[100, 200]), before.clone())?;
    assert_eq!((quiet.longest_sampled_ns, quiet.at_most_ns), (200, 40_000));
    assert_eq!(quiet.standard_error_ns(), 9.0 * 200.0);
    // The longest hold is the interval's.
    let loud = hold(at(20, 110, 70_000, 90_000, &[100]), before.clone())?;
    assert_eq!(loud.standard_error_ns(), 9.0 * 70_000.0);
    assert_eq!(loud.total_interval_ns(), Some((10_000, 40_000)));
    // Every event was measured.
    let exact = hold(at(20, 20, 70_000, 0, &[100]), before)?;
    assert_eq!(
        (exact.longest_sampled_ns, exact.standard_error_ns()),
        (0, 0.0)
    );
    Ok(())
}

#[test]
fn percentiles_of_an_interval_that_begins_at_a_peek_are_not_of_all_of_it() -> TestResult {
    let (whole, peek) = (make(4, vec![]), make(5, vec![]).into_peek());
    assert!(peek.is_complete(), "since the start");
    assert!(peek.since(&whole)?.is_complete());
    for later in [make(5, vec![]), make(6, vec![]), peek.clone()] {
        let interval = later.since(&peek)?;
        assert!(!interval.is_complete(), "{}", later.collection());
        assert!(!Snapshot::from_json(&interval.to_json()?)?.is_complete());
        assert!(!Snapshot::from_bytes(&interval.to_bytes()?)?.is_complete());
    }
    Ok(())
}
