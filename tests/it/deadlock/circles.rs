//! Deadlocks, each with its threads, lines and locks.

use super::{Scene, told};
use nexus_lockprof::engine::{Config, Mode};
use nexus_lockprof::{AcquireMode, Site, Snapshot};
use nexus_lockprof_tests::bench::Mutex;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Two threads that take two mutexes, each in its own order.
fn two(scene: &Scene) -> [u32; 4] {
    let (accounts, audit) = (scene.mutex("accounts"), scene.mutex("audit"));
    let both = Arc::new(Barrier::new(2));
    let begin = line!();
    scene.thread("transfer", {
        let both = Arc::clone(&both);
        move || {
            let _accounts = accounts.lock(); // 4
            both.wait();
            let _audit = audit.lock(); // 6
        }
    });
    scene.thread("report", move || {
        let _audit = audit.lock(); // 10
        both.wait();
        let _accounts = accounts.lock(); // 12
    });
    [4, 6, 10, 12].map(|line| begin + line)
}

#[test]
fn two_threads_are_found_with_their_lines_and_told_once() {
    let scene = Scene::new();
    let [accounts, audit_next, audit, accounts_next] = two(&scene);
    scene.await_waiters(2);
    scene.pass(SECOND - Duration::from_nanos(1));
    assert_eq!(scene.bench.engine.snapshot().deadlocks(), [], "too early");
    scene.pass(Duration::from_nanos(1));
    let snapshot = scene.deadlocks(1);
    let [deadlock] = snapshot.deadlocks() else {
        panic!("{snapshot:?}")
    };
    assert!(deadlock.certain);
    // The thread that began first has the smaller number, which need not be this one.
    let mut lines = told(deadlock);
    let mut waits = [
        format!("transfer:{audit_next} exclusive of audit, which report:{audit} has exclusive"),
        format!(
            "report:{accounts_next} exclusive of accounts, which transfer:{accounts} has exclusive"
        ),
    ];
    lines.sort();
    waits.sort();
    assert_eq!(lines, waits);
    let file = file!();
    let mut steps = [
        format!("transfer@{file}:{audit_next}(audit)"),
        format!("report@{file}:{accounts_next}(accounts)"),
    ];
    if deadlock.waits[0].lock.name() == "accounts" {
        steps.reverse();
    }
    assert_eq!(
        scene.lines(),
        [format!(
            "lock.deadlock threads=2 cycle={} certain=true",
            steps.join("->")
        )]
    );
    scene.bench.engine.tick();
    scene.pass(Duration::from_secs(100));
    assert_eq!(scene.deadlocks(1).stuck(SECOND), [] as [&_; 0]);
    assert_eq!(scene.lines(), [] as [String; 0], "once");
}

#[test]
fn a_peek_and_the_files_have_it() {
    let scene = Scene::new();
    two(&scene);
    scene.await_waiters(2);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(1);
    assert_eq!(scene.bench.engine.peek().deadlocks(), snapshot.deadlocks());
    let json = snapshot.to_json().unwrap();
    assert_eq!(Snapshot::from_json(&json).unwrap(), snapshot);
    for part in [
        "\"deadlocks\":",
        "\"certain\":true",
        "\"transfer\"",
        "\"report\"",
    ] {
        assert!(json.replace(' ', "").contains(part), "{part} in {json}");
    }
    let file = snapshot.to_bytes().unwrap();
    assert_eq!(Snapshot::from_bytes(&file).unwrap(), snapshot);
}

/// Threads that each hold one thing and wait for the next one's.
fn ring(scene: &Scene, names: &'static [&'static str]) {
    let locks: Vec<_> = names.iter().map(|name| scene.mutex(name)).collect();
    let all = Arc::new(Barrier::new(names.len()));
    for (number, name) in names.iter().enumerate() {
        let (mine, next) = (locks[number], locks[(number + 1) % names.len()]);
        let all = Arc::clone(&all);
        scene.thread(name, move || {
            let _mine = mine.lock();
            all.wait();
            let _next = next.lock();
        });
    }
    scene.await_waiters(names.len());
    scene.pass(SECOND);
}

#[test]
fn three_and_five_threads_are_found_in_their_order() {
    for names in [&["a", "b", "c"][..], &["a", "b", "c", "d", "e"]] {
        let scene = Scene::new();
        ring(&scene, names);
        let snapshot = scene.deadlocks(1);
        let deadlock = &snapshot.deadlocks()[0];
        assert!(deadlock.certain);
        let of = |wait: &nexus_lockprof::Waiter| {
            let thread = wait.thread.as_ref().and_then(|thread| thread.name.clone());
            (thread.unwrap().to_string(), wait.lock.name().into_owned())
        };
        let found: Vec<_> = deadlock.waits.iter().map(of).collect();
        let begin = names.iter().position(|name| *name == found[0].0).unwrap();
        let at = |number: usize| names[(begin + number) % names.len()].to_owned();
        let expected: Vec<_> = (0..names.len()).map(|n| (at(n), at(n + 1))).collect();
        assert_eq!(found, expected);
        assert_eq!(scene.lines().len(), 1);
    }
}

