//! `lock.hot` fires once, with the exact line, and again only after it has cooled.

use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{Event, HotLine};
use nexus_lockprof_tests::bench::Bench;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A bench that keeps its events' lines.
fn listening(config: Config) -> (Bench, Arc<Mutex<Vec<String>>>) {
    let bench = Bench::with(config.mode(Mode::Exact));
    let lines = Arc::new(Mutex::new(Vec::new()));
    bench.engine.on_event({
        let lines = Arc::clone(&lines);
        move |event| {
            if let Event::Hot(_) = event {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(event.to_string());
            }
        }
    });
    (bench, lines)
}

fn taken(lines: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut lines.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn a_p95_over_its_threshold_fires_once_until_it_has_cooled() {
    let (bench, lines) = listening(Config::default().hot_hold(Duration::from_nanos(100)));
    let lock = bench.mutex("db", ());
    let interval = |ns| {
        for _ in 0..20 {
            let _guard = lock.lock();
            bench.pass(ns);
        }
        let _ = bench.engine.snapshot();
        taken(&lines)
    };
    let none: [String; 0] = [];
    let line = format!("lock=db site={}:{} metric=hold", file!(), line!() - 7);
    assert_eq!(interval(100), none, "at the threshold is not over it");
    assert_eq!(
        interval(250),
        [format!(
            "lock.hot {line} p95_ns=250 threshold_ns=100 samples=20"
        )]
    );
    assert_eq!(interval(250), none, "still hot");
    assert_eq!(interval(99), none, "under the threshold, but not cool");
    assert_eq!(interval(250), none, "it has not cooled");
    assert_eq!(interval(80), none, "cool");
    assert_eq!(
        interval(101),
        [format!(
            "lock.hot {line} p95_ns=101 threshold_ns=100 samples=20"
        )]
    );
}

#[test]
fn the_line_is_read_back() -> Result<(), Box<dyn std::error::Error>> {
    let (bench, lines) = listening(Config::default().hot_hold(Duration::ZERO));
    let lock = bench.mutex("the \"db\" = lock", ());
    for _ in 0..16 {
        let _guard = lock.lock();
        bench.pass(5);
    }
    bench.engine.tick();
    let lines = taken(&lines);
    let line: HotLine = lines.first().ok_or("no line")?.parse()?;
    assert_eq!(line.lock, "the \"db\" = lock");
    assert_eq!((line.p95_ns, line.threshold_ns, line.samples), (5, 0, 16));
    Ok(())
}

#[test]
fn one_slow_hold_in_many_is_not_hot() {
    let (bench, lines) = listening(Config::default().hot_hold(Duration::from_nanos(100)));
    let lock = bench.mutex("db", ());
    for i in 0..40 {
        let _guard = lock.lock();
        bench.pass(if i == 7 { 1_000_000 } else { 1 });
    }
    bench.engine.tick();
    assert!(taken(&lines).is_empty());
}

#[test]
fn too_few_samples_decide_nothing() {
    let config = Config::default()
        .hot_hold(Duration::ZERO)
        .hot_min_samples(10);
    let (bench, lines) = listening(config);
    let lock = bench.mutex("db", ());
    let interval = |times| {
        for _ in 0..times {
            let _guard = lock.lock();
            bench.pass(9);
        }
        bench.engine.tick();
        taken(&lines).len()
    };
    assert_eq!(interval(9), 0);
    assert_eq!(interval(9), 0, "each interval stands alone");
    assert_eq!(interval(10), 1);
}

#[test]
fn a_lock_s_own_threshold_goes_before_the_general_one() {
    let ns = Duration::from_nanos;
    let config = Config::default()
        .hot_hold(ns(1000))
        .hot_hold_for("db", ns(10));
    let (bench, lines) = listening(config);
    let (db, cache) = (bench.mutex("db", ()), bench.mutex("cache", ()));
    for _ in 0..16 {
        let _db = db.lock();
        let _cache = cache.lock();
        bench.pass(500);
    }
    bench.engine.tick();
    let lines = taken(&lines);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("lock.hot lock=db "), "{lines:?}");
}

