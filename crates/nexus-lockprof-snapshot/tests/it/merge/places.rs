//! Which places of different processes are the same.

use nexus_lockprof_snapshot::{AcquireMode, Frame, Lock, Merge, Point, Site, Snapshot, Stack};

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
