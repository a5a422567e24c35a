//! Why threads waited for a reader-writer lock: each cause, and no other.

use super::*;
use nexus_lockprof::{RwLockWaits, WaitCause};
use nexus_lockprof_adaptor::HoldMode;
use std::cell::Cell;
use std::thread;

/// Each cause with its waits and time.
fn causes(of: &RwLockWaits) -> Vec<(WaitCause, u64, u64)> {
    let causes = of.causes.iter();
    causes
        .map(|of| (of.cause, of.waits, of.waited_ns))
        .collect()
}

impl Told {
    /// The only reader-writer lock that was waited for.
    #[track_caller]
    fn rwlock(&self) -> RwLockWaits {
        let all = self.0.rwlocks();
        let [of] = all.as_slice() else {
            panic!("not one, but {all:?}")
        };
        self.sums_up(of);
        of.clone()
    }

    /// Short and long waits are all contentions, and causes are all waits, of each point, too.
    #[track_caller]
    fn sums_up(&self, of: &RwLockWaits) {
        let contentions = self.sum(|p| p.contentions);
        assert_eq!(of.short_waits + of.long_waits, contentions);
        assert_eq!(of.waits, contentions + of.gave_up);
        assert_eq!(of.causes.iter().map(|of| of.waits).sum::<u64>(), of.waits);
        for point in self.0.points() {
            let waits = self.0.causes(point).into_iter().map(|of| of.waits);
            assert_eq!(
                waits.sum::<u64>(),
                point.contentions + point.timeouts + point.cancellations
            );
        }
    }
}

fn in_mode(mode: HoldMode) -> At {
    (exclusive().0, mode)
}

fn ms(mode: Mode, ms: u64) -> u64 {
    if mode == Mode::Counts { 0 } else { ms * MS }
}

#[test]
fn each_pair_of_modes_has_its_cause() {
    use HoldMode::{Exclusive, Shared, Upgradable};
    let _turn = turn();
    let pairs = [
        (Exclusive, Shared, WaitCause::WriterBehindReaders),
        (Exclusive, Exclusive, WaitCause::WriterBehindWriter),
        (Exclusive, Upgradable, WaitCause::WriterBehindUpgradable),
        (Shared, Exclusive, WaitCause::ReaderBehindWriter),
        (Shared, Shared, WaitCause::ReaderBehindWaitingWriter),
        (Shared, Upgradable, WaitCause::ReaderBehindWaitingWriter),
        (Upgradable, Exclusive, WaitCause::UpgradableBehindWriter),
        (
            Upgradable,
            Upgradable,
            WaitCause::UpgradableBehindUpgradable,
        ),
        (Upgradable, Shared, WaitCause::UpgradableBehindWaitingWriter),
    ];
    for mode in ALL {
        for (waiting, holding, cause) in pairs {
            let scene = Scene::new(mode);
            // It is a reader-writer lock.
            scene.hold(shared(), 10);
            scene.hold(exclusive(), 10);
            assert_eq!(scene.told().0.rwlocks(), []);
            let (holder, waiter) = (in_mode(holding), in_mode(waiting));
            for _ in 0..3 {
                let held = scene.take(holder);
                let guard = scene.wait(waiter, || {
                    scene.pass(MS);
                    scene.release(held);
                });
                scene.release(guard);
            }
            let told = scene.told();
            let of = told.rwlock();
            assert_eq!(causes(&of), [(cause, 3, ms(mode, 3))], "{mode:?}");
            assert_eq!((of.short_waits, of.long_waits, of.gave_up), (0, 3, 0));
        }
    }
}

/// One that gives up is a wait for the same cause.
#[test]
fn an_upgrade_is_its_own_cause() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (reader, own, writer) = (shared(), upgradable(), exclusive());
        let upgrade = |gives_up: bool| {
            let site = exclusive().0;
            let held = scene.take(reader);
            let before = scene.take(own);
            // SAFETY: the guard is of this lock.
            let upgraded = unsafe {
                scene.lock.upgrade_with(
                    site,
                    before,
                    |(), ()| Err(()),
                    |(), ()| {
                        scene.pass(MS);
                        scene.release(held);
                        if gives_up { Err(()) } else { Ok(()) }
                    },
                )
            };
            match upgraded {
                Ok(guard) => scene.release(guard),
                Err(((), before)) => scene.release(ProfiledGuard::new((), before)),
            }
        };
        upgrade(false);
        upgrade(false);
        upgrade(true);
        let of = scene.told().rwlock();
        assert_eq!(
            causes(&of),
            [(WaitCause::Upgrade, 3, ms(mode, 3))],
            "{mode:?}"
        );
        assert_eq!((of.long_waits, of.gave_up), (2, 1));
        // A writer behind readers is apart from it.
        let held = scene.take(reader);
        let guard = scene.wait(writer, || {
            scene.pass(5 * MS);
            scene.release(held);
        });
        scene.release(guard);
        let mut found = causes(&scene.told().rwlock());
        found.sort_unstable();
        let expected = [
            (WaitCause::WriterBehindReaders, 1, ms(mode, 5)),
            (WaitCause::Upgrade, 3, ms(mode, 3)),
        ];
        assert_eq!(found, expected, "{mode:?}");
        // A reset forgets them.
        scene.bench.engine.reset();
        assert_eq!(scene.told().0.rwlocks(), []);
    }
}

