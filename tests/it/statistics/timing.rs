//! What is timed, what is an estimate, and what measuring takes.

use nexus_lockprof::engine::Mode;
use nexus_lockprof_tests::bench::Bench;

#[test]
fn quantiles_are_of_what_was_measured() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    for ns in 1..=50 {
        let _guard = lock.lock();
        bench.pass(ns);
    }
    let hold = bench.point("work").hold;
    assert_eq!(
        hold.quantiles([0.0, 0.5, 0.9, 1.0]),
        [Some(1), Some(25), Some(45), Some(50)]
    );
}

#[test]
fn sampled_totals_say_that_they_are_estimates_and_are_near() {
    // 100,000 holds of 1000 ns: the total is 1e8, and its standard error says how far off the
    // estimate may be.
    let bench = Bench::new(Mode::Sampled { budget: 0.001 });
    let lock = bench.mutex("work", ());
    for _ in 0..100_000 {
        let _guard = lock.lock();
        bench.pass(1000);
    }
    let point = bench.point("work");
    assert_eq!(point.acquisitions, 100_000);
    assert!(point.hold.is_estimate());
    assert!(
        point.hold.samples < 10_000,
        "{} samples",
        point.hold.samples
    );
    let error = (point.hold.total_ns as f64 - 1e8).abs();
    let standard_error = point.hold.standard_error_ns();
    assert!(standard_error > 0.0 && standard_error < 0.1 * 1e8);
    assert!(
        error < 5.0 * standard_error,
        "off by {error}, standard error {standard_error}"
    );
}

#[test]
fn a_rare_point_is_exact_in_sampled_mode() {
    let bench = Bench::new(Mode::DEFAULT);
    let lock = bench.mutex("rare", ());
    for _ in 0..32 {
        let _guard = lock.lock();
        bench.pass(3);
    }
    let point = bench.point("rare");
    assert_eq!((point.hold.samples, point.hold.total_ns), (32, 96));
    assert!(!point.hold.is_estimate());
}

#[test]
fn exact_mode_has_no_estimates_also_while_a_lock_is_held() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    for step in 0..3 {
        let _guard = lock.lock();
        let point = bench.point("work");
        assert_eq!((point.acquisitions, point.hold.samples), (step + 1, step));
        assert!(!point.hold.is_estimate());
    }
}

#[test]
fn a_total_of_which_a_part_was_not_timed_says_that_it_is_an_estimate() {
    let bench = Bench::new(Mode::DEFAULT);
    let lock = bench.mutex("work", ());
    for n in 1..=500 {
        drop(lock.lock());
        let point = bench.point("work");
        let untimed = n - point.hold.samples;
        assert_eq!(
            point.hold.is_estimate(),
            untimed > 0 || point.hold.total_variance > 0.0,
            "{n}"
        );
        assert_eq!(point.hold.events, n);
    }
}

#[test]
fn more_measured_guards_than_there_is_room_for_are_counted_and_not_timed() {
    let bench = Bench::new(Mode::Exact);
    let locks: Vec<_> = (0..1_030).map(|_| bench.mutex("many", ())).collect();
    let guards: Vec<_> = locks.iter().map(|lock| lock.lock()).collect();
    for lock in &locks {
        assert!(lock.try_lock().is_none());
    }
    drop(guards);
    let snapshot = bench.engine.snapshot();
    let Some(point) = snapshot.points().iter().find(|p| p.acquisitions > 0) else {
        panic!("{snapshot}")
    };
    assert_eq!(
        (
            point.acquisitions,
            point.hold.samples,
            point.hold.unmeasured
        ),
        (1_030, 1_024, 6)
    );
    assert_eq!(
        snapshot.losses().guards,
        6,
        "a failed try has no guard to lose"
    );
}

#[test]
fn the_profiler_says_what_it_took() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    assert_eq!(bench.engine.snapshot().overhead().share(), None);
    let use_it = |times| {
        for _ in 0..times {
            let _guard = lock.lock();
            bench.pass(1_000);
        }
    };
    use_it(100);
    let first = bench.engine.snapshot();
    // On a manual clock a timed acquisition is assumed to take 40 ns. Finding its record takes 80,
    // which does not count as timing.
    let overhead = *first.overhead();
    assert_eq!(
        (
            overhead.budgeted_ns,
            overhead.counting_ns,
            overhead.threads_ns
        ),
        (4_000, 80, 100_000)
    );
    assert_eq!(overhead.share(), Some(0.04));
    use_it(10);
    let second = bench.engine.snapshot();
    let interval = second.since(&first).unwrap();
    assert_eq!(interval.overhead().budgeted_ns, 400);
    bench.engine.reset();
    use_it(1);
    let after = *bench.engine.snapshot().overhead();
    assert_eq!((after.budgeted_ns, after.threads_ns), (40, 1_000));
}

#[test]
fn the_budget_holds_and_changes_live() {
    // Holds of 20 ns: 40 ns for each timed one would be twice the thread's time.
    let bench = Bench::new(Mode::DEFAULT);
    let lock = bench.mutex("work", ());
    let share = |budget| {
        let mode = Mode::Sampled { budget };
        let config = nexus_lockprof::Config::default().mode(mode);
        assert_eq!(bench.engine.configure(config), Ok(()));
        let use_it = || {
            for _ in 0..1_000_000 {
                let guard = lock.lock();
                bench.pass(20);
                drop(guard);
            }
        };
        use_it();
        let before = bench.engine.snapshot();
        use_it();
        let spent = *bench.engine.snapshot().since(&before).unwrap().overhead();
        spent.share().unwrap() / budget
    };
    for budget in [0.01, 0.05, 0.005, 0.01] {
        let used = share(budget);
        assert!((0.5..1.2).contains(&used), "{used} of a budget of {budget}");
    }
}
