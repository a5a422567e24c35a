//! An observer that comes often gets exact counts, and samples that are a little older.

use nexus_lockprof::Snapshot;
use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof_tests::bench::{Bench, Mutex, only_point};
use std::sync::Arc;
use std::time::Duration;

/// How old the samples may be.
const MOST: Duration = Duration::from_millis(100);
const MS: u64 = 1_000_000;

/// Holds the lock for each of these times.
fn hold(bench: &Bench, lock: &Mutex<()>, times: &[u64]) {
    for &ns in times {
        let _guard = lock.lock();
        bench.pass(ns);
    }
}

fn light(bench: &Bench) -> Snapshot {
    bench.engine.light_peek(MOST)
}

/// Holds of `db`: their number, time, and weights in the histogram.
fn counts(snapshot: &Snapshot) -> (u64, u64, u64) {
    let hold = only_point(snapshot, "db").hold;
    (hold.samples, hold.total_ns, hold.histogram.total())
}

/// Samples of all holds of `db`, and of those in the interval.
fn samples(snapshot: &Snapshot) -> [Vec<u64>; 2] {
    let hold = only_point(snapshot, "db").hold;
    [hold.reservoir, hold.recent].map(|samples| samples.iter().map(|one| one.value_ns).collect())
}

#[test]
fn counts_are_of_now_and_samples_of_the_last_peek() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    hold(&bench, &lock, &[5, 7]);
    // There was no collection before, so this is a full one.
    let first = light(&bench);
    assert_eq!((counts(&first), first.samples_behind_ns()), ((2, 12, 2), 0));
    assert_eq!(samples(&first), [[5, 7], [5, 7]]);
    // 0 would say that its samples are of now.
    assert_eq!(light(&bench).samples_behind_ns(), 1);
    bench.pass(30 * MS);
    hold(&bench, &lock, &[9, 11]);
    let second = light(&bench);
    assert_eq!(counts(&second), (4, 32, 4));
    assert_eq!(samples(&second), [[5, 7], [5, 7]]);
    assert_eq!(second.samples_behind_ns(), 30 * MS + 20);
    // It has no place among the collections.
    assert!(second.is_peek());
    assert_eq!(second.collection(), first.collection());
    // Nothing has happened since. At 100 ms it is a full one.
    bench.pass(70 * MS - 21);
    assert_eq!(light(&bench).samples_behind_ns(), 100 * MS - 1);
    bench.pass(1);
    let third = light(&bench);
    assert_eq!((counts(&third), third.samples_behind_ns()), ((4, 32, 4), 0));
    assert_eq!(samples(&third), [[5, 7, 9, 11], [5, 7, 9, 11]]);
}

#[test]
fn it_ends_no_interval_of_the_history() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    hold(&bench, &lock, &[5]);
    bench.pass(700 * MS);
    let before = bench.engine.peek().history().len();
    // An interval has at least a second.
    bench.pass(600 * MS);
    let light = bench.engine.light_peek(Duration::from_secs(1));
    assert_eq!(light.samples_behind_ns(), 600 * MS);
    assert_eq!(light.history().len(), before);
    assert_eq!(bench.engine.peek().history().len(), before + 1);
}

#[test]
fn a_peek_after_the_end_of_an_interval_is_a_full_one() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let end_an_interval: [&dyn Fn(); 3] = [
        &|| drop(bench.engine.snapshot()),
        &|| bench.engine.tick(),
        &|| drop(bench.engine.reset()),
    ];
    for end in end_an_interval {
        hold(&bench, &lock, &[5]);
        end();
        hold(&bench, &lock, &[7]);
        let peek = light(&bench);
        assert_eq!(peek.samples_behind_ns(), 0);
        // No samples of the interval that has ended.
        assert_eq!(samples(&peek)[1], [7]);
    }
}

#[test]
fn what_is_seen_by_a_light_peek_is_sampled_by_the_next_collection() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    hold(&bench, &lock, &[5]);
    for _ in 0..3 {
        // Read several times, so that it counts as unchanged.
        let _ = bench.engine.peek();
    }
    hold(&bench, &lock, &[7]);
    for _ in 0..3 {
        assert_eq!(counts(&light(&bench)), (2, 12, 2));
    }
    let full = bench.engine.snapshot();
    assert_eq!((counts(&full), full.samples_behind_ns()), ((2, 12, 2), 0));
    assert_eq!(samples(&full), [[5, 7], [5, 7]]);
    // And by no other.
    assert_eq!(samples(&bench.engine.snapshot()), [vec![5, 7], vec![]]);
}

