//! Waits that park: divided among the holders during the wait.

use super::*;
use nexus_lockprof_tests::bench::RwLock;
use std::sync::mpsc;
use std::thread;

/// Six that hold for 1 ms queue with one that holds for 30 ms. All met a short one.
#[test]
fn who_queues_behind_others_blames_each_for_its_hold() {
    const WAITERS: usize = 6;
    let _turn = turn();
    for mode in TIMED {
        let bench = Bench::new(mode);
        let lock = bench.mutex("queue", ());
        let short = || lock.lock();
        let long = || lock.lock();
        // The truth: blame on the short ones, and on the long one.
        let mut truth = [0, 0];
        thread::scope(|scope| {
            let (acquired, has_acquired) = mpsc::channel();
            let guard = short();
            for waiter in 0..WAITERS {
                let (acquired, short, long) = (acquired.clone(), &short, &long);
                scope.spawn(move || {
                    let is_long = waiter == 1;
                    let (go, may_go) = mpsc::channel::<()>();
                    let guard = if is_long { long() } else { short() };
                    assert!(acquired.send((is_long, go)).is_ok());
                    assert!(may_go.recv().is_ok());
                    drop(guard);
                });
                // SAFETY: only asks how many are blocked.
                unsafe { lock.raw() }.raw().await_blocked(waiter + 1);
            }
            bench.pass(MS);
            truth[0] += WAITERS as u64 * MS;
            drop(guard);
            // In whatever order the lock lets them in.
            for waiting in (0..WAITERS as u64).rev() {
                let Ok((is_long, go)) = has_acquired.recv() else {
                    panic!("a thread is gone")
                };
                let hold = if is_long { 30 * MS } else { MS };
                bench.pass(hold);
                truth[usize::from(is_long)] += waiting * hold;
                assert!(go.send(()).is_ok());
            }
        });
        let told = Told(bench.engine.snapshot());
        told.adds_up();
        let mut points: Vec<_> = told.0.points().iter().collect();
        points.sort_by_key(|point| point.site.line);
        let caused: Vec<_> = points.iter().map(|point| point.caused_wait_ns).collect();
        assert_eq!(caused, truth, "{mode:?}");
    }
}

/// Fast readers come and go beside a slow one. A writer must not blame them.
#[test]
fn a_writer_blames_the_reader_that_leaves_last() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (slow, fast, writer) = (shared(), shared(), exclusive());
        for _ in 0..100 {
            let reader = scene.take(slow);
            scene.hold(fast, 100);
            let written = scene.wait(writer, || {
                for _ in 0..20 {
                    scene.hold(fast, 100);
                    scene.pass(MS);
                }
                scene.release(reader);
            });
            scene.release(written);
            scene.pass(MS);
        }
        let told = scene.told();
        told.adds_up();
        let truth = 100 * 20 * (MS + 100);
        assert_eq!(told.blamed(slow), (100, truth), "{mode:?}");
        assert_eq!(told.blamed(fast), (0, 0), "{mode:?}");
        assert_eq!(told.readers_blamed(), (0, 0), "{mode:?}");
    }
}

/// Without timing, the last reader to come is not blamed, nor is anyone else by name.
#[test]
fn without_a_clock_readers_are_a_group() {
    let _turn = turn();
    let scene = Scene::new(Mode::Counts);
    let (slow, fast, writer) = (shared(), shared(), exclusive());
    let reader = scene.take(slow);
    scene.hold(fast, 10);
    let written = scene.wait(writer, || scene.release(reader));
    scene.release(written);
    let told = scene.told();
    told.adds_up();
    assert_eq!(told.readers_blamed(), (1, 0));
    assert_eq!(told.blamed(slow), (0, 0));
    assert_eq!(told.blamed(fast), (0, 0));
}

/// Readers and a writer wait behind a slow writer, with another writer in between.
#[test]
fn a_convoy_behind_a_slow_writer() {
    let _turn = turn();
    for mode in TIMED {
        let bench = Bench::new(mode);
        let lock: RwLock<()> = bench.rwlock("convoy", ());
        let quick = || lock.write();
        thread::scope(|scope| {
            let slow = lock.write();
            // Each thread reports its acquisition, in whatever order the lock lets them in.
            let (acquired, has_acquired) = mpsc::channel();
            for waiter in 1..=3 {
                let (lock, acquired, quick) = (&lock, acquired.clone(), &quick);
                scope.spawn(move || {
                    let (go, may_go) = mpsc::channel::<()>();
                    if waiter == 1 {
                        let guard = quick();
                        assert!(acquired.send((true, go)).is_ok());
                        assert!(may_go.recv().is_ok());
                        drop(guard);
                    } else {
                        let guard = lock.read();
                        assert!(acquired.send((false, go)).is_ok());
                        assert!(may_go.recv().is_ok());
                        drop(guard);
                    }
                });
                // SAFETY: only asks how many are blocked.
                unsafe { lock.raw() }.raw().await_blocked(waiter);
            }
            bench.pass(40 * MS);
            drop(slow);
            for _ in 1..=3 {
                let Ok((writes, go)) = has_acquired.recv() else {
                    panic!("a thread is gone")
                };
                if writes {
                    bench.pass(2 * MS);
                }
                assert!(go.send(()).is_ok());
            }
        });
        let told = Told(bench.engine.snapshot());
        told.adds_up();
        // All three waited for the slow one. The lock chooses how many wait for the quick one.
        let of = |contended: bool| {
            let mut points = told.0.points().iter();
            points.find(|p| p.mode == exclusive().1.into() && (p.contentions > 0) == contended)
        };
        assert_eq!(blame(of(false)), (3, 3 * 40 * MS), "{mode:?}");
        assert!([0, 2 * MS, 4 * MS].contains(&blame(of(true)).1), "{mode:?}");
    }
}

