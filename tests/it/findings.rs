//! One scene for each finding: a real engine on a manual clock gives exactly the sentence expected,
//! and a clean program gives none.

mod starved;

use crate::scene::{At, Guard, Scene, exclusive, shared, upgradable};
use nexus_lockprof::FindingKind;
use nexus_lockprof::engine::Mode;
use std::sync::mpsc;
use std::thread;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// `at` waits until the holder, after `ns` more, releases it.
fn wait_for(scene: &Scene, at: At, holder: Guard, ns: u64) -> Guard {
    scene.wait(at, || {
        scene.pass(ns);
        scene.release(holder);
    })
}

/// The only finding of the scene that `play` plays: in `Exact` with these words, where
/// PLACE is the place, and in `Sampled` of the same kind.
#[track_caller]
fn check(kind: FindingKind, place: At, text: &str, remedy: &str, play: impl Fn(&Scene)) {
    let here = format!("{}:{}", place.0.file(), place.0.line());
    for mode in [Mode::Exact, Mode::DEFAULT] {
        let scene = Scene::new(mode);
        play(&scene);
        let snapshot = scene.bench.engine.snapshot();
        let findings = snapshot.findings();
        let [finding] = findings.as_slice() else {
            panic!("{findings:#?} of {snapshot}")
        };
        assert_eq!(finding.kind, kind, "{mode:?}: {}", finding.text);
        let site = finding.site.as_ref().map(|site| site.line);
        assert_eq!(site, Some(place.0.line()), "{mode:?}");
        if mode == Mode::Exact {
            let words = |text: &str| text.replace("PLACE", &here);
            assert_eq!(finding.text, words(text));
            assert_eq!(finding.remedy, words(remedy));
        }
    }
}

#[test]
fn a_clean_program() {
    for mode in [Mode::Exact, Mode::DEFAULT, Mode::Counts] {
        let scene = Scene::new(mode);
        let (get, put, read) = (exclusive(), exclusive(), shared());
        for round in 0..1_000 {
            for at in [get, put, read] {
                scene.hold(at, 2 * US);
                scene.pass(100 * US);
            }
            // A wait in a hundred rounds, as every program has.
            if round % 100 == 0 {
                let holder = scene.take(get);
                let guard = wait_for(&scene, put, holder, 2 * US);
                scene.release(guard);
            }
        }
        let snapshot = scene.bench.engine.snapshot();
        assert_eq!(snapshot.findings(), [], "{mode:?}: {snapshot}");
    }
}

/// Request after request holds the lock while it waits for a disk.
#[test]
fn a_hold_across_input_or_output() {
    let at = exclusive();
    check(
        FindingKind::LongHold,
        at,
        "100 waits for `scene` took 1.50s: 0.94 threads on average. 100% of that is behind \
         PLACE, which holds the lock for 15.8ms on average: long enough for I/O, a sleep or \
         an `.await`.",
        "Look for I/O, a sleep or an `.await` under the guard at PLACE. Copy what it needs, \
         release the lock, and do it then.",
        |scene| {
            let mut guard = scene.take(at);
            for _ in 0..100 {
                guard = wait_for(scene, at, guard, 15 * MS);
                scene.pass(MS);
            }
            scene.release(guard);
        },
    );
}

/// One place holds for 4 ms what the other needs for 3 us.
#[test]
fn one_slow_caller_of_a_shared_lock() {
    let (slow, quick) = (exclusive(), exclusive());
    check(
        FindingKind::SlowCaller,
        slow,
        "50 waits for `scene` took 200ms: 0.66 threads on average. 100% of that is behind \
         PLACE, which makes 4.5% of the acquisitions and holds the lock for 4.00ms on \
         average; the other places hold it for 3.00µs.",
        "Shorten the hold at PLACE: prepare before it, and finish after it. The other places \
         need no change.",
        |scene| {
            for _ in 0..50 {
                let guard = scene.take(slow);
                let guard = wait_for(scene, quick, guard, 4 * MS);
                scene.pass(3 * US);
                scene.release(guard);
                for _ in 0..20 {
                    scene.hold(quick, 3 * US);
                    scene.pass(100 * US);
                }
            }
        },
    );
}