#[test]
fn pullers_and_snapshots_are_as_without_light_peeks() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let mut intervals = bench.engine.intervals();
    let begin = intervals.pull();
    hold(&bench, &lock, &[500, 500, 900]);
    assert_eq!(counts(&light(&bench)), (3, 1_900, 3));
    let earlier = intervals.pull();
    assert_eq!(earlier.base_collection(), Some(begin.collection()));
    for _ in 0..3 {
        hold(&bench, &lock, &[10]);
        assert_ne!(light(&bench).samples_behind_ns(), 0);
    }
    let interval = intervals.pull();
    assert!(interval.is_complete());
    assert_eq!(interval.base_collection(), Some(earlier.collection()));
    assert_eq!(counts(&interval), (3, 30, 3));
    assert_eq!(samples(&interval)[0], [10, 10, 10]);
    let snapshot = bench.engine.snapshot();
    assert_eq!(snapshot.collection(), begin.collection());
    assert_eq!(samples(&snapshot)[1], [10, 10, 10, 500, 500, 900]);
}

#[test]
fn a_thread_that_has_ended_is_counted_and_its_samples_come_with_the_next_collection() {
    let bench = Arc::new(Bench::new(Mode::Exact));
    let lock = Arc::new(bench.mutex("db", ()));
    hold(&bench, &lock, &[5]);
    let _ = light(&bench);
    let work = {
        let (bench, lock) = (Arc::clone(&bench), Arc::clone(&lock));
        move || hold(&bench, &lock, &[7, 9])
    };
    assert!(std::thread::spawn(work).join().is_ok());
    for _ in 0..2 {
        let peek = light(&bench);
        assert_eq!(counts(&peek), (3, 21, 3));
        assert_eq!(samples(&peek), [[5], [5]]);
    }
    let full = bench.engine.snapshot();
    assert_eq!(counts(&full), (3, 21, 3));
    assert_eq!(samples(&full), [[5, 7, 9], [5, 7, 9]]);
}

#[test]
fn its_percentiles_do_not_cover_an_interval_up_to_it() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench::with(Config::default().mode(Mode::Exact));
    let lock = bench.mutex("db", ());
    let earlier = bench.engine.snapshot();
    hold(&bench, &lock, &[5]);
    assert!(light(&bench).since(&earlier)?.is_complete());
    hold(&bench, &lock, &[7]);
    let later = light(&bench);
    assert!(later.is_complete(), "it is no interval");
    let interval = later.since(&earlier)?;
    assert_eq!(counts(&interval), (2, 12, 2));
    assert!(!interval.is_complete());
    for snapshot in [later, interval] {
        let read = Snapshot::from_bytes(&snapshot.to_bytes()?)?;
        assert_eq!(read.samples_behind_ns(), 7);
        assert_eq!(read, snapshot);
    }
    Ok(())
}

#[cfg(all(feature = "serve", unix))]
#[test]
fn clients_that_come_often_get_one() -> Result<(), Box<dyn std::error::Error>> {
    use nexus_lockprof::engine::ServeEngine as _;
    use nexus_lockprof_tests::http::At;

    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("db", ());
    let server = bench.engine.serve(&"127.0.0.1:0".parse()?)?;
    let at = At::Tcp(server.local_addr().ok_or("no port")?);
    let pull = |path: &str| -> Result<Snapshot, Box<dyn std::error::Error>> {
        Ok(Snapshot::from_bytes(&at.ask("GET", path, "")?.1)?)
    };
    hold(&bench, &lock, &[5]);
    assert_eq!(pull("/snapshot")?.samples_behind_ns(), 0);
    hold(&bench, &lock, &[7]);
    let light = pull("/snapshot")?;
    assert_eq!((counts(&light), light.samples_behind_ns()), ((2, 12, 2), 7));
    // One that has a series gets all samples.
    for query in ["interval=a", "recent=b", "interval=a", "recent=b"] {
        hold(&bench, &lock, &[1]);
        let pulled = pull(&format!("/snapshot?{query}"))?;
        assert!(pulled.is_complete(), "{query}");
        assert_eq!(pulled.samples_behind_ns(), 0, "{query}");
    }
    bench.pass(100 * MS);
    assert_eq!(pull("/snapshot")?.samples_behind_ns(), 0);
    // Metrics have no samples, so they may be older.
    bench.pass(900 * MS);
    hold(&bench, &lock, &[1]);
    let (_, metrics) = at.ask("GET", "/metrics", "")?;
    let metrics = String::from_utf8(metrics)?;
    let line = metrics.lines().find(|line| {
        line.starts_with("lockprof_acquisitions_total") && line.contains("lock=\"db\"")
    });
    assert!(line.is_some_and(|line| line.ends_with(" 7")), "{line:?}");
    // They have not read the samples either.
    hold(&bench, &lock, &[1]);
    assert_eq!(
        bench
            .engine
            .light_peek(Duration::from_secs(1))
            .samples_behind_ns(),
        900 * MS + 2
    );
    Ok(())
}
