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

/// A lock that is read for as long as something is done.
trait Reads {
    #[track_caller]
    fn reading(&self, act: impl FnOnce());
}

impl Reads for nexus_lockprof::RwLock<()> {
    #[track_caller]
    fn reading(&self, act: impl FnOnce()) {
        let _guard = self.read();
        act();
    }
}

impl Reads for nexus_lockprof::RecursiveRwLock<()> {
    #[track_caller]
    fn reading(&self, act: impl FnOnce()) {
        let _guard = self.read();
        act();
    }
}

/// Both kinds of locks have the same names, and one thread reads them at the same places.
#[test]
fn each_kind_of_lock_of_one_name_is_told_apart() {
    fn in_both_orders<L: Reads>(a: &L, b: &L) {
        a.reading(|| b.reading(|| {}));
        b.reading(|| a.reading(|| {}));
    }
    let potential = || {
        let snapshot = nexus_lockprof::snapshot();
        let potential = snapshot.potential_deadlocks().iter();
        let potential = potential.filter(|of| of.cycle().contains("either a"));
        potential.count()
    };
    let names = ["either a", "either b"];
    let [a, b] = names.map(|name| nexus_lockprof::RecursiveRwLock::named(name, ()));
    in_both_orders(&a, &b);
    assert_eq!(potential(), 0);
    let [a, b] = names.map(|name| nexus_lockprof::RwLock::named(name, ()));
    in_both_orders(&a, &b);
    assert_eq!(potential(), 1);
}

/// `read_recursive` waits for no reader, whatever waits to write.
#[test]
fn a_recursive_read_of_lock_api_0_4_waits_for_no_reader() {
    let [a, b] = ["again a", "again b"].map(|name| {
        let lock = shim_0_12::RwLock::new(name);
        black_box(lock)
    });
    drop((black_box(a.read()), black_box(a.read_recursive())));
    drop((black_box(a.read_recursive()), black_box(b.read_recursive())));
    drop((black_box(b.read_recursive()), black_box(a.read_recursive())));
    let line = line!();
    drop((black_box(b.read()), black_box(b.read())));
    let snapshot = nexus_lockprof::snapshot();
    let steps = snapshot
        .potential_deadlocks()
        .iter()
        .flat_map(|of| &of.steps);
    let here = steps.filter(|step| step.held.site.file == file!());
    let lines: Vec<u32> = here
        .filter(|step| (line - 4..line + 2).contains(&step.held.site.line))
        .map(|step| step.held.site.line)
        .collect();
    assert_eq!(lines, [line + 1], "only the one that queues");
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
