//! Each puller has intervals of its own, and the last intervals show when a lock was hot.

use crate::scene::{Scene, exclusive};
use nexus_lockprof::engine::{Config, Engine, Intervals, Mode};
use nexus_lockprof::{Event, Snapshot};
use nexus_lockprof_tests::bench::{Bench, Mutex, only_point};
use nexus_lockprof_tests::children;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

/// Holds the lock for each of these times.
fn hold(bench: &Bench, lock: &Mutex<()>, times: &[u64]) {
    for &ns in times {
        let _guard = lock.lock();
        bench.pass(ns);
    }
}

/// The snapshot, written and read.
fn again(snapshot: &Snapshot) -> Option<Snapshot> {
    Snapshot::from_bytes(&snapshot.to_bytes().ok()?).ok()
}

/// Holds of `db`: their number, time, median and maximum.
fn holds(interval: &Snapshot) -> (u64, u64, Option<u64>, u64) {
    assert!(interval.is_complete(), "{interval}");
    let hold = only_point(interval, "db").hold;
    (hold.samples, hold.total_ns, hold.p50_ns(), hold.max_ns)
}

#[test]
fn two_pullers_see_their_own_intervals() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let [mut often, mut seldom] = [bench.engine.intervals(), bench.engine.intervals()];
    hold(&bench, &lock, &[500, 500, 900]);
    for puller in [&mut often, &mut seldom] {
        let first = puller.pull();
        assert_eq!(first.base_collection(), None);
        assert_eq!(holds(&first), (3, 1_900, Some(500), 900));
    }
    hold(&bench, &lock, &[10, 10, 20]);
    assert_eq!(holds(&often.pull()), (3, 40, Some(10), 20));
    // Neither a snapshot nor a tick ends a puller's interval, and a puller ends none of theirs.
    let _ = bench.engine.snapshot();
    hold(&bench, &lock, &[30, 30, 40]);
    assert_eq!(holds(&often.pull()), (3, 100, Some(30), 40));
    let recent = only_point(&bench.engine.snapshot(), "db").hold.recent;
    assert_eq!(recent.len(), 3);
    bench.engine.tick();
    hold(&bench, &lock, &[1_000]);
    assert_eq!(holds(&often.pull()), (1, 1_000, Some(1_000), 1_000));
    assert_eq!(holds(&seldom.pull()), (7, 1_140, Some(30), 1_000));
    let idle = seldom.pull();
    assert!(idle.points().is_empty() && idle.is_complete());
    assert_eq!(again(&idle), Some(idle));
}

#[test]
fn a_reset_ends_no_interval() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let mut intervals = bench.engine.intervals();
    let begin = intervals.pull();
    hold(&bench, &lock, &[5, 70]);
    let _ = bench.engine.reset();
    hold(&bench, &lock, &[6, 8]);
    let _ = bench.engine.reset();
    hold(&bench, &lock, &[7]);
    let interval = intervals.pull();
    assert_eq!(holds(&interval), (5, 96, Some(7), 70));
    assert_eq!(interval.elapsed_ns(), 96);
    assert_eq!(interval.base_collection(), Some(begin.collection()));
    assert_eq!(interval.table().acquisitions, 5);
    // The next one is as any other.
    hold(&bench, &lock, &[9]);
    assert_eq!(holds(&intervals.pull()), (1, 9, Some(9), 9));
    // A point that only the part before the reset has.
    hold(&bench, &lock, &[11]);
    let _ = bench.engine.reset();
    assert_eq!(holds(&intervals.pull()), (1, 11, Some(11), 11));
}

