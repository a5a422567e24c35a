//! Locks that were acquired in orders that can deadlock.

use super::{Scene, told};
use nexus_lockprof::engine::Mode;
use nexus_lockprof_tests::bench::Mutex;
use std::thread;

/// Acquires one after the other and releases both, in this thread.
fn nest(first: &Mutex<()>, second: &Mutex<()>) {
    let _first = first.lock();
    drop(second.lock());
}

#[test]
fn two_orders_that_went_well_are_told_once_with_their_places() {
    let scene = Scene::new();
    let accounts = scene.bench.mutex("accounts", ());
    let audit = scene.bench.mutex("audit", ());
    let begin = line!();
    thread::scope(|scope| {
        let transfer = scope.spawn(|| {
            let _accounts = accounts.lock(); // 3
            drop(audit.lock()); // 4
        });
        transfer.join().unwrap();
        scope.spawn(|| {
            let _audit = audit.lock(); // 8
            drop(accounts.lock()); // 9
        });
    });
    let file = file!();
    let [a, b, c, d] = [3, 4, 8, 9].map(|line| begin + line);
    let (snapshot, lines) = scene.look();
    assert_eq!(
        lines,
        [format!(
            "lock.order kind=inversion locks=2 cycle={file}:{a}(accounts)+{file}:{b}(audit)\
             ->{file}:{c}(audit)+{file}:{d}(accounts) needs_writer=false"
        )]
    );
    assert_eq!(
        told(&snapshot),
        [
            format!("accounts:{a} exclusive, audit:{b} exclusive x1"),
            format!("audit:{c} exclusive, accounts:{d} exclusive x1"),
        ]
    );
    assert_eq!(snapshot.potential_deadlocks().len(), 1);
    assert!(snapshot.losses().is_empty(), "{}", snapshot.losses());
    nest(&accounts, &audit);
    nest(&audit, &accounts);
    assert_eq!(scene.lines(), [] as [String; 0], "once");
    // A reset leaves what is known of the program.
    let _ = scene.bench.engine.reset();
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.potential_deadlocks().len(), 1);
    let counts: Vec<u64> = snapshot
        .lock_order()
        .iter()
        .map(|pair| pair.count)
        .collect();
    assert_eq!(counts, [2, 2]);
}

#[test]
fn one_order_is_told_as_pairs_only() {
    let scene = Scene::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| scene.bench.mutex(name, ()));
    for _ in 0..100 {
        nest(&a, &b);
        nest(&b, &c);
        nest(&a, &c);
    }
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.potential_deadlocks(), []);
    let counts: Vec<u64> = snapshot
        .lock_order()
        .iter()
        .map(|pair| pair.count)
        .collect();
    assert_eq!(counts, [100, 100, 100]);
    assert!(snapshot.losses().is_empty());
}

#[test]
fn a_sample_is_enough() {
    let scene = Scene::with(Mode::Sampled { budget: 0.01 });
    let [a, b] = ["a", "b"].map(|name| scene.bench.mutex(name, ()));
    // Each point's first acquisition is measured.
    nest(&a, &b);
    nest(&b, &a);
    assert_eq!(scene.lines().len(), 1);
}

#[test]
fn a_mode_that_measures_nothing_knows_nothing() {
    let scene = Scene::with(Mode::Counts);
    let [a, b] = ["a", "b"].map(|name| scene.bench.mutex(name, ()));
    nest(&a, &b);
    nest(&b, &a);
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.lock_order(), []);
}

#[test]
fn three_locks_in_a_circle_are_told() {
    let scene = Scene::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| scene.bench.mutex(name, ()));
    nest(&a, &b);
    nest(&b, &c);
    assert_eq!(scene.lines(), [] as [String; 0]);
    nest(&c, &a);
    let lines = scene.lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(
        line.starts_with("lock.order kind=inversion locks=3 cycle=") && line.contains("(c)+"),
        "{line}"
    );
}

#[test]
fn a_try_waits_for_nobody_but_others_wait_for_it() {
    let scene = Scene::new();
    let [a, b] = ["a", "b"].map(|name| scene.bench.mutex(name, ()));
    for _ in 0..2 {
        let _a = a.lock();
        drop(b.try_lock());
    }
    assert_eq!(scene.look().0.lock_order(), []);
    nest(&b, &a);
    assert_eq!(scene.lines(), [] as [String; 0]);
    for _ in 0..2 {
        let _a = a.try_lock();
        drop(b.lock());
    }
    assert_eq!(scene.lines().len(), 1);
}

#[test]
fn a_lock_around_both_makes_it_harmless() {
    let scene = Scene::new();
    let [gate, other, a, b] = ["gate", "other", "a", "b"].map(|name| scene.bench.mutex(name, ()));
    for _ in 0..3 {
        let _gate = gate.lock();
        nest(&a, &b);
        nest(&b, &a);
    }
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.potential_deadlocks(), []);
    let guarded = snapshot.lock_order().iter().filter(|pair| pair.guarded);
    let names = guarded.map(|pair| [pair.held.lock.name(), pair.wanted.lock.name()].concat());
    let names: Vec<String> = names.collect();
    // `a` is held when `b` is acquired under the gate, and the other way round.
    assert_eq!(names, ["ab", "ba", "gatea", "gateb"]);
    // Now one of them happens under another gate: they have none in common.
    let _other = other.lock();
    nest(&a, &b);
    assert_eq!(scene.lines().len(), 1);
}

#[test]
fn readers_are_no_gate() {
    let scene = Scene::new();
    let gate = scene.bench.rwlock("gate", ());
    let [a, b] = ["a", "b"].map(|name| scene.bench.mutex(name, ()));
    let _gate = gate.read();
    nest(&a, &b);
    nest(&b, &a);
    assert_eq!(scene.lines().len(), 1);
}

#[test]
fn what_deadlocks_is_seen_before_it_does() {
    let scene = Scene::new();
    let [a, b] = ["a", "b"].map(|name| scene.bench.mutex(name, ()));
    nest(&a, &b);
    let a_held = a.lock();
    thread::scope(|scope| {
        scope.spawn(|| nest(&b, &a));
        // It waits for this thread.
        while scene.bench.engine.peek().waiters().is_empty() {
            thread::yield_now();
        }
        assert_eq!(scene.lines().len(), 1);
        drop(a_held);
    });
}
