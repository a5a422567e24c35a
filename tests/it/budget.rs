//! What `Sampled` mode times, on a manual clock: the budget is spent but not exceeded, and nothing
//! goes untimed for long.

use nexus_lockprof::Profiled;
use nexus_lockprof::engine::{Engine, Mode};
use nexus_lockprof_adaptor::HoldMode;
use nexus_lockprof_tests::bench::{Bench, Mutex};
use std::convert::Infallible;
use std::panic::Location;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const BUDGET: f64 = 0.01;
const SECOND: u64 = 1_000_000_000;

fn bench() -> Bench {
    Bench::new(Mode::Sampled { budget: BUDGET })
}

/// Locks with their own names.
fn locks(bench: &Bench, prefix: &str, n: usize) -> Vec<(&'static str, Mutex<()>)> {
    let name = |i| &*format!("{prefix}{i}").leak();
    let lock = |i| (name(i), bench.mutex(name(i), ()));
    (0..n).map(lock).collect()
}

/// Holds the lock for `hold_ns`, then pauses for `gap_ns`.
fn use_it(bench: &Bench, lock: &Mutex<()>, hold_ns: u64, gap_ns: u64) {
    let guard = lock.lock();
    bench.pass(hold_ns);
    drop(guard);
    bench.pass(gap_ns);
}

/// Timed holds, and acquisitions.
fn timed(bench: &Bench, lock: &str) -> (u64, u64) {
    let point = bench.point(lock);
    (point.hold.samples, point.acquisitions)
}

fn spent_ns(bench: &Bench) -> u64 {
    bench.engine.snapshot().overhead().budgeted_ns
}

/// The share of `ns` spent since `before`.
fn share(bench: &Bench, before: u64, ns: u64) -> f64 {
    (spent_ns(bench) - before) as f64 / ns as f64
}

#[test]
fn points_used_at_the_start_do_not_put_off_the_others() {
    for n in [80, 150, 600] {
        let bench = bench();
        let (hot, start) = (locks(&bench, "hot", 5), locks(&bench, "start", n));
        for (_, lock) in hot.iter().chain(&start) {
            use_it(&bench, lock, 100, 400);
        }
        for second in 0..2 {
            let before = hot.iter().map(|(name, _)| timed(&bench, name).0);
            let before: Vec<u64> = before.collect();
            for _ in 0..100_000 {
                for (_, lock) in &hot {
                    use_it(&bench, lock, 100, 1_900);
                }
            }
            for ((name, _), before) in hot.iter().zip(before) {
                let (samples, _) = timed(&bench, name);
                assert!(
                    samples > before + 100,
                    "{n} points, second {second}: {name}"
                );
                let hold = bench.point(name).hold;
                let mean = hold.mean_ns().unwrap_or(0) as f64;
                assert!((mean / 100.0 - 1.0).abs() < 0.2, "{n} points: {mean}");
            }
        }
    }
}

#[test]
fn many_points_in_turn_are_each_timed_each_second() {
    for n in [40, 200, 400, 2_000] {
        let bench = bench();
        let locks = locks(&bench, "l", n);
        let mut before = vec![0; n];
        let spent = spent_ns(&bench);
        for second in 0..2 {
            for _ in 0..200_000 / n {
                for (_, lock) in &locks {
                    use_it(&bench, lock, 1_000, 4_000);
                }
            }
            let snapshot = bench.engine.snapshot();
            for ((name, _), before) in locks.iter().zip(&mut before) {
                let samples = snapshot.point(name).map_or(0, |point| point.hold.samples);
                assert!(samples > *before, "{n} points, second {second}: {name}");
                *before = samples;
            }
        }
        let share = share(&bench, spent, 2 * SECOND);
        // Timing each of them takes 0.8 %.
        assert!(
            (0.5 * BUDGET..1.2 * BUDGET).contains(&share),
            "{n}: {share}"
        );
    }
}