#[test]
fn a_ninth_puller_has_counts_until_there_is_a_place_for_its_samples() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let mut pullers: Vec<Intervals> = (0..9).map(|_| bench.engine.intervals()).collect();
    for puller in &mut pullers {
        let _ = puller.pull();
    }
    hold(&bench, &lock, &[50, 60]);
    let lost = |snapshot: &Snapshot| snapshot.losses().interval_samples;
    assert_eq!(lost(&bench.engine.snapshot()), 1);
    let interval = pullers[0].pull();
    let point = only_point(&interval, "db");
    assert_eq!((point.acquisitions, point.hold.total_ns), (2, 110));
    assert!(interval.is_complete());
    // The ninth takes nobody's, however often it pulls.
    for round in 2..5 {
        let interval = pullers[8].pull();
        assert!(!interval.is_complete());
        assert_eq!(only_point(&interval, "db").acquisitions, 2);
        assert_eq!(lost(&bench.engine.snapshot()), round);
        assert!(pullers[0].pull().is_complete());
        hold(&bench, &lock, &[50, 60]);
    }
    // A puller that is gone makes room.
    drop(pullers.drain(2..8));
    let _ = pullers[2].pull();
    hold(&bench, &lock, &[70]);
    assert_eq!(holds(&pullers[2].pull()), (1, 70, Some(70), 70));
}

#[test]
fn samples_are_bounded_and_counts_are_not() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let mut intervals = bench.engine.intervals();
    let _ = intervals.pull();
    for _ in 0..10 {
        hold(&bench, &lock, &[100; 300]);
        let _ = bench.engine.snapshot();
    }
    let interval = intervals.pull();
    assert_eq!(holds(&interval), (3_000, 300_000, Some(100), 100));
    assert!(only_point(&interval, "db").hold.recent.len() <= 256);
}

/// Waits in each of `seconds` seconds for some of the time.
fn waits(scene: &Scene, seconds: u64, ns: u64) {
    for _ in 0..seconds {
        let owner = scene.take(exclusive());
        let waiter = scene.wait(exclusive(), || {
            scene.pass(ns);
            scene.release(owner);
        });
        scene.release(waiter);
        scene.pass(SECOND - ns);
        scene.bench.engine.tick();
    }
}

#[test]
fn a_lock_that_is_hot_for_two_seconds_in_sixty_shows() {
    let scene = Scene::new(Mode::Exact);
    waits(&scene, 10, 1_000);
    waits(&scene, 2, 900_000_000);
    waits(&scene, 50, 1_000);
    let snapshot = scene.bench.engine.snapshot();
    let history = snapshot.history();
    assert_eq!(history.len(), 60);
    let hot: Vec<(usize, u64, u64)> = history
        .iter()
        .enumerate()
        .filter_map(|(number, interval)| {
            let [point] = &*interval.points else {
                panic!("{interval:?}")
            };
            assert_eq!((interval.length_ns, point.contentions), (SECOND, 1));
            (point.wait_ns > 1_000).then_some((number, point.wait_ns, point.wait_max_ns))
        })
        .collect();
    // Two of the 62 are forgotten.
    let expected = [8, 9].map(|number| (number, 900_000_000));
    let found = hot.iter().map(|&(number, ns, _)| (number, ns));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    // A sample is as near as that.
    let is_near = |max: u64| max.abs_diff(900_000_000) < 20_000;
    assert!(hot.iter().all(|&(_, _, max)| is_near(max)), "{hot:?}");
    assert_eq!(again(&snapshot).as_ref(), Some(&snapshot));
    let _ = scene.bench.engine.reset();
    assert!(scene.bench.engine.snapshot().history().is_empty());
}

#[test]
fn without_a_tick_the_history_is_made_of_pulls() {
    let bench = Bench::with(Config::default().mode(Mode::Exact).history(2));
    let mut intervals = bench.engine.intervals();
    for ns in [SECOND, SECOND - 1, 1, 3 * SECOND, 2 * SECOND] {
        bench.pass(ns);
        let _ = intervals.pull();
    }
    let lengths = |engine: &Engine| -> Vec<u64> {
        let snapshot = engine.peek();
        snapshot
            .history()
            .iter()
            .map(|past| past.length_ns / SECOND)
            .collect()
    };
    assert_eq!(lengths(&bench.engine), [3, 2]);
    bench.pass(SECOND);
    bench.engine.tick();
    assert_eq!(lengths(&bench.engine), [2, 1]);
    bench.pass(9 * SECOND);
    let _ = intervals.pull();
    assert_eq!(lengths(&bench.engine), [2, 1], "from now on, ticks alone");
}

