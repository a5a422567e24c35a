//! Reader-writer locks.

use super::Scene;
use nexus_lockprof_tests::bench::RwLock;
use std::hint::black_box;

#[test]
fn a_recursive_read_is_told() {
    let scene = Scene::new();
    let cache = scene.bench.rwlock("cache", ());
    let begin = line!();
    for _ in 0..2 {
        let _outer = cache.read(); // 2
        drop(cache.read()); // 3
    }
    let [outer, inner] = [begin + 2, begin + 3];
    let file = file!();
    let (snapshot, lines) = scene.look();
    assert_eq!(
        lines,
        [format!(
            "lock.order kind=recursive_read locks=1 \
             cycle={file}:{outer}(cache)+{file}:{inner}(cache) needs_writer=true"
        )]
    );
    let [pair] = snapshot.lock_order() else {
        panic!("{:?}", snapshot.lock_order())
    };
    assert_eq!((pair.same_lock, pair.count), (true, 2));
    let [potential] = snapshot.potential_deadlocks() else {
        panic!("{:?}", snapshot.potential_deadlocks())
    };
    assert!(potential.is_recursive_read() && potential.needs_writer);
    assert_eq!(scene.lines(), [] as [String; 0], "once");
}

#[test]
fn reads_of_two_locks_of_one_class_are_none() {
    let scene = Scene::new();
    let [first, second] = ["cache"; 2].map(|name| scene.bench.rwlock(name, ()));
    let _first = first.read();
    drop(second.read());
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.potential_deadlocks(), []);
}

#[test]
fn readers_in_both_orders_need_a_writer_between_them() {
    let scene = Scene::new();
    let [a, b] = ["a", "b"].map(|name| scene.bench.rwlock(name, ()));
    let nest = |first: &RwLock<()>, second: &RwLock<()>| {
        let _first = first.read();
        drop(second.read());
    };
    nest(&a, &b);
    nest(&b, &a);
    let lines = scene.lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(line.ends_with(" needs_writer=true"), "{line}");
    // With writers it is worse, and told again.
    let _a = a.write();
    drop(b.write());
    drop(_a);
    let _b = b.write();
    drop(a.write());
    let lines = scene.lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    assert!(line.ends_with(" needs_writer=false"), "{line}");
}

#[test]
fn a_change_of_a_held_lock_is_no_pair() {
    let scene = Scene::new();
    let lock = scene.bench.full_rwlock("lock", ());
    let guard = lock.upgradable_read();
    let guard = lock_api::RwLockUpgradableReadGuard::upgrade(guard);
    let guard = lock_api::RwLockWriteGuard::downgrade(guard);
    drop(guard);
    let (snapshot, lines) = scene.look();
    assert_eq!(lines, [] as [String; 0]);
    assert_eq!(snapshot.lock_order(), []);
}

#[test]
fn readers_of_recursive_locks_wait_for_no_reader() {
    // These locks report to the global engine, as those that queue do.
    let [a, b] =
        ["passing a", "passing b"].map(|name| nexus_lockprof::RecursiveRwLock::named(name, ()));
    let [c, d] = ["queueing c", "queueing d"].map(|name| nexus_lockprof::RwLock::named(name, ()));
    drop((black_box(a.read()), black_box(b.read())));
    drop((black_box(b.read()), black_box(a.read())));
    drop((black_box(c.read()), black_box(d.read())));
    drop((black_box(d.read()), black_box(c.read())));
    let locks = |word: &str| -> Vec<usize> {
        let snapshot = nexus_lockprof::snapshot();
        let potential = snapshot.potential_deadlocks().iter();
        let potential = potential.filter(|potential| potential.cycle().contains(word));
        potential.map(|potential| potential.steps.len()).collect()
    };
    assert_eq!(locks("queueing"), [2]);
    assert_eq!(locks("passing"), [] as [usize; 0]);
    // Behind a writer they wait.
    drop((a.write(), b.read()));
    drop((b.write(), a.read()));
    assert_eq!(locks("passing"), [2]);
}
