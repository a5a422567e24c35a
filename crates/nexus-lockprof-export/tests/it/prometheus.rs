//! The text format of Prometheus and OpenMetrics.

mod causes;
mod protobuf;
mod waiters;

use std::collections::{BTreeMap, BTreeSet};

use nexus_lockprof_export::prometheus::{self, Scrapes};
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, FigureKind, Histogram, Lock, Point, Site, Snapshot, SnapshotParts,
};

use crate::golden;
use crate::rich::{self, Random, named};

#[test]
fn as_it_was() {
    let snapshot = rich::snapshot();
    golden::check_whole("prometheus.txt", &prometheus::text(&snapshot).to_string());
    let open = prometheus::text(&snapshot).open_metrics(true).to_string();
    golden::check_whole("openmetrics.txt", &open);
    let folded = prometheus::text(&snapshot).top(2).to_string();
    golden::check_whole("prometheus-top-2.txt", &folded);
    let empty = rich::empty();
    golden::check_whole(
        "prometheus-empty.txt",
        &prometheus::text(&empty).to_string(),
    );
    let open = prometheus::text(&empty).open_metrics(true).to_string();
    golden::check_whole("openmetrics-empty.txt", &open);
}

#[test]
fn a_reader_that_does_not_know_created_can_do_without() {
    let snapshot = rich::snapshot();
    let text = prometheus::text(&snapshot).open_metrics(true);
    let with = text.to_string();
    let without = text.created(false).to_string();
    let expected: String = with
        .split_inclusive('\n')
        .filter(|line| !line.contains("_created"))
        .collect();
    assert_eq!(without, expected);
    assert!(with.contains("_created"));
}

/// All series of a text, each with its value.
fn series(text: &str) -> BTreeMap<&str, &str> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else {
            panic!("no value: {line}");
        };
        assert_eq!(all.insert(series, value), None, "twice: {series}");
    }
    all
}

/// Converts decimal seconds to nanoseconds. Returns a count as it is.
fn whole(name: &str, value: &str) -> u128 {
    let number = |digits: &str| match digits.parse::<u128>() {
        Ok(number) => number,
        Err(error) => panic!("{name} {value}: {error}"),
    };
    if !name.contains("seconds") || name.ends_with("_count") {
        return number(value);
    }
    let (seconds, part) = value.split_once('.').unwrap_or((value, ""));
    number(seconds) * 1_000_000_000 + number(&format!("{part:0<9}"))
}

/// For each additive metric of points, the sum over its series, by name.
fn sums(text: &str) -> BTreeMap<String, u128> {
    let mut sums = BTreeMap::new();
    for (series, value) in series(text) {
        let Some((name, labels)) = series.split_once('{') else {
            continue;
        };
        let of_points = labels.starts_with("lock=");
        if of_points
            && ["_total", "_sum", "_count"]
                .iter()
                .any(|end| name.ends_with(end))
        {
            *sums.entry(name.to_owned()).or_insert(0) += whole(name, value);
        }
    }
    sums
}

type Count = fn(&Point) -> u64;

/// The same sums from the snapshot.
fn expected(snapshot: &Snapshot) -> BTreeMap<String, u128> {
    let columns: [(&str, Count); 8] = [
        ("wait_seconds_total", |p| p.wait.total_ns),
        ("hold_seconds_total", |p| p.hold.total_ns),
        ("wait_unmeasured_total", |p| p.wait.unmeasured),
        ("hold_unmeasured_total", |p| p.hold.unmeasured),
        ("wait_duration_seconds_sum", |p| p.wait.total_ns),
        ("wait_duration_seconds_count", |p| p.wait.histogram.total()),
        ("hold_duration_seconds_sum", |p| p.hold.total_ns),
        ("hold_duration_seconds_count", |p| p.hold.histogram.total()),
    ];
    let figures = Point::FIGURES.iter().enumerate();
    let figures = figures.filter(|(_, figure)| figure.kind == FigureKind::Counter);
    let figures = figures.map(|(place, figure)| {
        let name = match figure.time() {
            Some(name) => format!("lockprof_{name}_seconds_total"),
            None => format!("lockprof_{}_total", figure.name),
        };
        let points = snapshot.points().iter();
        let values = points.map(|p| u128::from(p.figures()[place]));
        (name, values.sum())
    });
    let sum = |of: Count| snapshot.points().iter().map(|p| u128::from(of(p))).sum();
    // A place has a histogram as soon as something was measured there.
    let points = || snapshot.points().iter();
    let is_measured = points().any(|p| !p.wait.histogram.is_empty());
    let columns = columns
        .into_iter()
        .filter(|(name, _)| is_measured || !name.contains("duration"));
    let columns = columns.map(|(name, of)| (format!("lockprof_{name}"), sum(of)));
    columns.chain(figures).collect()
}