/// The edges say who pays for it.
#[test]
fn a_slow_caller_and_the_place_that_waits_for_it() {
    let slow = exclusive();
    let quick = exclusive();
    let text = format!(
        "60 waits for `scene` took 240ms: 0.66 threads on average. 100% of that is behind \
         PLACE, which makes 5.3% of the acquisitions and holds the lock for 3.43ms on \
         average; the other places hold it for 3.00µs. 83% of the waiting behind it is at \
         {}:{}.",
        quick.0.file(),
        quick.0.line()
    );
    check(
        FindingKind::SlowCaller,
        slow,
        &text,
        "Shorten the hold at PLACE: prepare before it, and finish after it. The other places \
         need no change.",
        |scene| {
            for round in 0..60 {
                let guard = scene.take(slow);
                let waits = if round % 6 == 0 { slow } else { quick };
                let guard = wait_for(scene, waits, guard, 4 * MS);
                scene.pass(3 * US);
                scene.release(guard);
                for _ in 0..20 {
                    scene.hold(quick, 3 * US);
                    scene.pass(100 * US);
                }
            }
        },
    );
}

/// A dozen places, each of which waits for the one before.
#[test]
fn waits_that_are_spread() {
    #[rustfmt::skip]
    let places = [
        exclusive(), exclusive(), exclusive(), exclusive(), exclusive(), exclusive(),
        exclusive(), exclusive(), exclusive(), exclusive(), exclusive(), exclusive(),
    ];
    let scene = Scene::new(Mode::Exact);
    for (number, &at) in places.iter().cycle().take(240).enumerate() {
        let guard = scene.take(at);
        let longer = if number % 12 == 7 { US } else { 0 };
        let guard = wait_for(&scene, places[(number + 1) % 12], guard, 50 * US + longer);
        scene.release(guard);
        scene.pass(2 * MS);
    }
    let findings = scene.bench.engine.snapshot().findings();
    let [finding] = findings.as_slice() else {
        panic!("{findings:#?}")
    };
    assert_eq!(finding.kind, FindingKind::Contended);
    let at = format!("{}:{}", places[7].0.file(), places[7].0.line());
    assert_eq!(
        finding.text,
        format!(
            "240 waits for `scene` took 12.0ms: 0.024 threads on average. It is behind 12 places, \
             and no more than 8.5% of it behind one of them: {at}."
        )
    );
    assert_eq!(
        finding.remedy,
        "Take the lock less often, or split it: no single hold is to blame."
    );
}

/// A table that grows twice: no percentile of the holds shows it.
#[test]
fn a_rare_long_hold() {
    let at = exclusive();
    check(
        FindingKind::RareLongHold,
        at,
        "2 waits for `scene` took 800ms: 0.80 threads on average. About 100% of that is in \
         waits above 20.0µs, mostly behind PLACE: 95% of its holds take at most 2.00µs, and \
         the longest measured one took 400ms. The longest wait took 400ms.",
        "Find what runs rarely and long under the lock at PLACE (growing, cleaning up, I/O, \
         losing the processor), and do it in small steps or outside. The percentiles of the \
         holds do not show it.",
        |scene| {
            for round in 0..2_000 {
                scene.hold(at, 2 * US);
                scene.pass(100 * US);
                if round % 1_000 == 999 {
                    let guard = scene.take(at);
                    let guard = wait_for(scene, at, guard, 400 * MS);
                    scene.release(guard);
                }
            }
        },
    );
}

/// Two threads, holds of 300 ns, and 90 us until a woken thread runs.
#[test]
fn a_convoy() {
    let at = exclusive();
    check(
        FindingKind::Convoy,
        at,
        "500 waits for `scene` took 45.0ms: 1.00 thread on average. 100% of the acquisitions \
         wait, for 90.0µs on average: longer than holds of 299ns explain, even if all 2 \
         threads queue. Most of the time goes into handing the lock over. 100% of it is \
         between threads at PLACE.",
        "Take the lock less often: do several items under one hold, keep a copy for each \
         thread, use an atomic, or split the lock so that threads rarely meet.",
        |scene| {
            let (end, ended) = mpsc::channel::<()>();
            let (used, is_used) = mpsc::channel();
            thread::scope(|scope| {
                scope.spawn(move || {
                    scene.hold(at, 300);
                    assert!(used.send(()).is_ok());
                    // Alive until the end, as the second thread of the program.
                    assert!(ended.recv().is_err());
                });
                assert!(is_used.recv().is_ok());
                let mut guard = scene.take(at);
                for _ in 0..500 {
                    scene.pass(300);
                    guard = scene.wait(at, || {
                        scene.release(guard);
                        scene.pass(90 * US);
                    });
                }
                scene.release(guard);
                drop(end);
            });
        },
    );
}