/// 16 samples are needed, and each interval of a puller or a snapshot has fewer.
#[test]
fn others_do_not_disturb_the_monitor() {
    let bench = Bench::with(
        Config::default()
            .mode(Mode::Exact)
            .hot_hold(Duration::from_nanos(100)),
    );
    let hot = Arc::new(AtomicUsize::new(0));
    bench.engine.on_event({
        let hot = Arc::clone(&hot);
        move |event| {
            if let Event::Hot(event) = event {
                assert_eq!((event.samples, event.p95_ns), (20, 250));
                hot.fetch_add(1, Relaxed);
            }
        }
    });
    let lock = bench.mutex("db", ());
    let mut intervals = bench.engine.intervals();
    bench.engine.tick();
    for _ in 0..4 {
        hold(&bench, &lock, &[250; 5]);
        let _ = (
            intervals.pull(),
            bench.engine.snapshot(),
            bench.engine.peek(),
        );
    }
    assert_eq!(hot.load(Relaxed), 0);
    bench.engine.tick();
    assert_eq!(hot.load(Relaxed), 1);
}

#[test]
fn a_forked_child_goes_on() {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    children::run(command.arg("fork: intervals")).expect_success();
}

/// Each client that names itself has a series over HTTP.
#[cfg(all(feature = "serve", unix))]
#[test]
fn clients_have_series_by_name() -> Result<(), Box<dyn std::error::Error>> {
    use nexus_lockprof::engine::ServeEngine as _;
    use nexus_lockprof_tests::http::At;

    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let server = bench.engine.serve(&"127.0.0.1:0".parse()?)?;
    let at = At::Tcp(server.local_addr().ok_or("no port")?);
    let ask = |query: &str| at.ask("GET", &format!("/snapshot?{query}"), "");
    let pull = |query: &str| -> Result<Snapshot, Box<dyn std::error::Error>> {
        Ok(Snapshot::from_bytes(&ask(query)?.1)?)
    };
    hold(&bench, &lock, &[5, 7]);
    assert_eq!(holds(&pull("interval=a")?), (2, 12, Some(5), 7));
    let earlier = pull("recent=c")?;
    hold(&bench, &lock, &[3]);
    assert_eq!(holds(&pull("interval=b")?), (3, 15, Some(5), 7));
    assert_eq!(holds(&pull("interval=a")?), (1, 3, Some(3), 3));
    // Whoever takes all of it with the samples of an interval can subtract.
    let later = pull("recent=c")?;
    assert_eq!(holds(&later), (3, 15, Some(5), 7));
    assert_eq!(holds(&later.since(&earlier)?), (1, 3, Some(3), 3));
    hold(&bench, &lock, &[2, 2]);
    assert!(!pull("")?.since(&later)?.is_complete());
    let latest = pull("recent=c")?;
    assert!(!latest.since(&earlier)?.is_complete(), "not the one before");
    assert_eq!(holds(&latest.since(&later)?), (2, 4, Some(2), 2));
    // A head ends nothing.
    assert_eq!(at.ask("HEAD", "/snapshot?interval=a", "")?.0, 200);
    assert_eq!(holds(&pull("interval=a")?), (2, 4, Some(2), 2));
    // The ninth name has to wait, and takes nobody's series.
    for name in 3..8 {
        assert_eq!(pull(&format!("interval={name}"))?.base_collection(), None);
    }
    assert_eq!(ask("interval=8")?.0, 503);
    for name in ["a", "b", "3", "7"] {
        assert!(
            pull(&format!("interval={name}"))?
                .base_collection()
                .is_some()
        );
    }
    assert_eq!(ask("interval=")?.0, 400);
    assert_eq!(ask("interval=a&seconds=1")?.0, 400);
    Ok(())
}