#[test]
fn sums_over_series_are_the_snapshots_whatever_is_folded() {
    let mut random = Random(7);
    for _ in 0..200 {
        let snapshot = rich::any(&mut random, 64);
        let expected = match snapshot.points() {
            [] => BTreeMap::new(),
            _ => expected(&snapshot),
        };
        for top in [0, 1, 2, 7, 39, 200] {
            for open_metrics in [false, true] {
                let text = prometheus::text(&snapshot)
                    .top(top)
                    .open_metrics(open_metrics);
                let text = text.to_string();
                assert_eq!(sums(&text), expected, "top {top} of\n{text}");
                let locks: BTreeSet<&str> = series(&text)
                    .into_keys()
                    .filter_map(|series| series.split_once("acquisitions_total{"))
                    .map(|(_, labels)| labels)
                    .collect();
                assert!(locks.len() <= top + 1, "{locks:?}");
            }
        }
    }
}

#[test]
fn a_lock_that_is_called_other_is_not_the_rest() {
    let text = prometheus::text(&rich::snapshot()).top(0).to_string();
    let all = series(&text);
    let rest = r#"lockprof_acquisitions_total{lock="other",site="other",mode="other"}"#;
    assert_eq!(all.get(rest), Some(&"1000055"));
    let text = prometheus::text(&rich::snapshot()).to_string();
    assert!(
        !text.contains("lock=\"other\""),
        "nothing is folded: {text}"
    );
    assert!(
        text.contains(r#"lock="r#other",site="src/http.rs:210""#),
        "{text}"
    );
}

fn of_one(value_ns: u64) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.add(Histogram::bucket_of(value_ns), 1);
    histogram
}

/// A column changes with each edit of its line, and `?` is not a name.
#[test]
fn labels_have_no_column_and_no_question_mark() {
    let point = |lock: &Lock, column, value_ns| Point {
        acquisitions: value_ns,
        hold: Durations {
            samples: 1,
            events: 1,
            histogram: of_one(value_ns),
            ..Durations::default()
        },
        ..Point::new(
            lock.clone(),
            AcquireMode::Exclusive,
            Site::new("a.rs", 7, column),
        )
    };
    let created = |column| Lock::Created(Site::new("pool.rs", 3, column));
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![
            point(&Lock::Anonymous, 1, 1),
            point(&created(1), 1, 10),
            point(&created(2), 1, 20),
            point(&created(2), 9, 30),
        ],
        ..SnapshotParts::default()
    });
    let text = prometheus::text(&snapshot).to_string();
    let all = series(&text);
    let unnamed = r#"lock="unnamed",site="a.rs:7",mode="exclusive""#;
    let pool = r#"lock="new@pool.rs:3",site="a.rs:7",mode="exclusive""#;
    let get = |name: &str, labels: &str| all.get(format!("{name}{{{labels}}}").as_str()).copied();
    assert_eq!(get("lockprof_acquisitions_total", unnamed), Some("1"));
    assert_eq!(get("lockprof_acquisitions_total", pool), Some("60"));
    let bucket = format!(r#"{pool},le="5.960464477539063e-08""#);
    let bucket = get("lockprof_hold_duration_seconds_bucket", &bucket);
    assert_eq!(bucket, Some("3"), "of all three");
    let points = all
        .keys()
        .filter(|series| series.starts_with("lockprof_acquisitions_total"));
    assert_eq!(points.count(), 2);
}

#[test]
fn who_makes_others_wait_is_not_folded_before_who_holds() {
    let point = |line, caused_wait_ns, hold_ns| Point {
        caused_wait_ns,
        hold: Durations {
            total_ns: hold_ns,
            ..Durations::default()
        },
        ..Point::new(
            named("l"),
            AcquireMode::Exclusive,
            Site::new("a.rs", line, 1),
        )
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![point(1, 0, 900), point(2, 10, 5), point(3, 0, 901)],
        ..SnapshotParts::default()
    });
    for (top, lines) in [(1, vec![2]), (2, vec![2, 3])] {
        let text = prometheus::text(&snapshot).top(top).to_string();
        for line in 1..=3 {
            let site = format!("site=\"a.rs:{line}\"");
            assert_eq!(
                text.contains(&site),
                lines.contains(&line),
                "{line} of {text}"
            );
        }
    }
}

