//! Switching modes live, resets and intervals.

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{ConfigError, ProfilerMode, SinceError};
use nexus_lockprof_tests::bench::Bench;

fn switch(bench: &Bench, mode: Mode) {
    assert_eq!(bench.engine.configure(Config::default().mode(mode)), Ok(()));
}

#[test]
fn a_switch_takes_effect_at_the_next_acquisition() {
    let bench = Bench::new(Mode::Off);
    let lock = bench.mutex("work", ());
    let go = |times| {
        for _ in 0..times {
            let _guard = lock.lock();
            bench.pass(10);
        }
        let snapshot = bench.engine.snapshot();
        snapshot
            .point("work")
            .map_or((0, 0), |p| (p.acquisitions, p.hold.samples))
    };
    assert_eq!(go(3), (0, 0));
    switch(&bench, Mode::Counts);
    assert_eq!(go(5), (5, 0));
    switch(&bench, Mode::Exact);
    assert_eq!(go(7), (12, 7));
    switch(&bench, Mode::Counts);
    assert_eq!(go(2), (14, 7));
    switch(&bench, Mode::Off);
    assert_eq!(go(9), (14, 7));
    assert_eq!(bench.engine.snapshot().profiler_mode(), ProfilerMode::Off);
}

#[test]
fn a_lock_held_across_a_switch_gets_no_bogus_hold() {
    const MODES: [Mode; 4] = [Mode::Off, Mode::Counts, Mode::DEFAULT, Mode::Exact];
    for before in MODES {
        for after in MODES {
            let bench = Bench::new(before);
            let lock = bench.mutex("held", ());
            bench.pass(1_000_000);
            let guard = lock.lock();
            bench.pass(20);
            switch(&bench, after);
            bench.pass(3);
            drop(guard);
            let snapshot = bench.engine.snapshot();
            // A hold is timed from its start, or not at all.
            let holds: Vec<u64> = snapshot.points().iter().map(|p| p.hold.total_ns).collect();
            let expected: &[u64] = match before {
                Mode::Off => &[],
                Mode::Counts => &[0],
                Mode::Sampled { .. } | Mode::Exact => &[23],
            };
            assert_eq!(holds, expected, "{before:?} to {after:?}");
        }
    }
}

#[test]
fn a_reset_starts_from_zero_and_gives_what_there_was() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    let go = |ns| {
        let _guard = lock.lock();
        bench.pass(ns);
    };
    // One line, so one point.
    let run = |all: &[u64]| all.iter().for_each(|&ns| go(ns));
    run(&[500, 1]);
    let ended = bench.engine.reset();
    let Some(point) = ended.point("work") else {
        panic!("{ended}")
    };
    assert_eq!(
        (point.acquisitions, point.hold.total_ns, point.hold.max_ns),
        (2, 501, 500)
    );
    assert!(bench.engine.snapshot().points().is_empty());
    assert_eq!(bench.engine.snapshot().elapsed_ns(), 0);

    run(&[7, 8, 9]);
    let point = bench.point("work");
    assert_eq!(
        (point.acquisitions, point.hold.total_ns, point.hold.max_ns),
        (3, 24, 9)
    );
    assert_eq!(point.hold.quantile(1.0), Some(9));
}

#[test]
fn an_interval_is_the_difference_of_two_snapshots() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    let run = |times, ns| {
        for _ in 0..times {
            let _guard = lock.lock();
            bench.pass(ns);
        }
    };
    run(10, 100);
    let earlier = bench.engine.snapshot();
    run(5, 7);
    let later = bench.engine.snapshot();
    let interval = match later.since(&earlier) {
        Ok(interval) => interval,
        Err(error) => panic!("{error}"),
    };
    // Both runs use one line, so one point.
    let Some(point) = interval.point("work") else {
        panic!("{interval}")
    };
    assert_eq!(
        (point.acquisitions, point.hold.total_ns, point.hold.samples),
        (5, 35, 5)
    );
    assert_eq!(point.hold.quantile(0.95), Some(7));
    assert_eq!(interval.elapsed_ns(), 35);

    bench.engine.reset();
    let fresh = bench.engine.snapshot();
    assert!(matches!(fresh.since(&later), Err(SinceError::Reset { .. })));
    let other = Bench::new(Mode::Exact);
    assert!(matches!(
        other.engine.snapshot().since(&earlier),
        Err(SinceError::DifferentEngine { .. })
    ));
}

#[test]
fn a_bad_setting_changes_nothing() {
    let bench = Bench::new(Mode::Exact);
    let bad = Config::default().mode(Mode::Sampled { budget: 2.0 });
    assert!(matches!(
        bench.engine.configure(bad),
        Err(ConfigError::Share { name: "budget", .. })
    ));
    assert_eq!(bench.engine.config(), Config::default().mode(Mode::Exact));
}

#[test]
fn json_gives_the_same_snapshot_back() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench::new(Mode::DEFAULT);
    let lock = bench.mutex("work", ());
    for ns in 0..1000 {
        let _guard = lock.lock();
        bench.pass(ns);
    }
    let snapshot = bench.engine.snapshot();
    let read = nexus_lockprof::Snapshot::from_json(&snapshot.to_json()?)?;
    assert_eq!(read, snapshot);
    Ok(())
}

#[test]
fn what_was_counted_and_not_timed_is_told_apart() {
    let bench = Bench::new(Mode::Counts);
    let lock = bench.mutex("work", ());
    let go = |times| {
        for _ in 0..times {
            let _guard = lock.lock();
            bench.pass(100);
        }
        bench.point("work").hold
    };
    let counted = go(1000);
    assert_eq!(
        (counted.samples, counted.unmeasured, counted.events),
        (0, 1000, 0)
    );
    switch(&bench, Mode::Exact);
    let part = go(10);
    assert_eq!((part.samples, part.unmeasured, part.events), (10, 1000, 10));
    assert_eq!((part.total_ns, part.mean_ns()), (1000, Some(100)));
    assert!(part.is_partial() && !part.is_estimate());
    switch(&bench, Mode::Counts);
    assert_eq!(go(5).unmeasured, 1005);
    bench.engine.reset();
    assert_eq!(go(7).unmeasured, 7);
}

#[test]
fn a_standard_error_survives_a_reset_and_a_difference() {
    let bench = Bench::new(Mode::DEFAULT);
    let lock = bench.mutex("work", ());
    let go = |ns| {
        for _ in 0..20_000 {
            let _guard = lock.lock();
            bench.pass(ns);
        }
    };
    go(1_000_000_000);
    let earlier = bench.engine.snapshot();
    go(100);
    let interval = match bench.engine.snapshot().since(&earlier) {
        Ok(interval) => interval,
        Err(error) => panic!("{error}"),
    };
    let error = |snapshot: &nexus_lockprof::Snapshot| {
        snapshot
            .point("work")
            .map_or(0.0, |p| p.hold.standard_error_ns())
    };
    assert!(error(&interval) > 0.0);
    bench.engine.reset();
    go(100);
    let fresh = bench.engine.snapshot();
    // 20,000 holds of 100 ns, of which one in a few hundred is timed: an error of a few per cent of
    // 2 ms.
    let standard_error = error(&fresh);
    assert!((1e4..1e6).contains(&standard_error), "{standard_error}");
}
