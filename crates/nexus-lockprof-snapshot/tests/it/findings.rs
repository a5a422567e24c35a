//! One scene for each finding gives exactly that one, and a clean program gives none.

mod list;
mod nearly;
mod rwlocks;
mod starved;

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Finding, FindingKind, Point, ProfilerMode, Sample, Site, Snapshot,
    SnapshotParts, TableStats,
};

use crate::support::{TestResult, named};

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
const US: u64 = 1_000;

/// Ten seconds of a program with eight threads.
fn parts(points: Vec<Point>) -> SnapshotParts {
    SnapshotParts {
        collection: 1,
        elapsed_ns: 10 * SECOND,
        profiler_mode: ProfilerMode::Exact,
        program: Some("server".into()),
        table: TableStats {
            shards: 8,
            ..TableStats::default()
        },
        points,
        ..SnapshotParts::default()
    }
}

fn scene(points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(parts(points))
}

/// So many measured events of each of these lengths.
fn times(lengths: &[(u64, u64)]) -> Durations {
    let mut times = Durations::default();
    let mut samples = Vec::new();
    for &(count, ns) in lengths {
        times.samples += count;
        times.events += count;
        times.total_ns += count * ns;
        times.max_ns = times.max_ns.max(ns);
        samples.push(Sample {
            value_ns: ns,
            weight: count as f64,
        });
    }
    times.reservoir = samples.into_iter().collect();
    times
}

/// A point of `lock` at `line` with these waits and holds, behind which others waited `caused_ns`.
fn point(
    lock: &str,
    line: u32,
    waits: &[(u64, u64)],
    holds: &[(u64, u64)],
    caused_ns: u64,
) -> Point {
    let (wait, hold) = (times(waits), times(holds));
    Point {
        acquisitions: hold.events,
        contentions: wait.events,
        blocked: u64::from(caused_ns > 0),
        caused_wait_ns: caused_ns,
        wait,
        hold,
        ..named(lock, line)
    }
}

fn in_mode(mode: AcquireMode, point: Point) -> Point {
    Point { mode, ..point }
}

fn kinds(findings: &[Finding]) -> Vec<(FindingKind, String, Option<u32>)> {
    let of = |finding: &Finding| {
        let line = finding.site.as_ref().map(|site| site.line);
        (finding.kind, finding.lock.name().into_owned(), line)
    };
    findings.iter().map(of).collect()
}

/// The only finding of a scene, also in an interval, a merge, and a file.
#[track_caller]
fn check(snapshot: &Snapshot, kind: FindingKind, line: Option<u32>) -> Option<Finding> {
    let expected = vec![(kind, "map".to_owned(), line)];
    let findings = snapshot.findings();
    assert_eq!(kinds(&findings), expected, "{findings:#?}");
    let read = Snapshot::from_bytes(&snapshot.to_bytes().unwrap_or_default());
    assert_eq!(
        read.map(|read| kinds(&read.findings())).ok(),
        Some(expected.clone())
    );
    let merged = Snapshot::merge([snapshot.clone(), snapshot.clone()]);
    assert_eq!(kinds(&merged.findings()), expected);
    let before = Snapshot::from_parts(SnapshotParts {
        collection: 0,
        elapsed_ns: 0,
        points: Vec::new(),
        ..parts(Vec::new())
    });
    let interval = snapshot.since(&before);
    assert_eq!(interval.map(|of| kinds(&of.findings())), Ok(expected));
    for finding in &findings {
        assert!(!finding.remedy.is_empty(), "{finding:?}");
        let is_line = |text: &str| !text.contains(char::is_control) && text.ends_with('.');
        assert!(is_line(&finding.text), "{}", finding.text);
        assert!(is_line(&finding.remedy), "{}", finding.remedy);
    }
    findings.into_iter().next()
}

fn long_hold() -> Point {
    point("map", 1, &[(450, 20 * MS)], &[(500, 15 * MS)], 9 * SECOND)
}

#[test]
fn a_clean_program_has_none() {
    let unused = scene(vec![point("map", 1, &[], &[(1_000_000, US)], 0)]);
    assert_eq!(unused.findings(), []);
    // Ten seconds, 90 ms of waiting: less than a hundredth of a thread.
    let little = scene(vec![point(
        "map",
        1,
        &[(9, 10 * MS)],
        &[(1_000_000, US)],
        90 * MS,
    )]);
    assert_eq!(little.findings(), []);
    // A busy lock that nobody waits for, and a try that fails now and then.
    let mut busy = point("map", 1, &[], &[(1_000, 9 * MS)], 0);
    busy.try_failures = 400;
    assert_eq!(scene(vec![busy]).findings(), []);
    // Nothing is known of the waits.
    let mut counted = long_hold();
    (counted.wait, counted.hold) = (Durations::default(), Durations::default());
    assert_eq!(scene(vec![counted]).findings(), []);
    // No time, no share of it.
    let mut no_time = parts(vec![long_hold()]);
    no_time.elapsed_ns = 0;
    assert_eq!(Snapshot::from_parts(no_time).findings(), []);
}

