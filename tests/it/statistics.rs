//! What is counted and timed, to the nanosecond, on a manual clock.

mod timing;

use lock_api::{RwLockUpgradableReadGuard, RwLockWriteGuard};
use nexus_lockprof::engine::Mode;
use nexus_lockprof::{AcquireMode, Point};
use nexus_lockprof_tests::bench::{Bench, only_point};
use std::thread;

#[test]
fn hold_time_adds_up_to_the_nanosecond() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("work", ());
    let mut expected = 0;
    for step in 1..=1000 {
        let _guard = lock.lock();
        bench.pass(step);
        expected += step;
    }
    let point = bench.point("work");
    assert_eq!(point.acquisitions, 1000);
    assert_eq!(point.hold.total_ns, expected);
    assert_eq!(point.hold.max_ns, 1000);
    assert_eq!((point.hold.samples, point.hold.events), (1000, 1000));
    assert!(!point.hold.is_estimate());
    assert_eq!(point.contentions, 0);
    assert_eq!(point.wait.samples, 0);
}

#[test]
fn a_site_is_the_line_of_the_call() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("sites", ());
    drop(lock.lock());
    let first = line!() - 1;
    drop(lock.lock());
    drop(lock.try_lock());
    let snapshot = bench.engine.snapshot();
    let mut lines: Vec<u32> = snapshot.points_of("sites").map(|p| p.site.line).collect();
    lines.sort_unstable();
    assert_eq!(lines, [first, first + 2, first + 3]);
    assert!(snapshot.points().iter().all(|p| p.site.file == file!()));
}

/// One thread holds and `waiters` wait, each released in turn. Returns the holding and the waiting
/// point.
fn contended(bench: &Bench, waiters: usize, hold_ns: u64) -> (Point, Point) {
    let lock = bench.mutex("queue", ());
    thread::scope(|scope| {
        let guard = lock.lock(); // the holder's point
        for _ in 0..waiters {
            scope.spawn(|| drop(lock.lock())); // the waiters' point
        }
        // SAFETY: only asks how many are blocked.
        unsafe { lock.raw() }.raw().await_blocked(waiters);
        bench.pass(hold_ns);
        drop(guard);
    });
    let snapshot = bench.engine.snapshot();
    let (holder, waiter): (Vec<_>, Vec<_>) = snapshot
        .points_of("queue")
        .partition(|p| p.contentions == 0);
    assert_eq!((holder.len(), waiter.len()), (1, 1), "{snapshot}");
    (holder[0].clone(), waiter[0].clone())
}

#[test]
fn a_wait_is_booked_at_the_waiter_and_at_the_holder() {
    let bench = Bench::new(Mode::Exact);
    let (holder, waiter) = contended(&bench, 1, 700);
    assert_eq!((waiter.acquisitions, waiter.contentions), (1, 1));
    assert_eq!(waiter.wait.total_ns, 700);
    assert_eq!(waiter.wait.max_ns, 700);
    assert_eq!(waiter.wait.quantile(0.5), Some(700));
    assert_eq!((waiter.blocked, waiter.caused_wait_ns), (0, 0));
    assert_eq!((holder.acquisitions, holder.contentions), (1, 0));
    assert_eq!((holder.blocked, holder.caused_wait_ns), (1, 700));
    assert_eq!(holder.hold.total_ns, 700);
}

#[test]
fn the_contention_count_increments_in_every_mode() {
    for mode in [Mode::Counts, Mode::DEFAULT, Mode::Exact] {
        let bench = Bench::new(mode);
        let (holder, waiter) = contended(&bench, 3, 10);
        assert_eq!(
            (waiter.acquisitions, waiter.contentions),
            (3, 3),
            "{mode:?}"
        );
        // Waiters may also have waited for each other.
        assert_eq!(holder.blocked + waiter.blocked, 3, "{mode:?}");
        let waited = if mode == Mode::Counts { 0 } else { 30 };
        assert_eq!(waiter.wait.total_ns, waited, "{mode:?}");
        assert_eq!(
            holder.caused_wait_ns + waiter.caused_wait_ns,
            waited,
            "{mode:?}"
        );
    }
}