#[test]
fn a_rare_point_beside_hot_ones_is_timed_every_time() {
    let bench = bench();
    let (hot, rare) = (locks(&bench, "hot", 10), bench.mutex("rare", ()));
    for round in 0..2_000 {
        for _ in 0..100 {
            for (_, lock) in &hot {
                use_it(&bench, lock, 50, 50);
            }
        }
        drop(rare.lock());
        if round == 200 {
            let _ = bench.engine.reset();
        }
    }
    let (samples, acquisitions) = timed(&bench, "rare");
    assert!(
        samples >= acquisitions * 99 / 100,
        "{samples} of {acquisitions}"
    );
    let (samples, acquisitions) = timed(&bench, "hot0");
    assert!(samples < acquisitions / 4, "{samples} of {acquisitions}");
}

#[test]
fn work_between_locks_earns_budget_and_sleep_does_not() {
    // A thousand acquisitions in a row, then a pause.
    let run = |pause: &dyn Fn(&Bench)| {
        let bench = bench();
        let lock = bench.mutex("work", ());
        for _ in 0..300 {
            for _ in 0..1_000 {
                use_it(&bench, &lock, 20, 20);
            }
            pause(&bench);
        }
        (timed(&bench, "work"), spent_ns(&bench))
    };
    let ((samples, acquisitions), _) = run(&|bench| bench.pass(40_000_000));
    assert!(
        samples > acquisitions * 9 / 10,
        "{samples} of {acquisitions}"
    );

    let busy_ns = 300.0 * 40_000.0;
    let asleep = Duration::from_millis(40);
    let ((samples, acquisitions), spent) = run(&|bench| bench.clock.advance_idle(asleep));
    let share = spent as f64 / busy_ns;
    assert!((0.5 * BUDGET..1.2 * BUDGET).contains(&share), "{share}");
    assert!(samples < acquisitions / 10, "{samples} of {acquisitions}");
}

#[test]
fn threads_that_live_for_less_than_a_window_keep_to_the_budget() {
    for (threads, each) in [(3_000_u64, 60_u64), (500, 400)] {
        let bench = bench();
        let lock = bench.mutex("work", ());
        for _ in 0..threads {
            let run = || (0..each).for_each(|_| use_it(&bench, &lock, 100, 400));
            // Joined, which waits for the thread's destructors.
            thread::scope(|scope| assert!(scope.spawn(run).join().is_ok()));
        }
        let share = share(&bench, 0, threads * each * 500);
        assert!(
            (0.5 * BUDGET..1.2 * BUDGET).contains(&share),
            "{threads}: {share}"
        );
    }
}

#[test]
fn another_mode_leaves_no_debt() {
    let bench = bench();
    let lock = bench.mutex("work", ());
    let second = || {
        let before = timed(&bench, "work").0;
        (0..300_000).for_each(|_| use_it(&bench, &lock, 100, 900));
        timed(&bench, "work").0 - before
    };
    use_it(&bench, &lock, 100, 900);
    second();
    let usual = second();
    for between in [Mode::Exact, Mode::Counts, Mode::Off] {
        assert_eq!(bench.engine.configure(between.into_config()), Ok(()));
        (0..300_000).for_each(|_| use_it(&bench, &lock, 100, 900));
        let sampled = Mode::Sampled { budget: BUDGET };
        assert_eq!(bench.engine.configure(sampled.into_config()), Ok(()));
        let after = second();
        assert!(
            (usual * 8 / 10..usual * 12 / 10).contains(&after),
            "{after} after {between:?}, not {usual}"
        );
    }
}

trait IntoConfig {
    fn into_config(self) -> nexus_lockprof::Config;
}

impl IntoConfig for Mode {
    fn into_config(self) -> nexus_lockprof::Config {
        nexus_lockprof::Config::default().mode(self)
    }
}

/// A lock without exclusion. Any number of its guards may live, anywhere.
type Permits = Profiled<(), Engine>;

macro_rules! permit {
    ($permits:expr) => {
        $permits
            .acquire::<_, Infallible>(
                Location::caller(),
                HoldMode::Shared,
                |()| true,
                |()| Some(()),
                |()| Ok(()),
            )
            .unwrap_or_else(|never| match never {})
    };
}