#[test]
fn a_long_hold() {
    let found = check(&scene(vec![long_hold()]), FindingKind::LongHold, Some(1));
    let found = found.unwrap();
    assert_eq!(found.cost_ns, Some(9 * SECOND));
    assert_eq!(found.evidence("hold_mean_ns").unwrap().value, 15e6);
    assert_eq!(
        found.text,
        "450 waits for `map` took 9.00s: 0.90 threads on average. 100% of that is behind src/app.rs:1, which holds \
         the lock for 15.0ms on average: long enough for I/O, a sleep or an `.await`."
    );
}

fn slow_caller() -> Vec<Point> {
    vec![
        point("map", 1, &[(50, 5 * MS)], &[(1_000, 4 * MS)], 8 * SECOND),
        point("map", 2, &[(2_000, 4 * MS)], &[(90_000, 3 * US)], 250 * MS),
    ]
}

#[test]
fn a_slow_caller_of_a_shared_lock() {
    let found = check(&scene(slow_caller()), FindingKind::SlowCaller, Some(1)).unwrap();
    assert_eq!(found.evidence("other_hold_mean_ns").unwrap().value, 3e3);
    assert!(
        found.text.contains("makes 1.1% of the acquisitions"),
        "{}",
        found.text
    );
}

fn rare_long_hold() -> Point {
    point_with(&[(100_000, 2 * US), (4, 400 * MS)])
}

/// Its p95 is 2 µs: only what it cost shows it.
#[test]
fn a_rare_long_hold() {
    let snapshot = scene(vec![rare_long_hold()]);
    let found = check(&snapshot, FindingKind::RareLongHold, Some(1)).unwrap();
    assert_eq!(found.evidence("hold_p95_ns").unwrap().value, 2e3);
    assert_eq!(found.evidence("longest_hold_ns").unwrap().value, 4e8);
    assert!(found.cost_ns.unwrap() > 49 * SECOND / 10, "{found:?}");
}

fn rare_long_hold_not_sampled() -> Point {
    let mut point = point(
        "map",
        1,
        &[(500, 4 * US), (7, SECOND)],
        &[(1_000, 2 * US)],
        7 * SECOND,
    );
    point.acquisitions = 100_000;
    point.hold.events = 100_000;
    point.hold.total_ns = 100_000 * 2 * US;
    point.hold.longest_sampled_ns = 2 * US;
    point.hold.total_variance = 1e12;
    point
}

/// The sample of the holds has missed the long one. The waits behind it were measured.
#[test]
fn a_rare_long_hold_that_was_not_sampled() {
    let point = rare_long_hold_not_sampled();
    let found = check(&scene(vec![point]), FindingKind::RareLongHold, Some(1)).unwrap();
    assert!(found.evidence("longest_hold_ns").is_none());
    assert!(found.text.contains("were not measured"), "{}", found.text);
}

fn convoy() -> Point {
    let waits = [(200_000, 90 * US)];
    point("map", 1, &waits, &[(600_000, 300)], 18 * SECOND)
}

#[test]
fn a_convoy() {
    let snapshot = scene(vec![convoy()]);
    let found = check(&snapshot, FindingKind::Convoy, Some(1)).unwrap();
    assert_eq!(found.evidence("threads_peak").unwrap().value, 8.0);
    // A queue of all threads explains these waits: that is no convoy.
    let queue = scene(vec![point(
        "map",
        1,
        &[(200_000, 2 * US)],
        &[(600_000, 300)],
        400 * MS,
    )]);
    assert_eq!(kinds(&queue.findings())[0].0, FindingKind::Contended);
}

fn saturated(holds: u64) -> Point {
    let waits = [(50_000, 300 * US)];
    point("map", 1, &waits, &[(holds, 100 * US)], 15 * SECOND)
}

#[test]
fn a_saturated_lock() {
    let snapshot = scene(vec![saturated(90_000)]);
    let found = check(&snapshot, FindingKind::Saturated, Some(1)).unwrap();
    assert_eq!(found.evidence("held_share").unwrap().value, 0.9);
    assert!(!found.text.contains("several locks"), "{}", found.text);
    // More than all the time: that is more than one lock.
    let several = scene(vec![saturated(250_000)]);
    let found = check(&several, FindingKind::Saturated, Some(1)).unwrap();
    assert!(
        found
            .text
            .contains("250% of the time (the sum over several locks"),
        "{}",
        found.text
    );
}

