//! Which places of different processes are the same.

use nexus_lockprof_snapshot::{
    AcquireMode, Deadlock, EdgeEnd, Frame, Holder, Instance, Lock, LockPair, Merge, PastInterval,
    PastPoint, Point, PotentialDeadlock, Site, Snapshot, SnapshotParts, Stack, Thread, Waiter,
};

use crate::support::{TestResult, named, snapshot};

/// A point of a crate that cargo keeps in `home`, with a caller in the crate.
fn kept_in(home: &str, acquisitions: u64) -> Point {
    let file = format!("{home}/.cargo/registry/src/index-0123/pool-1.0.0/src/lib.rs");
    let frame = Frame {
        function: Some("pool::take".into()),
        file: Some(file.as_str().into()),
        line: Some(9),
        address: acquisitions,
    };
    Point {
        acquisitions,
        callers: vec![Stack {
            frames: vec![frame],
            waits: 1,
            wait_ns: acquisitions,
            samples: 1,
        }],
        ..Point::new(
            Lock::FirstUsed(Site::new(file.clone(), 3, 1)),
            AcquireMode::Exclusive,
            Site::new(file, 7, 1),
        )
    }
}

/// Two addresses in one file of code are two places, in every process.
#[test]
fn addresses_in_files_of_code_stay() {
    let at = |address| {
        let frame = Frame {
            file: Some("/srv/app".into()),
            address,
            ..Frame::default()
        };
        let callers = vec![Stack {
            frames: vec![frame],
            waits: 1,
            wait_ns: 10,
            samples: 1,
        }];
        snapshot(vec![Point {
            callers,
            ..named("cache", 2)
        }])
    };
    let merged = Snapshot::merge([at(0x10), at(0x20), at(0x10)]).portable();
    let callers = merged.points().iter().flat_map(|point| &point.callers);
    let mut found: Vec<(u64, u64)> = callers
        .map(|stack| (stack.frames[0].address, stack.waits))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(0x10, 2), (0x20, 1)]);
}

/// Hosts that keep crates in different directories have the same points. Their order makes no
/// difference.
#[test]
fn crates_in_different_folders_are_the_same_points() -> TestResult {
    const SHORT: &str = "pool-1.0.0/src/lib.rs";
    let [a, b, c] = [("/home/a", 1), ("/home/b", 20), ("/root", 300)]
        .map(|(home, acquisitions)| snapshot(vec![kept_in(home, acquisitions)]));
    let orders = [[&a, &b, &c], [&c, &a, &b], [&b, &c, &a]];
    for order in orders {
        let merged = Snapshot::merge(order.into_iter().cloned());
        let [point] = merged.points() else {
            panic!("{:?}", merged.points())
        };
        assert_eq!(point.acquisitions, 321);
        assert_eq!(point.site.file, SHORT);
        assert_eq!(point.lock, Lock::FirstUsed(Site::new(SHORT, 3, 1)));
        let [stack] = point.callers.as_slice() else {
            panic!("{:?}", point.callers)
        };
        assert_eq!(stack.wait_ns, 321);
        // The same in two steps, and from files.
        let [first, second, third] = order;
        let two = Snapshot::merge([first.clone(), second.clone()]);
        let mut merge = Merge::new();
        merge.add_bytes(&third.to_bytes()?)?;
        let mut other = Merge::new();
        other.add_bytes(&two.to_bytes()?)?;
        merge.append(other);
        assert_eq!(merge.finish(), merged);
    }
    // If all keep them in one directory, it stays in the path.
    let same = Snapshot::merge([a.clone(), a.clone()]);
    assert_eq!(same.points()[0].site, a.points()[0].site);
    Ok(())
}

/// Where somebody waits has the name of its point, and where there is none yet, one name on all
/// hosts.
#[test]
fn those_who_wait_have_the_names_of_their_places() {
    const SHORT: &str = "pool-1.0.0/src/lib.rs";
    let of = |home: &str, id| {
        let point = kept_in(home, 1);
        let file = point.site.file.clone();
        let waiter = |line| Waiter {
            thread: Some(Thread { id, name: None }),
            lock: point.lock.clone(),
            address: 8,
            mode: AcquireMode::Exclusive,
            site: Site::new(file.clone(), line, 1),
            waited_ns: id,
            handed: false,
            holder: Some(Holder {
                thread: None,
                exited: false,
                mode: AcquireMode::Exclusive,
                site: Site::new(file.clone(), line + 1, 1),
                held_ns: None,
            }),
        };
        let mut parts = SnapshotParts {
            points: vec![point.clone()],
            ..SnapshotParts::default()
        };
        // One at a point, and one where nobody has acquired it yet.
        parts.waiters = vec![waiter(7), waiter(30)];
        parts.deadlocks = vec![Deadlock {
            certain: true,
            waits: vec![waiter(30)],
        }];
        Snapshot::from_parts(parts)
    };
    let merged = Snapshot::merge([of("/home/a", 4), of("/home/b", 5)]);
    let in_deadlocks = merged.deadlocks().iter().flat_map(|of| &of.waits);
    let all: Vec<&Waiter> = merged.waiters().iter().chain(in_deadlocks).collect();
    assert_eq!(all.len(), 6);
    for waiter in all {
        assert_eq!(waiter.site.file, SHORT);
        assert_eq!(waiter.lock, Lock::FirstUsed(Site::new(SHORT, 3, 1)));
        assert_eq!(waiter.holder.as_ref().unwrap().site.file, SHORT);
    }
    // On one host, all stay as they are.
    let alone = of("/home/a", 4);
    assert_eq!(alone.clone().portable(), alone);
    let same = Snapshot::merge([alone.clone(), alone.clone()]);
    assert_eq!(same.waiters()[0], alone.waiters()[0]);
}

