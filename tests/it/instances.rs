//! Which locks of a class are waited for most, against a truth that the program itself keeps.

use crate::scene::{Scene, exclusive};
use nexus_lockprof::engine::Mode;
use nexus_lockprof::{Instance, Snapshot};
use std::collections::HashMap;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

/// Waits for this time, and holds the lock for no time.
fn wait(scene: &Scene, ns: u64) {
    let guard = scene.wait(exclusive(), || scene.pass(ns));
    scene.release(guard);
}

/// The address of the scene's lock as a waiter has it.
fn address(scene: &Scene) -> u64 {
    let mut address = None;
    let guard = scene.wait(exclusive(), || {
        let waiting = scene.bench.engine.peek();
        address = waiting.waiters().first().map(|waiter| waiter.address);
    });
    scene.release(guard);
    address.unwrap_or_else(|| panic!("nobody waits"))
}

/// The instances of a class.
fn of<'a>(snapshot: &'a Snapshot, class: &str) -> Vec<&'a Instance> {
    let all = snapshot.instances().iter();
    all.filter(|of| of.lock.name() == class).collect()
}

/// One hot lock among a thousand of a class.
#[test]
fn one_hot_lock_among_a_thousand() {
    let scene = Scene::new(Mode::Exact);
    let locks: Vec<Scene> = (0..1_000).map(|_| scene.sibling("shard")).collect();
    let hot = address(&locks[617]);
    scene.bench.engine.reset();
    let mut truth: HashMap<usize, u64> = HashMap::new();
    for round in 0..20_u64 {
        wait(&locks[617], 5 * MS);
        *truth.entry(617).or_default() += 5 * MS;
        for step in 0..50 {
            let other = (round * 50 + step) as usize;
            wait(&locks[other], 10 * US);
            *truth.entry(other).or_default() += 10 * US;
        }
    }
    let snapshot = scene.bench.engine.snapshot();
    let found = of(&snapshot, "shard");
    assert_eq!(found.len(), 8, "the bound for a class");
    assert_eq!((found[0].address, found[0].waits), (hot, 21));
    assert_eq!(found[0].least_ns, truth[&617], "it never lost its entry");
    assert_eq!(found[0].most_ns, truth[&617]);
    // 99 % of the waiting, and no other lock comes near.
    assert!(found[1].most_ns < truth[&617] / 100, "{found:#?}");
    assert!(snapshot.unlisted_most_ns() < truth[&617] / 100);
    // An interval has what was waited in it.
    wait(&locks[617], 7 * MS);
    wait(&locks[3], MS);
    let interval = scene.bench.engine.snapshot().since(&snapshot).unwrap();
    let found = of(&interval, "shard");
    assert_eq!((found[0].address, found[0].waits), (hot, 1));
    assert_eq!([found[0].least_ns, found[0].most_ns], [7 * MS; 2]);
    assert!(found[1].most_ns >= MS, "{found:#?}");
    // After a reset it begins again.
    scene.bench.engine.reset();
    wait(&locks[4], 3 * MS);
    let snapshot = scene.bench.engine.snapshot();
    let found = of(&snapshot, "shard");
    assert_eq!(found.len(), 1);
    assert_eq!([found[0].least_ns, found[0].most_ns], [3 * MS; 2]);
    assert_eq!(snapshot.unlisted_most_ns(), 0);
}

/// Waits of several threads for one lock add up.
#[test]
fn threads_wait_for_one_lock() {
    let scene = Scene::new(Mode::Exact);
    let (one, other) = (scene.sibling("shard"), scene.sibling("shard"));
    let hot = address(&one);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let waits = || {
                wait(&one, 4 * MS);
                wait(&other, MS);
            };
            assert!(scope.spawn(waits).join().is_ok());
        });
    }
    let snapshot = scene.bench.engine.snapshot();
    let found = of(&snapshot, "shard");
    let figures: Vec<(u64, u64, u64)> = found
        .iter()
        .map(|of| (of.waits, of.least_ns, of.most_ns))
        .collect();
    assert_eq!(found[0].address, hot);
    assert_eq!(figures, [(4, 12 * MS, 12 * MS), (3, 3 * MS, 3 * MS)]);
}

/// Without the clock nothing is known.
#[test]
fn counts_have_no_instances() {
    let scene = Scene::new(Mode::Counts);
    wait(&scene, MS);
    let snapshot = scene.bench.engine.snapshot();
    assert_eq!(snapshot.points()[0].contentions, 1);
    assert_eq!(snapshot.instances(), []);
}