/// After a fair release the lock belongs to the next thread, even before that one runs.
#[test]
fn a_lock_that_was_handed_over_is_held_by_who_got_it() {
    let _turn = turn();
    for mode in TIMED {
        for (fair, truth) in [(true, 4 * MS + MS), (false, MS)] {
            let scene = Scene::new(mode);
            let (first, next, waiter) = (exclusive(), exclusive(), exclusive());
            let holder = scene.take(first);
            let (parked, is_parked) = mpsc::channel();
            let (wake, is_woken) = mpsc::channel::<()>();
            let (go, may_go) = mpsc::channel::<()>();
            thread::scope(|scope| {
                let scene = &scene;
                scope.spawn(move || {
                    let guard = scene.wait(next, || {
                        assert!(parked.send(()).is_ok());
                        assert!(is_woken.recv().is_ok());
                    });
                    assert!(parked.send(()).is_ok());
                    assert!(may_go.recv().is_ok());
                    scene.release(guard);
                    assert!(parked.send(()).is_ok());
                });
                assert!(is_parked.recv().is_ok());
                let guard = scene.wait(waiter, || {
                    scene.pass(5 * MS);
                    if fair {
                        // SAFETY: the scene's own guard, released once.
                        unsafe { scene.lock.release_fair(holder, |(), ()| ()) };
                    } else {
                        scene.release(holder);
                    }
                    scene.pass(4 * MS);
                    assert!(wake.send(()).is_ok() && is_parked.recv().is_ok());
                    scene.pass(MS);
                    assert!(go.send(()).is_ok() && is_parked.recv().is_ok());
                });
                scene.release(guard);
            });
            let told = scene.told();
            told.adds_up();
            // Time without a holder is shared by everyone, in proportion.
            let part = |part| if fair { part } else { part * 10 / 6 };
            let (_, caused) = told.blamed(next);
            assert!(
                caused.abs_diff(part(truth)) <= 1,
                "{mode:?} {fair}: {caused}"
            );
            // The waiter's part, and all nine of the next holder.
            let (_, caused) = told.blamed(first);
            assert!(
                caused.abs_diff(part(5 * MS) + 9 * MS) <= 1,
                "{mode:?} {fair}: {caused}"
            );
        }
    }
}

/// An upgradable holder is no reason for its own upgrade to wait.
#[test]
fn an_upgrade_blames_readers() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (reader, own, upgrade) = (shared(), upgradable(), upgrade());
        let read = scene.take(reader);
        let guard = scene.take(own);
        scene.pass(MS);
        // SAFETY: the scene's own guard, used once.
        let upgraded = unsafe {
            scene.lock.upgrade_with(
                upgrade.0,
                guard,
                |(), ()| Err(()),
                |(), ()| {
                    scene.pass(7 * MS);
                    scene.release(read);
                    Ok::<_, ()>(())
                },
            )
        };
        let Ok(guard) = upgraded else {
            panic!("it was not upgraded")
        };
        scene.release(guard);
        let told = scene.told();
        told.adds_up();
        let blamed = match mode {
            Mode::Counts => told.readers_blamed(),
            _ => told.blamed(reader),
        };
        let waited = if mode == Mode::Counts { 0 } else { 7 * MS };
        assert_eq!(blamed, (1, waited), "{mode:?}");
        for at in [own, upgrade] {
            assert_eq!(told.blamed(at), (0, 0), "{mode:?}");
        }
    }
}

#[track_caller]
fn upgrade() -> At {
    exclusive()
}

/// A waiter that gives up waited for past holders, and for the one that still holds.
#[test]
fn who_gives_up_blames_who_still_holds_it() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (first, second, waiter) = (exclusive(), exclusive(), exclusive());
        let holder = scene.take(first);
        let mut held = None;
        scene.give_up(waiter, || {
            scene.pass(3 * MS);
            scene.release(holder);
            held = Some(scene.take(second));
            scene.pass(2 * MS);
        });
        held.into_iter().for_each(|guard| scene.release(guard));
        let told = scene.told();
        told.adds_up();
        assert_eq!(told.blamed(first), (1, 3 * MS), "{mode:?}");
        assert_eq!(told.blamed(second), (0, 2 * MS), "{mode:?}");
    }
}