/// Points appear, and change places.
#[test]
fn from_scrape_to_scrape_counters_only_grow() {
    let mut random = Random(11);
    let mut counts = [0_u64; 30];
    let mut known = 3;
    let mut scrapes = Scrapes::new().top(8);
    let mut before: BTreeMap<String, u128> = BTreeMap::new();
    let mut resets = 0;
    for scrape in 0..60 {
        if scrape % 20 == 19 {
            (resets, counts) = (resets + 1, [0; 30]);
            before.clear();
        }
        known = (known + random.below(2) as usize).min(counts.len());
        for count in counts.iter_mut().take(known) {
            *count += random.below(1_000);
        }
        let points = counts
            .iter()
            .take(known)
            .zip(1..)
            .map(|(&acquisitions, line)| Point {
                acquisitions,
                ..Point::new(
                    Lock::Anonymous,
                    AcquireMode::Shared,
                    Site::new("a.rs", line, 1),
                )
            });
        let snapshot = Snapshot::from_parts(SnapshotParts {
            resets,
            points: points.collect(),
            ..SnapshotParts::default()
        });
        let text = scrapes.text(&snapshot).to_string();
        assert_eq!(sums(&text), expected(&snapshot));
        let now: BTreeMap<String, u128> = series(&text)
            .into_iter()
            .filter(|(series, _)| series.starts_with("lockprof_acquisitions_total"))
            .map(|(series, value)| (series.to_owned(), whole(series, value)))
            .collect();
        for (series, before) in &before {
            assert!(now.get(series) >= Some(before), "{series} in {now:?}");
        }
        assert!(now.len() <= 9, "{now:?}");
        before = now;
    }
    assert_eq!(before.len(), 9, "nothing was folded");
}

/// Each sample belongs to the family whose head precedes it, and no head repeats.
#[test]
fn samples_stand_below_their_family() {
    for open_metrics in [false, true] {
        let text = prometheus::text(&rich::snapshot())
            .open_metrics(open_metrics)
            .to_string();
        let mut families = BTreeSet::new();
        let mut family = "";
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("# HELP ") {
                family = head.split(' ').next().unwrap_or_default();
                assert!(families.insert(family), "twice: {family}");
                continue;
            }
            let name = match line.strip_prefix("# ") {
                Some("EOF") => continue,
                Some(head) => head.split(' ').nth(1).unwrap_or_default(),
                None => line.split(['{', ' ']).next().unwrap_or_default(),
            };
            let suffix = name.strip_prefix(family);
            let known = [
                "", "_total", "_created", "_sum", "_count", "_bucket", "_info",
            ];
            assert!(
                suffix.is_some_and(|suffix| known.contains(&suffix)),
                "{line} in {family}"
            );
        }
        assert_eq!(families.len(), 25 + Point::FIGURES.len());
    }
}

#[test]
fn a_classic_bucket_has_what_is_at_most_its_bound() {
    // 2^-24 s is 59.6 ns, and 2^4 s is 16 s.
    let values = [
        1,
        59,
        60,
        238,
        239,
        1_000_000_000,
        1_000_000_001,
        16_000_000_000,
        u64::MAX,
    ];
    let mut histogram = Histogram::default();
    values
        .iter()
        .for_each(|value| histogram.merge(&of_one(*value)));
    let site = Site::new("a.rs", 7, 1);
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: vec![Point {
            hold: Durations {
                samples: 9,
                histogram,
                ..Durations::default()
            },
            ..Point::new(named("l"), AcquireMode::Exclusive, site)
        }],
        ..SnapshotParts::default()
    });
    let text = prometheus::text(&snapshot).to_string();
    let mut bounds = 0;
    for (series, count) in series(&text) {
        let Some((_, bound)) = series.split_once("le=\"") else {
            continue;
        };
        bounds += 1;
        let bound = bound.trim_end_matches("\"}");
        let bound: f64 = if bound == "+Inf" {
            f64::INFINITY
        } else {
            bound.parse().unwrap()
        };
        let below = values.iter().filter(|value| **value as f64 <= bound * 1e9);
        assert_eq!(count, below.count().to_string(), "{series}");
    }
    assert_eq!(bounds, 16);
    assert!(
        !text.contains("lockprof_wait_duration_seconds_bucket"),
        "{text}"
    );
}