#[test]
fn a_wait_fires_at_the_waiter() {
    let config = Config::default()
        .hot_wait(Duration::from_nanos(50))
        .hot_min_samples(4);
    let (bench, lines) = listening(config);
    let lock = bench.mutex("db", ());
    for round in 1..=4 {
        thread::scope(|scope| {
            let guard = lock.lock();
            scope.spawn(|| drop(lock.lock()));
            // SAFETY: only asks how many are blocked.
            unsafe { lock.raw() }.raw().await_blocked(round);
            bench.pass(60);
            drop(guard);
        });
    }
    bench.engine.tick();
    let line = line!() - 8;
    assert_eq!(
        taken(&lines),
        [format!(
            "lock.hot lock=db site={}:{line} metric=wait p95_ns=60 threshold_ns=50 samples=4",
            file!()
        )]
    );
}

#[test]
fn a_removed_handler_hears_nothing() {
    let (bench, lines) = listening(Config::default().hot_hold(Duration::ZERO));
    let heard = Arc::new(Mutex::new(0));
    let id = bench.engine.on_event({
        let heard = Arc::clone(&heard);
        move |_| *heard.lock().unwrap_or_else(PoisonError::into_inner) += 1
    });
    assert!(bench.engine.remove_handler(id));
    assert!(!bench.engine.remove_handler(id));
    let lock = bench.mutex("db", ());
    for _ in 0..16 {
        let _guard = lock.lock();
        bench.pass(5);
    }
    bench.engine.tick();
    assert_eq!(taken(&lines).len(), 1);
    assert_eq!(*heard.lock().unwrap_or_else(PoisonError::into_inner), 0);
}

#[test]
fn a_reporter_ticks_until_it_is_dropped() -> std::io::Result<()> {
    let bench = Bench::new(Mode::Exact);
    assert!(bench.engine.published().is_none());
    let reporter = bench.engine.reporter(Duration::from_millis(1))?;
    while bench.engine.published().is_none() {
        thread::yield_now();
    }
    drop(reporter);
    let last = bench.engine.published().map(|s| s.collection());
    thread::sleep(Duration::from_millis(5));
    assert_eq!(bench.engine.published().map(|s| s.collection()), last);
    Ok(())
}

#[test]
fn the_order_of_durations_does_not_matter() {
    for (slow_first, slow, fires) in [
        (true, 1, false),
        (false, 1, false),
        (true, 10, true),
        (false, 10, true),
    ] {
        let (bench, lines) = listening(Config::default().hot_hold(Duration::from_nanos(100)));
        let lock = bench.mutex("db", ());
        let mut durations: Vec<u64> = (0..20)
            .map(|i| if i < slow { 10_000 } else { 10 })
            .collect();
        if !slow_first {
            durations.reverse();
        }
        for ns in durations {
            let _guard = lock.lock();
            bench.pass(ns);
        }
        bench.engine.tick();
        assert_eq!(
            taken(&lines).len(),
            usize::from(fires),
            "{slow} slow, first: {slow_first}"
        );
    }
}

#[test]
fn a_reset_does_not_make_a_hot_point_fire_again() {
    let (bench, lines) = listening(Config::default().hot_hold(Duration::ZERO));
    let lock = bench.mutex("db", ());
    let run = || {
        for _ in 0..16 {
            let _guard = lock.lock();
            bench.pass(5);
        }
        bench.engine.reset();
        taken(&lines).len()
    };
    assert_eq!((run(), run()), (1, 0));
}

#[test]
fn a_reporter_without_a_pause_is_refused() {
    let refused = Bench::new(Mode::Exact).engine.reporter(Duration::ZERO);
    assert_eq!(
        refused.map(|_| ()).map_err(|error| error.kind()),
        Err(std::io::ErrorKind::InvalidInput)
    );
}
