//! Edges: from the point that waits to the point that holds.

use super::*;
use nexus_lockprof::Profiled;
use nexus_lockprof::engine::Config;
use nexus_lockprof_tests::edges::{check, lines, lost};
use std::thread;

fn line((site, _): At) -> u32 {
    site.line()
}

impl Scene {
    fn with(config: Config) -> Self {
        let bench = Bench::with(config);
        let lock = Profiled::named_in(bench.engine.clone(), (), "scene");
        Scene { bench, lock }
    }

    /// `waiter` parks while `holder` holds it for this time.
    fn wait_behind(&self, holder: At, waiter: At, ns: u64) {
        let held = self.take(holder);
        let guard = self.wait(waiter, || {
            self.pass(ns);
            self.release(held);
        });
        self.release(guard);
    }
}

#[test]
fn an_edge_leads_from_each_waiter_to_each_holder() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::new(mode);
        let holders = (exclusive(), shared());
        let waiters = (exclusive(), upgradable());
        let time = |ms| if mode == Mode::Counts { 0 } else { ms * MS };
        for _ in 0..3 {
            scene.wait_behind(holders.0, waiters.0, MS);
            scene.wait_behind(holders.0, waiters.1, 2 * MS);
        }
        let told = scene.told();
        check(&told.0);
        let mut expected = [
            (Some(line(waiters.0)), line(holders.0), 3, time(3)),
            (Some(line(waiters.1)), line(holders.0), 3, time(6)),
        ];
        expected.sort_unstable();
        assert_eq!(lines(&told.0), expected, "{mode:?}");
        for edge in told.0.edges() {
            assert_eq!(edge.holding.lock.name(), "scene");
            assert_eq!(
                edge.waiting.as_ref().map(|end| &end.lock),
                Some(&edge.holding.lock)
            );
        }
        // A reset starts again from 0.
        assert_eq!(scene.bench.engine.reset().edges(), told.0.edges());
        assert_eq!(lines(&scene.told().0), []);
        // Of readers, only the group is known, unless the log knows more.
        scene.wait_behind(holders.1, waiters.0, MS);
        let holding = if mode == Mode::Counts {
            0
        } else {
            line(holders.1)
        };
        let told = scene.told();
        check(&told.0);
        let expected = [(Some(line(waiters.0)), holding, 1, time(1))];
        assert_eq!(lines(&told.0), expected, "{mode:?}");
    }
}

/// Two threads, at two lines of the source.
#[test]
fn two_threads() {
    let _turn = turn();
    for mode in ALL {
        let bench = Bench::new(mode);
        let lock = bench.mutex("two", ());
        let mut holding = 0;
        let mut waiting = 0;
        thread::scope(|scope| {
            let guard = lock.lock();
            holding += line!() - 1;
            scope.spawn(|| drop(lock.lock()));
            waiting += line!() - 1;
            // SAFETY: only asks how many are blocked.
            unsafe { lock.raw() }.raw().await_blocked(1);
            bench.pass(700);
            drop(guard);
        });
        let snapshot = bench.engine.snapshot();
        check(&snapshot);
        let ns = if mode == Mode::Counts { 0 } else { 700 };
        let expected = [(Some(waiting), holding, 1, ns)];
        assert_eq!(lines(&snapshot), expected, "{mode:?}");
    }
}

/// A wait is divided, and so is its edge's time. The one that was met counts it.
#[test]
fn a_wait_for_two_is_on_two_edges() {
    let _turn = turn();
    for mode in TIMED {
        let scene = Scene::new(mode);
        let (first, second, waiter) = (exclusive(), exclusive(), exclusive());
        let held = scene.take(first);
        let guard = scene.wait(waiter, || {
            scene.pass(30);
            scene.release(held);
            scene.hold(second, 70);
        });
        scene.release(guard);
        let told = scene.told();
        told.adds_up();
        let waiting = Some(line(waiter));
        let expected = [
            (waiting, line(first), 1, 30),
            (waiting, line(second), 0, 70),
        ];
        let mut found = lines(&told.0);
        found.sort_by_key(|&(_, holding, waits, _)| (std::cmp::Reverse(waits), holding));
        assert_eq!(found, expected, "{mode:?}");
    }
}

/// What has no room is one edge of the holder, and a loss.
#[test]
fn sums_stay_right_when_the_table_is_full() {
    let _turn = turn();
    for (edges, points) in [(2, 4096), (65_536, 3)] {
        for mode in ALL {
            let config = Config::default().mode(mode).max_edges(edges);
            // With three points, there is room for three edges, and for all three points.
            let scene = Scene::with(config.max_points(points));
            let most = edges.min(points);
            let holders = [exclusive(), exclusive()];
            let waiters = [exclusive(), exclusive(), exclusive()];
            let holders = &holders[..if points == 3 { 1 } else { 2 }];
            let waiters = &waiters[..if points == 3 { 2 } else { 3 }];
            for _ in 0..5 {
                for holder in holders {
                    for waiter in waiters {
                        scene.wait_behind(*holder, *waiter, 10);
                    }
                }
            }
            let Told(snapshot) = scene.told();
            check(&snapshot);
            let pairs = holders.len() * waiters.len();
            let named = snapshot
                .edges()
                .iter()
                .filter(|edge| edge.waiting.is_some());
            assert_eq!(named.count(), pairs.min(most), "{mode:?}");
            let expected = 5 * pairs.saturating_sub(most) as u64;
            assert_eq!(lost(&snapshot), expected, "{mode:?}");
            let blocked = snapshot.points().iter().map(|point| point.blocked);
            assert_eq!(blocked.sum::<u64>(), 5 * pairs as u64, "{mode:?}");
        }
    }
}

/// Edges without waits make room for others, and their counts stay.
#[test]
fn idle_edges_make_room() {
    let _turn = turn();
    for mode in ALL {
        let scene = Scene::with(Config::default().mode(mode).max_edges(2));
        let (holder, early, late) = (exclusive(), exclusive(), exclusive());
        scene.wait_behind(holder, early, 10);
        scene.wait_behind(early, holder, 10);
        let mut waits = 2;
        let has_late = || {
            let Told(snapshot) = scene.told();
            check(&snapshot);
            let mut lines = lines(&snapshot).into_iter();
            lines.any(|(waiting, ..)| waiting == Some(line(late)))
        };
        while !has_late() {
            scene.wait_behind(holder, late, 10);
            waits += 1;
            assert!(waits < 1_000, "no room for a new edge");
        }
        let Told(snapshot) = scene.told();
        let edges: u64 = snapshot.edges().iter().map(|edge| edge.waits).sum();
        assert_eq!(edges, waits, "{mode:?}");
        // Those that left are still known by name.
        let early = Some(line(early));
        assert!(lines(&snapshot).contains(&(early, line(holder), 1, time(mode))));
    }
}

fn time(mode: Mode) -> u64 {
    if mode == Mode::Counts { 0 } else { 10 }
}