/// The writer, the place that reads, and the readers as a group.
fn starved_writer() -> Vec<Point> {
    let readers = Point {
        caused_wait_ns: 5 * SECOND,
        blocked: 50,
        ..Point::new(named("map", 0).lock, AcquireMode::Shared, Site::readers())
    };
    vec![
        point("map", 1, &[(50, 100 * MS)], &[(50, 10 * US)], MS),
        in_mode(
            AcquireMode::Shared,
            point("map", 2, &[], &[(20_000, MS)], 0),
        ),
        readers,
    ]
}

#[test]
fn a_starved_writer() {
    let found = check(
        &scene(starved_writer()),
        FindingKind::StarvedWriter,
        Some(1),
    )
    .unwrap();
    assert_eq!(found.mode, Some(AcquireMode::Exclusive));
    assert_eq!(found.evidence("writers_wait_mean_ns").unwrap().value, 1e8);
}

fn upgradable_reads() -> Vec<Point> {
    vec![
        in_mode(
            AcquireMode::Upgradable,
            point(
                "map",
                1,
                &[(9_000, 500 * US)],
                &[(10_000, 300 * US)],
                4 * SECOND,
            ),
        ),
        point("map", 2, &[(20, 300 * US)], &[(100, 10 * US)], 10 * MS),
    ]
}

#[test]
fn upgradable_reads_that_rarely_upgrade() {
    let found = check(
        &scene(upgradable_reads()),
        FindingKind::UpgradableReads,
        Some(1),
    )
    .unwrap();
    assert_eq!(
        found.evidence("exclusive_acquisitions").unwrap().value,
        100.0
    );
}

#[test]
fn contention_of_no_special_kind() {
    let waits = [(1_000, 300 * US)];
    let snapshot = scene(vec![point(
        "map",
        1,
        &waits,
        &[(40_000, 50 * US)],
        300 * MS,
    )]);
    check(&snapshot, FindingKind::Contended, Some(1));
    // An unmodified program: the waits are known, and nothing else.
    let mut waits = parts(vec![point("map", 1, &[(900, 10 * MS)], &[], 0)]);
    waits.profiler_mode = ProfilerMode::Waits;
    waits.points[0].acquisitions = 900;
    let found = Snapshot::from_parts(waits).findings();
    assert_eq!(
        kinds(&found),
        [(FindingKind::Contended, "map".to_owned(), None)]
    );
    assert!(
        found[0].text.contains("does not say who"),
        "{}",
        found[0].text
    );
}

fn try_loop() -> Point {
    Point {
        try_failures: 4_000_000,
        ..point("map", 1, &[], &[(500, 3 * US)], 0)
    }
}

#[test]
fn a_try_lock_in_a_loop() {
    let tries = try_loop();
    let found = check(&scene(vec![tries.clone()]), FindingKind::TryLoop, Some(1)).unwrap();
    assert_eq!(found.cost_ns, None);
    // What waits costs time for sure: it comes first.
    let both = scene(vec![
        tries,
        Point {
            lock: named("other", 0).lock,
            ..long_hold()
        },
    ]);
    let found = both.findings();
    let found: Vec<FindingKind> = found.iter().map(|of| of.kind).collect();
    assert_eq!(found, [FindingKind::LongHold, FindingKind::TryLoop]);
}

/// A figure with a large error passes no threshold, and one with a small error says "about".
#[test]
fn no_sentence_is_surer_than_its_figures() {
    let with_error = |error_ns: f64| {
        let mut point = long_hold();
        point.wait.samples = 45;
        point.wait.total_variance = error_ns * error_ns;
        scene(vec![point])
    };
    let found = with_error(5e8).findings();
    assert!(
        found[0].text.contains("about 9.00s ± 500ms"),
        "{}",
        found[0].text
    );
    assert_eq!(found[0].cost_error_ns, 0.0, "what was caused is exact here");
    // 1.96 standard errors below, there is nothing left.
    let mut unsure = with_error(5e9);
    assert_eq!(unsure.findings(), []);

    // The share behind the point is 60 %, give or take 30: it may be less than half.
    let mut point = long_hold();
    point.caused_wait_ns = 54 * SECOND / 10;
    point.caused_variance = 2.7e9 * 2.7e9;
    unsure = scene(vec![point]);
    let found = unsure.findings();
    assert_ne!(found[0].kind, FindingKind::LongHold, "{}", found[0].text);

    // Percentiles of the last part of an interval do not explain all of it.
    let later = point_at(3, rare_long_hold());
    let interval = later.since(&point_at(1, named("map", 1)));
    let kinds: Vec<FindingKind> = interval
        .iter()
        .flat_map(Snapshot::findings)
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(kinds, [FindingKind::Contended]);
}

fn point_with(holds: &[(u64, u64)]) -> Point {
    point(
        "map",
        1,
        &[(500, 4 * US), (20, 250 * MS)],
        holds,
        5 * SECOND,
    )
}

fn point_at(collection: u64, point: Point) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        collection,
        elapsed_ns: collection * 10 * SECOND,
        ..parts(vec![point])
    })
}