#[test]
fn two_circles_are_two_deadlocks() {
    let scene = Scene::new();
    two(&scene);
    two(&scene);
    scene.await_waiters(4);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(2);
    assert!(
        snapshot
            .deadlocks()
            .iter()
            .all(|found| found.waits.len() == 2)
    );
    assert_eq!(scene.lines().len(), 2);
}

/// A writer behind a reader behind a writer: nobody knows that there is no other reader.
#[test]
fn readers_make_it_a_possible_one() {
    let scene = Scene::new();
    let (a, b) = (scene.rwlock("a"), scene.rwlock("b"));
    let both = Arc::new(Barrier::new(2));
    let begin = line!();
    scene.thread("one", {
        let both = Arc::clone(&both);
        move || {
            let _a = a.read(); // 4
            both.wait();
            let _b = b.write(); // 6
        }
    });
    scene.thread("two", move || {
        let _b = b.read(); // 10
        both.wait();
        let _a = a.write(); // 12
    });
    scene.await_waiters(2);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(1);
    let deadlock = &snapshot.deadlocks()[0];
    assert!(!deadlock.certain);
    let mut lines = told(deadlock);
    lines.sort();
    let [a, b_next, b, a_next] = [4, 6, 10, 12].map(|line| begin + line);
    assert_eq!(
        lines,
        [
            format!("one:{b_next} exclusive of b, which two:{b} has shared"),
            format!("two:{a_next} exclusive of a, which one:{a} has shared"),
        ]
    );
    let lines = scene.lines();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with(" certain=false"), "{lines:?}");
}

#[test]
fn writers_and_a_mutex_make_a_certain_one() {
    let scene = Scene::new();
    let (lock, mutex) = (scene.rwlock("lock"), scene.mutex("mutex"));
    let both = Arc::new(Barrier::new(2));
    let begin = line!();
    scene.thread("writer", {
        let both = Arc::clone(&both);
        move || {
            let _lock = lock.write(); // 4
            both.wait();
            let _mutex = mutex.lock(); // 6
        }
    });
    scene.thread("reader", move || {
        let _mutex = mutex.lock(); // 10
        both.wait();
        let _lock = lock.read(); // 12
    });
    scene.await_waiters(2);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(1);
    assert!(snapshot.deadlocks()[0].certain);
    let mut lines = told(&snapshot.deadlocks()[0]);
    lines.sort();
    let [lock, mutex_next, mutex, lock_next] = [4, 6, 10, 12].map(|line| begin + line);
    assert_eq!(
        lines,
        [
            format!("reader:{lock_next} shared of lock, which writer:{lock} has exclusive"),
            format!("writer:{mutex_next} exclusive of mutex, which reader:{mutex} has exclusive"),
        ]
    );
}

#[test]
fn a_thread_that_waits_for_itself_is_found() {
    let scene = Scene::new();
    let (mutex, lock) = (scene.mutex("mutex"), scene.rwlock("lock"));
    let begin = line!();
    scene.thread("again", || {
        let _first = mutex.lock(); // 2
        let _second = mutex.lock(); // 3
    });
    scene.thread("reads", || {
        let _reads = lock.read(); // 6
        let _writes = lock.write(); // 7
    });
    scene.await_waiters(2);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(2);
    let mut found: Vec<_> = snapshot
        .deadlocks()
        .iter()
        .map(|d| (told(d), d.certain))
        .collect();
    found.sort();
    let [first, second, reads, writes] = [2, 3, 6, 7].map(|line| begin + line);
    let again = format!("again:{second} exclusive of mutex, which again:{first} has exclusive");
    let writes = format!("reads:{writes} exclusive of lock, which reads:{reads} has shared");
    assert_eq!(found, [(vec![again], true), (vec![writes], false)]);
    assert!(
        snapshot
            .deadlocks()
            .iter()
            .all(|d| d.waits_for_itself().is_some())
    );
}