#[test]
fn readers_and_writers_are_different_points() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.rwlock("table", ());
    thread::scope(|scope| {
        let reader = lock.read();
        scope.spawn(|| drop(lock.write()));
        // SAFETY: only asks how many are blocked.
        unsafe { lock.raw() }.raw().await_blocked(1);
        bench.pass(40);
        drop(reader);
    });
    let snapshot = bench.engine.snapshot();
    let of = |mode| {
        let mut points = snapshot.points().iter().filter(|p| p.mode == mode);
        (points.next().cloned(), points.count())
    };
    let (Some(read), 0) = of(AcquireMode::Shared) else {
        panic!("{snapshot}")
    };
    let (Some(write), 0) = of(AcquireMode::Exclusive) else {
        panic!("{snapshot}")
    };
    assert_eq!(
        (read.blocked, read.caused_wait_ns, read.hold.total_ns),
        (1, 40, 40)
    );
    assert_eq!((write.contentions, write.wait.total_ns), (1, 40));
}

#[test]
fn the_holder_of_a_shared_lock_is_the_latest_reader() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.rwlock("table", ());
    let (early, late) = (line!() + 2, line!() + 3);
    thread::scope(|scope| {
        let first = lock.read();
        let second = lock.read();
        scope.spawn(|| drop(lock.write()));
        // SAFETY: only asks how many are blocked.
        unsafe { lock.raw() }.raw().await_blocked(1);
        bench.pass(5);
        drop((first, second));
    });
    let snapshot = bench.engine.snapshot();
    let blocked = |line| {
        snapshot
            .points()
            .iter()
            .find(|p| p.site.line == line)
            .map(|p| p.blocked)
    };
    assert_eq!((blocked(early), blocked(late)), (Some(0), Some(1)));
}

#[test]
fn failed_tries_and_timeouts_are_counted_and_acquire_nothing() {
    for mode in [Mode::Counts, Mode::DEFAULT, Mode::Exact] {
        let bench = Bench::new(mode);
        let lock = bench.mutex("busy", ());
        let guard = lock.lock();
        for _ in 0..5 {
            assert!(lock.try_lock().is_none());
        }
        for _ in 0..3 {
            assert!(lock.try_lock_for(std::time::Duration::ZERO).is_none());
        }
        drop(guard);
        let snapshot = bench.engine.snapshot();
        let sum = |f: fn(&Point) -> u64| snapshot.points().iter().map(f).sum::<u64>();
        assert_eq!(sum(|p| p.acquisitions), 1, "{mode:?}");
        assert_eq!(sum(|p| p.try_failures), 5, "{mode:?}");
        assert_eq!(sum(|p| p.timeouts), 3, "{mode:?}");
        assert_eq!(sum(|p| p.contentions), 0, "{mode:?}");
        // A timeout waited behind the holder; a failed try did not.
        assert_eq!(sum(|p| p.blocked), 3, "{mode:?}");
    }
}

#[test]
fn a_query_records_nothing() {
    let bench = Bench::new(Mode::Exact);
    let (mutex, rwlock) = (bench.mutex("m", 0), bench.rwlock("r", 0));
    assert!(!mutex.is_locked());
    assert!(!rwlock.is_locked() && !rwlock.is_locked_exclusive());
    assert!(bench.engine.snapshot().points().is_empty());
}