#[test]
fn guards_that_live_long_leave_room_for_others() {
    let bench = bench();
    let other = bench.mutex("other", ());
    let permits: Permits = Profiled::named_in(bench.engine.clone(), (), "permits");
    let mut held = Vec::new();
    let use_other = || {
        let before = timed(&bench, "other").0;
        (0..200_000).for_each(|_| use_it(&bench, &other, 100, 900));
        timed(&bench, "other").0 - before
    };
    use_it(&bench, &other, 100, 900);
    use_other();
    let usual = use_other();
    for n in [50, 64, 200, 1_000, 10_000] {
        while held.len() < n {
            held.push(permit!(permits));
            bench.pass(1_000_000);
        }
        let samples = use_other();
        // Time at work between two permits has earned budget, too.
        let share = share(&bench, 0, bench.clock.now_ns());
        assert!(
            samples > usual * 7 / 10,
            "{n} permits: {samples}, not {usual}"
        );
        assert!(share < 1.2 * BUDGET, "{n} permits: {share}");
    }
    assert_eq!(bench.point("other").hold.unmeasured, 0);
    for guard in held {
        // SAFETY: the test's own guard, released once.
        unsafe { permits.release(guard, |(), ()| ()) };
    }
}

#[test]
fn guards_that_another_thread_releases_keep_to_the_budget() {
    let bench = bench();
    let permits: Permits = Profiled::named_in(bench.engine.clone(), (), "permits");
    let (guards, received) = mpsc::sync_channel(0);
    let (done, released) = mpsc::channel();
    thread::scope(|scope| {
        let permits = &permits;
        scope.spawn(move || {
            for guard in received {
                // SAFETY: the test's own guard, released once.
                unsafe { permits.release(guard, |(), ()| ()) };
                if done.send(()).is_err() {
                    break;
                }
            }
        });
        for _ in 0..100_000 {
            let guard = permit!(permits);
            bench.pass(100);
            assert!(guards.send(guard).is_ok() && released.recv().is_ok());
            bench.pass(900);
        }
        drop(guards);
    });
    let (samples, acquisitions) = timed(&bench, "permits");
    // Of the time of two threads: each pays half.
    let share = share(&bench, 0, 2 * SECOND / 10);
    assert!((0.5 * BUDGET..1.2 * BUDGET).contains(&share), "{share}");
    assert!(samples < acquisitions, "{samples} of {acquisitions}");
}

/// A node of the pool, used in `Sampled` and then in `Exact`, must not keep its old number.
#[test]
fn a_change_of_mode_while_a_lock_is_held_leaves_no_wrong_number() {
    let bench = bench();
    let (hot, rare, again) = (
        bench.mutex("hot", ()),
        bench.mutex("rare", ()),
        bench.mutex("rare", ()),
    );
    let use_hot = || use_it(&bench, &hot, 50, 150);
    // At a single place.
    let use_rare = |which| {
        let lock = if which { &rare } else { &again };
        lock.lock()
    };
    (0..300_000).for_each(|_| use_hot());
    assert_eq!(bench.engine.configure(Mode::Exact.into_config()), Ok(()));
    drop(use_rare(true));
    use_hot();
    let held = use_rare(true);
    let sampled = Mode::Sampled { budget: BUDGET };
    assert_eq!(bench.engine.configure(sampled.into_config()), Ok(()));
    drop(use_rare(false));
    drop(held);
    let samples = |bench: &Bench| {
        let snapshot = bench.engine.snapshot();
        let points = snapshot.points_of("rare");
        points.map(|point| point.hold.samples).sum::<u64>()
    };
    let before = samples(&bench);
    for _ in 0..2_000 {
        (0..500).for_each(|_| use_hot());
        drop(use_rare(true));
    }
    assert!(samples(&bench) - before >= 1_980);
}

/// 128 classes at the same line share the first place in a thread's cache.
#[test]
fn points_that_share_a_place_in_the_cache_do_not_starve_others() {
    let bench = bench();
    let locks = locks(&bench, "shared", 200);
    let use_lock = |i: usize| use_it(&bench, &locks[i].1, 100, 400);
    (0..200).for_each(use_lock);
    for apart in [1, 127, 128, 129] {
        let which = [3, 3 + apart, 50];
        let rounds = || {
            for _ in 0..30_000 {
                use_lock(which[0]);
                use_lock(which[1]);
                (0..8).for_each(|_| use_lock(which[2]));
            }
            which.map(|i| timed(&bench, locks[i].0).0)
        };
        rounds();
        for (before, samples) in rounds().into_iter().zip(rounds()) {
            assert!(
                samples > before + 50,
                "{apart} apart: {samples} after {before}"
            );
        }
    }
}