/// Unmeasured wait is divided between the first and the last holder seen.
#[test]
fn holders_that_are_not_measured_are_blamed_half_and_half() {
    let _turn = turn();
    let scene = Scene::new(Mode::DEFAULT);
    let (first, last, waiter) = (exclusive(), exclusive(), exclusive());
    // Repeats until they are so frequent that they are only counted.
    let untimed = |at| {
        for _ in 0..1_000_000 {
            let guard = scene.take(at);
            scene.pass(1);
            let (inner, pending_ref) = guard.into_parts();
            let counted = pending_ref.is_none();
            let guard = ProfiledGuard::new(inner, pending_ref);
            if counted {
                return guard;
            }
            scene.release(guard);
        }
        panic!("each was timed")
    };
    scene.release(untimed(last));
    let holder = untimed(first);
    let before = scene.told();
    let guard = scene.wait(waiter, || {
        scene.pass(5 * MS);
        scene.release(holder);
        // At the same instant: it takes no time.
        let guard = untimed(last);
        scene.pass(5 * MS);
        scene.release(guard);
    });
    scene.release(guard);
    let told = scene.told();
    told.adds_up();
    let waited = told.sum(|p| p.wait.total_ns);
    let caused = |at| told.blamed(at).1 - before.blamed(at).1;
    // A few holds before the unmeasured one were measured, each a few nanoseconds long.
    let share = caused(first) as f64 / waited as f64;
    assert!((0.4..=0.6).contains(&share), "{share}");
    assert_eq!(caused(first) + caused(last), waited);
}

/// Found taken: each of ten looks takes 90 ns and finds it taken; the lock's own wait takes 100 ns
/// more.
#[test]
fn a_long_wait_includes_the_looking() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (site, mode_of_hold) = exclusive();
        for _ in 0..2_000 {
            let Ok(guard) = scene.lock.acquire::<_, Infallible>(
                site,
                mode_of_hold,
                |()| {
                    scene.pass(90);
                    false
                },
                |()| None,
                |()| {
                    scene.pass(100);
                    Ok(())
                },
            );
            scene.release(guard);
            scene.pass(20);
        }
        let told = scene.told();
        let point = &told.0.points()[0];
        if mode == Mode::Exact {
            assert_eq!(
                (point.wait.samples, point.wait.total_ns),
                (2_000, 2_000_000)
            );
        }
        // So many long waits exceed the budget, so some stand for others.
        let ratio = point.wait.total_ns as f64 / 2e6;
        assert!((0.7..1.3).contains(&ratio), "{mode:?}: {ratio}");
        let quantiles = point.wait.quantiles([0.0, 0.5, 1.0]);
        assert_eq!(quantiles, [Some(1_000); 3], "{mode:?}");
    }
}

/// A waiter that gave up its processor, and got it back late, looks no more: its wait is timed.
#[test]
fn a_wait_that_lasts_is_a_long_one_without_all_looks() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (site, hold) = exclusive();
        let looks = std::cell::Cell::new(0);
        let Ok(guard) = scene.lock.acquire::<_, Infallible>(
            site,
            hold,
            |()| {
                looks.set(looks.get() + 1);
                scene.pass(10_000);
                false
            },
            |()| None,
            |()| Ok(()),
        );
        scene.release(guard);
        // Three looks without giving up the processor, and 30 µs.
        assert_eq!(looks.get(), 3, "{mode:?}");
        let told = scene.told();
        let point = &told.0.points()[0];
        let waits = (point.long_waits, point.wait.samples, point.wait.total_ns);
        assert_eq!(waits, (1, 1, 30_000), "{mode:?}");
    }
}

/// A wait that unwinds leaks nothing.
#[test]
fn a_wait_that_unwinds_costs_nothing() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (site, hold) = exclusive();
        for _ in 0..100 {
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let block = |_: &()| -> Result<(), Infallible> {
                    // Without the hook, which would print each panic.
                    std::panic::resume_unwind(Box::new(()))
                };
                scene
                    .lock
                    .acquire::<(), Infallible>(site, hold, |()| false, |()| None, block)
            }));
            assert!(unwound.is_err());
        }
        let other = exclusive();
        for _ in 0..60 {
            scene.hold(other, 1_000);
        }
        let told = scene.told();
        let hold = told.of(other).map(|point| &point.hold);
        // The budget decides how many of them `Sampled` times.
        let least = if mode == Mode::Exact { 60 } else { 30 };
        let is_timed = hold.is_some_and(|hold| hold.samples >= least && hold.unmeasured == 0);
        assert!(is_timed, "{mode:?}: {hold:?}");
        assert!(told.0.losses().is_empty(), "{mode:?}");
    }
}

/// A point that caused waiting since the last reset is shown, even without an acquisition since.
#[test]
fn a_point_with_nothing_but_caused_wait_is_in_the_snapshot() {
    let _turn = turn();
    let scene = Scene::new(Mode::Exact);
    let (holder, waiter) = (exclusive(), exclusive());
    let held = scene.take(holder);
    let guard = scene.wait(waiter, || {
        scene.pass(MS);
        scene.release(held);
    });
    scene.bench.engine.reset();
    scene.release(guard);
    let told = scene.told();
    assert_eq!(told.blamed(holder), (0, MS));
}