#[test]
fn a_downgrade_ends_one_hold_and_begins_another() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.full_rwlock("table", ());
    let write = lock.write();
    bench.pass(100);
    let read = RwLockWriteGuard::downgrade(write);
    bench.pass(30);
    drop(read);
    let snapshot = bench.engine.snapshot();
    let of = |mode| snapshot.points().iter().find(|p| p.mode == mode).cloned();
    let (Some(write), Some(read)) = (of(AcquireMode::Exclusive), of(AcquireMode::Shared)) else {
        panic!("{snapshot}")
    };
    assert_eq!((write.acquisitions, write.hold.total_ns), (1, 100));
    assert_eq!((read.acquisitions, read.hold.total_ns), (1, 30));
    assert_eq!(read.site.line, write.site.line + 2);
}

#[test]
fn upgrades_and_downgrades_in_a_row_are_all_recorded() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.full_rwlock("table", ());
    let mut guard = lock.upgradable_read();
    for _ in 0..100 {
        bench.pass(1);
        let write = RwLockUpgradableReadGuard::upgrade(guard);
        bench.pass(10);
        guard = RwLockWriteGuard::downgrade_to_upgradable(write);
    }
    bench.pass(1000);
    drop(guard);
    let snapshot = bench.engine.snapshot();
    let holds = |mode| {
        snapshot
            .points()
            .iter()
            .filter(|p| p.mode == mode)
            .fold((0, 0), |(n, ns), p| {
                (n + p.acquisitions, ns + p.hold.total_ns)
            })
    };
    assert_eq!(holds(AcquireMode::Exclusive), (100, 1000));
    assert_eq!(holds(AcquireMode::Upgradable), (101, 100 + 1000));
    assert!(snapshot.losses().is_empty());
}

#[test]
fn a_failed_upgrade_goes_on_with_the_hold() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.full_rwlock("table", ());
    let reader = lock.read();
    let guard = lock.upgradable_read();
    bench.pass(5);
    let Err(guard) = RwLockUpgradableReadGuard::try_upgrade(guard) else {
        panic!("upgraded beside a reader")
    };
    bench.pass(6);
    drop(guard);
    drop(reader);
    let snapshot = bench.engine.snapshot();
    let Some(held) = snapshot
        .points()
        .iter()
        .find(|p| p.mode == AcquireMode::Upgradable)
    else {
        panic!("{snapshot}")
    };
    assert_eq!((held.acquisitions, held.hold.total_ns), (1, 11));
    let Some(tried) = snapshot
        .points()
        .iter()
        .find(|p| p.mode == AcquireMode::Exclusive)
    else {
        panic!("{snapshot}")
    };
    assert_eq!((tried.acquisitions, tried.try_failures), (0, 1));
}

#[test]
fn the_lock_profiling_figures_are_there() {
    let bench = Bench::with(
        nexus_lockprof::Config::default()
            .mode(Mode::Counts)
            .max_points(2),
    );
    let lock = bench.mutex("a", ());
    drop(lock.lock());
    drop(lock.lock());
    for _ in 0..3 {
        drop(lock.lock()); // makes room for itself, once it is seen that another point is idle
    }
    let snapshot = bench.engine.snapshot();
    let table = snapshot.table();
    assert_eq!(
        (table.acquisitions, table.records, table.rejected),
        (5, 3, 0)
    );
    assert_eq!(table.max_records, 65_536);
    assert_eq!((table.hash_size, table.shards), (16, 1));
    assert!(snapshot.losses().is_empty());
    let counts = |of_rest| {
        let points = snapshot.points().iter();
        let points = points.filter(|point| point.lock.is_rest() == of_rest);
        let mut counts: Vec<_> = points.map(|point| point.acquisitions).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!((counts(false), counts(true)), (vec![1, 1, 2], vec![1]));
}

#[test]
fn a_snapshot_of_the_same_point_from_many_threads_is_one() {
    let bench = Bench::new(Mode::Exact);
    let lock = bench.mutex("shared", ());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    drop(lock.lock());
                }
            });
        }
    });
    assert_eq!(
        only_point(&bench.engine.snapshot(), "shared").acquisitions,
        1000
    );
}