#[test]
fn a_snapshot_of_two_folders_shows_as_one() {
    let two = snapshot(vec![
        kept_in("/home/a", 1),
        kept_in("/home/b", 20),
        named("l", 1),
    ]);
    let one = two.clone().portable();
    let of = |line| {
        one.points()
            .iter()
            .filter(move |point| point.site.line == line)
    };
    let counts: Vec<u64> = of(7).map(|point| point.acquisitions).collect();
    assert_eq!((counts.as_slice(), of(1).count()), (&[21][..], 1));
    assert_eq!(of(7).map(|point| point.callers.len()).sum::<usize>(), 1);
    let alone = snapshot(vec![kept_in("/home/a", 1)]);
    assert_eq!(alone.clone().portable(), alone);
    // An interval stays an interval.
    assert_eq!(two.merged(), one.merged());
}

/// Beside its points: one lock of the class, a pair of the class with itself, and a past interval.
fn beside(points: Vec<Point>) -> Snapshot {
    let each = || points.iter().enumerate();
    let instance = |(number, point): (usize, &Point)| Instance {
        lock: point.lock.clone(),
        address: 64 * (1 + number as u64),
        waits: 1,
        least_ns: 10,
        most_ns: 10,
    };
    let pair = |(_, point): (usize, &Point)| LockPair {
        held: EdgeEnd::from(point),
        wanted: EdgeEnd::from(point),
        same_lock: false,
        guarded: false,
        thread: None,
        count: 2,
    };
    let past = |(number, point): (usize, &Point)| PastPoint {
        wait_ns: 10 - number as u64,
        wait_max_ns: 5,
        ..PastPoint::new(point.lock.clone(), point.mode, point.site.clone())
    };
    let potential = |pair| PotentialDeadlock {
        needs_writer: false,
        steps: vec![pair],
    };
    let interval = PastInterval {
        points: each().map(past).collect(),
        ..PastInterval::default()
    };
    Snapshot::from_parts(SnapshotParts {
        instances: each().map(instance).collect(),
        potential_deadlocks: each().map(pair).map(potential).collect(),
        lock_order: each().map(pair).collect(),
        history: vec![interval],
        points,
        ..SnapshotParts::default()
    })
}

/// What is said of a class stays with its points.
#[test]
fn what_is_beside_points_is_renamed_with_them() -> TestResult {
    let homes = || ["/home/a", "/root"].map(|home| kept_in(home, 1));
    let shown = beside(homes().into()).portable();
    let files = homes().map(|point| beside(vec![point]));
    let merged = Snapshot::merge(files.clone());
    let mut bytes = Merge::new();
    for file in &files {
        bytes.add_bytes(&file.to_bytes()?)?;
    }
    for one in [&shown, &merged, &bytes.finish()] {
        let [point] = one.points() else {
            panic!("{:?}", one.points())
        };
        assert_eq!(point.site.file, "pool-1.0.0/src/lib.rs");
        let instances = one.instances().iter().map(|of| &of.lock);
        assert!(instances.eq([&point.lock; 2]), "{:?}", one.instances());
        let [pair] = one.lock_order() else {
            panic!("{:?}", one.lock_order())
        };
        assert!(pair.held.is(point) && pair.wanted.is(point), "{pair:?}");
        assert_eq!(pair.count, 4);
        let [potential] = one.potential_deadlocks() else {
            panic!("{:?}", one.potential_deadlocks())
        };
        assert!(potential.steps[0].held.is(point), "{potential:?}");
    }
    let past = shown.history()[0].of(&shown.points()[0]);
    let figures = past.map(|past| (past.wait_ns, past.wait_max_ns));
    assert_eq!(figures, Some((10 + 9, 5)));
    assert_eq!(shown.history()[0].points.len(), 1);
    // Those of one folder keep it, as their points do.
    let alone = Snapshot::merge([files[0].clone(), files[0].clone()]);
    assert_eq!(alone.instances()[0].lock, alone.points()[0].lock);
    assert_eq!(alone.points()[0].lock, files[0].points()[0].lock);
    Ok(())
}