/// It ends when the time is over.
#[test]
fn a_wait_for_a_limited_time_makes_it_a_possible_one() {
    let scene = Scene::new();
    let lock = |name| &*Box::leak(Box::new(scene.bench.full_rwlock(name, ())));
    let (a, b) = (lock("a"), lock("b"));
    let both = Arc::new(Barrier::new(2));
    scene.thread("patient", {
        let both = Arc::clone(&both);
        move || {
            let _a = a.write();
            both.wait();
            let _b = b.write();
        }
    });
    scene.thread("impatient", move || {
        let _b = b.write();
        both.wait();
        let _a = a.try_write_for(Duration::from_secs(1_000_000));
    });
    scene.await_waiters(2);
    scene.pass(SECOND);
    assert!(!scene.deadlocks(1).deadlocks()[0].certain);
}

/// The lock may say that the thread which upgrades holds it. It waits for a reader.
#[test]
fn an_upgrade_does_not_wait_for_itself() {
    let scene = Scene::new();
    let lock: &'static _ = Box::leak(Box::new(scene.bench.full_rwlock("lock", ())));
    let reader = lock.read();
    scene.thread("upgrades", || {
        let upgradable = lock.upgradable_read();
        drop(parking_lot_upgrade(upgradable));
    });
    scene.await_waiters(1);
    scene.pass(SECOND * 5);
    for _ in 0..3 {
        let snapshot = scene.bench.engine.snapshot();
        assert_eq!(snapshot.deadlocks(), []);
        let holder = snapshot.waiters()[0].holder.as_ref().unwrap();
        let (thread, site) = (holder.thread.as_ref(), &holder.site);
        assert_eq!((thread, site), (None, &Site::readers()));
        assert_eq!(holder.mode, AcquireMode::Shared);
    }
    drop(reader);
}

fn parking_lot_upgrade<R, T>(
    guard: lock_api::RwLockUpgradableReadGuard<'_, R, T>,
) -> lock_api::RwLockWriteGuard<'_, R, T>
where
    R: lock_api::RawRwLockUpgrade,
{
    lock_api::RwLockUpgradableReadGuard::upgrade(guard)
}

/// It is stuck itself, and told as such.
#[test]
fn a_thread_behind_a_deadlock_is_not_in_it() {
    let scene = Scene::new();
    let (one, other) = (scene.mutex("one"), scene.mutex("other"));
    let both = Arc::new(Barrier::new(2));
    for (name, first, second) in [("a", one, other), ("b", other, one)] {
        let both = Arc::clone(&both);
        scene.thread(name, move || {
            let _first = first.lock();
            both.wait();
            let _second = second.lock();
        });
    }
    scene.await_waiters(2);
    scene.thread("behind", || drop(one.lock()));
    scene.await_waiters(3);
    scene.pass(SECOND * 10);
    let snapshot = scene.deadlocks(1);
    assert_eq!(snapshot.deadlocks()[0].waits.len(), 2);
    let stuck = snapshot.stuck(SECOND * 10);
    let [wait] = stuck.as_slice() else {
        panic!("{stuck:?}")
    };
    let name = wait.thread.as_ref().and_then(|thread| thread.name.clone());
    assert_eq!(name.as_deref(), Some("behind"));
    let lines = scene.lines();
    let mut marks: Vec<_> = lines.iter().map(|line| line.split(' ').next()).collect();
    // On a loaded machine, the circle may be confirmed only by a later snapshot.
    marks.sort_unstable();
    assert_eq!(marks, [Some("lock.deadlock"), Some("lock.stuck")]);
}

/// While the profiler is off, a lock still names who had it before: here the thread that then waits
/// for it, and seems to wait for itself.
#[test]
fn after_the_profiler_was_off_nothing_is_certain() {
    fn pass_through(lock: &Mutex<()>) {
        drop(lock.lock());
    }
    let scene = Scene::new();
    let switch = |mode| {
        let switched = scene.bench.engine.configure(Config::default().mode(mode));
        assert_eq!(switched, Ok(()));
    };
    // One class: after the other one was acquired there, the place is known again.
    let (lock, other) = (scene.mutex("toggled"), scene.mutex("toggled"));
    let (to, locks) = channel::<&'static Mutex<()>>();
    let (done, passed) = channel();
    scene.thread("once a holder", move || {
        for lock in locks {
            pass_through(lock);
            let _ = done.send(());
        }
    });
    let pass = |lock| {
        assert!(to.send(lock).is_ok());
        assert!(passed.recv().is_ok());
    };
    pass(lock);
    switch(Mode::Off);
    let _held = lock.lock();
    switch(Mode::Exact);
    pass(other);
    assert!(to.send(lock).is_ok());
    scene.await_waiters(1);
    scene.pass(SECOND);
    let snapshot = scene.deadlocks(1);
    assert!(!snapshot.deadlocks()[0].certain, "{snapshot:?}");
}