/// Held for most of the time, though no hold is long.
#[test]
fn a_saturated_lock() {
    let at = exclusive();
    check(
        FindingKind::Saturated,
        at,
        "1.00k waits for `scene` took 100ms: 0.77 threads on average. The lock is held for \
         77% of the time, in holds of 99.9µs on average, and 100% of its acquisitions wait.",
        "Split the lock, for example by key, or shorten its holds. An RwLock helps if most of \
         the holds only read; the figures cannot tell.",
        |scene| {
            let mut guard = scene.take(at);
            for _ in 0..1_000 {
                guard = wait_for(scene, at, guard, 100 * US);
            }
            scene.release(guard);
            scene.pass(30 * MS);
        },
    );
}

/// Readers follow each other so closely that a writer waits for a hundred of them.
#[test]
fn a_starved_writer() {
    let (read, write) = (shared(), exclusive());
    check(
        FindingKind::StarvedWriter,
        write,
        "50 waits for `scene` took 505ms: 0.50 threads on average. Writers wait for 10.1ms on \
         average, 100% of it behind readers, of whose holds 95% take at most 100µs: one reader \
         follows the other before a writer gets its turn. Most of it is waited at PLACE.",
        "Read less often or from a copy, or use a lock that lets a waiting writer go first, \
         such as parking_lot's RwLock without recursive reads.",
        |scene| {
            for _ in 0..50 {
                let mut reader = scene.take(read);
                let writer = scene.wait(write, || {
                    for _ in 0..100 {
                        scene.pass(100 * US);
                        let next = scene.take(read);
                        scene.release(std::mem::replace(&mut reader, next));
                    }
                    scene.pass(100 * US);
                    scene.release(reader);
                });
                scene.pass(10 * US);
                scene.release(writer);
                scene.pass(10 * MS);
            }
        },
    );
}

/// An upgradable read keeps the others out, and is not upgraded.
#[test]
fn upgradable_reads_that_rarely_upgrade() {
    let (look, put) = (upgradable(), exclusive());
    check(
        FindingKind::UpgradableReads,
        look,
        "500 waits for `scene` took 150ms: 1.00 thread on average. 100% of that is behind the \
         upgradable reads at PLACE, which keep each other out. There are 501 of them and only \
         10 exclusive acquisitions, so most are not upgraded.",
        "Use read() at PLACE. In the few cases that write, release it, use write(), and look \
         again.",
        |scene| {
            let mut guard = scene.take(look);
            for _ in 0..500 {
                guard = wait_for(scene, look, guard, 300 * US);
            }
            scene.release(guard);
            for _ in 0..10 {
                scene.hold(put, 10 * US);
            }
        },
    );
}

/// Waits for holds that are neither long nor frequent.
#[test]
fn contention_of_no_special_kind() {
    let at = exclusive();
    check(
        FindingKind::Contended,
        at,
        "200 waits for `scene` took 10.0ms: 0.024 threads on average. 100% of that is behind \
         PLACE, which holds it for 25.0µs on average.",
        "Shorten the hold at PLACE, or move work out of it.",
        |scene| {
            for _ in 0..200 {
                let guard = scene.take(at);
                let guard = wait_for(scene, at, guard, 50 * US);
                scene.release(guard);
                scene.pass(2 * MS);
            }
        },
    );
}

/// It spins on `try_lock` until the holder is done.
#[test]
fn a_try_lock_in_a_loop() {
    let (at, tries) = (exclusive(), exclusive());
    check(
        FindingKind::TryLoop,
        tries,
        "A try function at PLACE found `scene` taken 5.00k times, 5.00k times a second, and \
         took it once. How much time that took was not measured.",
        "If PLACE is in a loop, wait for the lock instead: lock(), or a try function with a \
         timeout. A loop takes processor time that the holder may need.",
        |scene| {
            let guard = scene.take(at);
            for _ in 0..5_000 {
                let refused = scene.lock.try_acquire::<()>(tries.0, tries.1, |()| None);
                assert!(refused.is_none());
                scene.pass(200 * US);
            }
            scene.release(guard);
            scene.hold(tries, US);
        },
    );
}

/// The costliest comes first, whatever the order of the locks.
#[test]
fn ranked_by_cost() {
    let scene = Scene::new(Mode::Exact);
    let at = exclusive();
    let other = scene.sibling("other");
    for (scene, ns) in [(&scene, 20 * MS), (&other, 30 * MS)] {
        let guard = scene.take(at);
        let guard = wait_for(scene, at, guard, ns);
        scene.release(guard);
    }
    let findings = scene.bench.engine.snapshot().findings();
    let ranked: Vec<_> = findings
        .iter()
        .map(|finding| (finding.lock.name(), finding.cost_ns))
        .collect();
    let ranked: Vec<_> = ranked.iter().map(|(lock, ns)| (&**lock, *ns)).collect();
    assert_eq!(ranked, [("other", Some(30 * MS)), ("scene", Some(20 * MS))]);
}
