//! A thread that takes the lock again at once keeps another one out.

use super::*;
use crate::scene::Scene;
use std::sync::mpsc::{Receiver, Sender};

/// What the starved thread tells, and what it is told.
struct Peer {
    says: Sender<()>,
    hears: Receiver<()>,
}

impl Peer {
    fn pair() -> [Self; 2] {
        let (a, to_b) = mpsc::channel();
        let (b, to_a) = mpsc::channel();
        let peer = |says, hears| Peer { says, hears };
        [peer(a, to_a), peer(b, to_b)]
    }

    fn say(&self) {
        assert!(self.says.send(()).is_ok());
    }

    fn hear(&self) {
        assert!(self.hears.recv().is_ok());
    }
}

/// The rounds in which a thread waits, and the holds that it waits for in each.
const ROUNDS: usize = 30;

/// In each round another thread waits while this one holds the lock `holds` times for 1 ms.
fn play(scene: &Scene, busy: At, waits: At, holds: usize, check: impl FnOnce()) {
    let [main, other] = Peer::pair();
    thread::scope(|scope| {
        let waiter = thread::Builder::new().name("late".to_owned());
        let waiter = waiter.spawn_scoped(scope, move || {
            for _ in 0..ROUNDS {
                other.hear();
                let guard = scene.wait(waits, || {
                    other.say();
                    other.hear();
                });
                scene.pass(10 * US);
                scene.release(guard);
                other.say();
            }
            // Alive until the end.
            other.hear();
        });
        assert!(waiter.is_ok());
        for _ in 0..ROUNDS {
            let mut guard = scene.take(busy);
            main.say();
            main.hear();
            for _ in 1..holds {
                scene.pass(MS);
                scene.release(guard);
                guard = scene.take(busy);
            }
            scene.pass(MS);
            scene.release(guard);
            main.say();
            main.hear();
        }
        check();
        main.say();
    });
}

#[test]
fn it_is_named() {
    let (busy, waits) = (exclusive(), exclusive());
    for mode in [Mode::Exact, Mode::DEFAULT] {
        let scene = Scene::new(mode);
        play(&scene, busy, waits, 20, || {
            let snapshot = scene.bench.engine.snapshot();
            let findings = snapshot.findings();
            let [finding] = findings.as_slice() else {
                panic!("{findings:#?}")
            };
            assert_eq!(finding.kind, FindingKind::StarvedThread, "{}", finding.text);
            let line = finding.site.as_ref().map(|site| site.line);
            assert_eq!(line, Some(busy.0.line()));
            let rows = snapshot.threads().iter();
            let mut threads = rows.filter_map(|row| row.thread.as_ref());
            let late = threads.find(|thread| thread.name.as_deref() == Some("late"));
            let late = late.map(ToString::to_string).unwrap_or_default();
            if mode == Mode::Exact {
                assert_eq!(
                    finding.text,
                    format!(
                        "30 waits for `scene` took 600ms: 1.00 thread on average. 100% of that is \
                         the waiting of one thread, {late}: 30 waits of 20.0ms on average. With \
                         holds of at most 1.00ms that were measured, a queue of all 2 threads \
                         explains 1.05ms: the others take the lock again and again before it gets \
                         its turn."
                    )
                );
            }
        });
    }
}

/// Each wait is for one hold, however often it waits.
#[test]
fn a_thread_that_waits_for_its_turn_is_not() {
    let (busy, waits) = (exclusive(), exclusive());
    for mode in [Mode::Exact, Mode::DEFAULT] {
        let scene = Scene::new(mode);
        play(&scene, busy, waits, 1, || {
            for finding in scene.bench.engine.snapshot().findings() {
                assert_ne!(finding.kind, FindingKind::StarvedThread, "{}", finding.text);
            }
        });
    }
}