/// Nothing is published, so nobody can be blamed by name.
#[test]
fn an_unknown_holder_is_its_own_cause() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let waiter = exclusive();
        for _ in 0..2 {
            scene.release(scene.wait(waiter, || scene.pass(MS)));
            // A new lock of the same class.
            let next = scene.sibling("scene");
            next.release(next.wait(waiter, || next.pass(MS)));
        }
        scene.hold(shared(), 10);
        let told = scene.told();
        let unknown = |of: &RwLockWaits| {
            of.causes
                .iter()
                .find(|of| of.cause == WaitCause::Unknown)
                .copied()
        };
        let of = told.rwlock();
        let unknown = unknown(&of).unwrap();
        // The first lock has published a holder by its second wait: the one before.
        assert_eq!(unknown.waits, 3, "{mode:?}");
        assert_eq!(of.waits, 4);
    }
}

#[test]
fn short_waits_and_long_ones_are_apart() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let (holder, waiter) = (exclusive(), shared());
        for round in 0..200 {
            let looks = Cell::new(0);
            let held = Cell::new(Some(scene.take(holder)));
            let leave = || {
                held.take()
                    .into_iter()
                    .for_each(|guard| scene.release(guard))
            };
            // Each fourth one parks.
            let parks = round % 4 == 0;
            let Ok(guard) = scene.lock.acquire::<_, Infallible>(
                waiter.0,
                waiter.1,
                |()| {
                    looks.set(looks.get() + 1);
                    if looks.get() == 3 && !parks {
                        leave();
                    }
                    looks.get() >= 3 && !parks
                },
                |()| (looks.get() >= 3 && !parks).then_some(()),
                |()| {
                    assert!(parks);
                    leave();
                    Ok(())
                },
            );
            // While it is held, too.
            if round == 100 {
                let of = scene.told().rwlock();
                assert_eq!((of.short_waits, of.long_waits), (75, 26));
            }
            scene.release(guard);
        }
        let of = scene.told().rwlock();
        assert_eq!((of.short_waits, of.long_waits), (150, 50), "{mode:?}");
        assert_eq!(of.causes.len(), 1);
        assert_eq!(of.causes[0].cause, WaitCause::ReaderBehindWriter);
    }
}

#[test]
fn a_writer_sees_the_readers_that_it_waits_for() {
    let _turn = turn();
    let scene = Scene::new(Mode::Exact);
    let (reader, writer) = (shared(), exclusive());
    let wait_behind = |readers: usize| {
        let mut held: Vec<ProfiledGuard<()>> = (0..readers).map(|_| scene.take(reader)).collect();
        scene.pass(MS);
        let guard = scene.wait(writer, || {
            while let Some(guard) = held.pop() {
                scene.pass(MS);
                scene.release(guard);
            }
            // One after the other.
            for _ in 0..5 {
                scene.hold(reader, MS);
            }
        });
        scene.release(guard);
    };
    wait_behind(3);
    let first = scene.bench.engine.snapshot();
    assert_eq!(first.rwlocks()[0].most_readers, Some(3));
    // An interval has a maximum only if it is its own.
    wait_behind(2);
    let second = scene.bench.engine.snapshot();
    assert_eq!(second.rwlocks()[0].most_readers, Some(3));
    assert_eq!(
        second.since(&first).unwrap().rwlocks()[0].most_readers,
        None
    );
    wait_behind(4);
    let third = scene.bench.engine.snapshot();
    assert_eq!(
        third.since(&second).unwrap().rwlocks()[0].most_readers,
        Some(4)
    );
    // After a reset, it is the largest since.
    scene.bench.engine.reset();
    wait_behind(2);
    let of = scene.told().rwlock();
    assert_eq!(of.most_readers, Some(2));
    assert_eq!(causes(&of).len(), 1);
    // 2 and 3 ms, and then 1 ms each, of 8 ms.
    let readers = of.readers.unwrap();
    assert_eq!(readers.total_ns, 10 * MS);
}

/// With the real lock and three threads: a reader that could read, if no writer waited.
#[test]
fn a_reader_behind_a_waiting_writer() {
    let _turn = turn();
    for mode in ALL {
        let bench = Bench::new(mode);
        let lock = bench.rwlock("shared", ());
        // SAFETY: only asks how many are blocked.
        let blocked = |n| unsafe { lock.raw() }.raw().await_blocked(n);
        thread::scope(|scope| {
            let reader = lock.read();
            scope.spawn(|| drop(lock.write()));
            blocked(1);
            scope.spawn(|| drop(lock.read()));
            blocked(2);
            bench.pass(MS);
            drop(reader);
        });
        let told = Told(bench.engine.snapshot());
        let of = told.rwlock();
        let expected = [
            (WaitCause::WriterBehindReaders, 1),
            (WaitCause::ReaderBehindWaitingWriter, 1),
        ];
        let mut found: Vec<_> = of.causes.iter().map(|of| (of.cause, of.waits)).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{mode:?}: {of:?}");
        assert_eq!((of.short_waits, of.long_waits), (0, 2));
    }
}
