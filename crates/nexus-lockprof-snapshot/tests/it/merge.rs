//! Merged snapshots: any order and grouping gives the same result.

mod limits;
mod places;

use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Frame, Lock, Merge, Point, ProfilerMode, Sample, SinceError, Snapshot,
    SnapshotParts, Stack,
};

use crate::support::{Random, TestResult, everything, named, snapshot};

/// One of a handful of processes.
fn process(random: &mut Random) -> Snapshot {
    let durations = |random: &mut Random| {
        let samples = random.below(60);
        let reservoir = (0..samples).map(|_| Sample {
            value_ns: random.next() >> (random.below(63) + 1),
            weight: 1.0 + random.below(10_000) as f64 / 7.0,
        });
        let reservoir: Vec<Sample> = reservoir.collect();
        Durations {
            samples,
            events: samples * 3,
            total_ns: random.below(1 << 40),
            total_variance: random.below(1 << 40) as f64 / 3.0,
            max_ns: reservoir
                .iter()
                .map(|sample| sample.value_ns)
                .max()
                .unwrap_or(0),
            reservoir: reservoir.into(),
            ..Durations::default()
        }
    };
    let points = (0..random.below(8)).map(|_| {
        let name = ["a", "b", "c"][random.below(3) as usize];
        let address = random.next();
        let stack = Stack {
            frames: vec![Frame {
                function: Some(format!("f{}", random.below(2)).into()),
                address,
                ..Frame::default()
            }],
            waits: random.below(10),
            wait_ns: random.below(1_000),
            samples: 1,
        };
        Point {
            acquisitions: random.below(1 << 30),
            contentions: random.below(100),
            caused_variance: random.below(100) as f64 / 3.0,
            wait: durations(random),
            hold: durations(random),
            callers: vec![stack],
            ..named(name, random.below(3) as u32)
        }
    });
    let points = points.collect();
    let profiler_mode = [
        ProfilerMode::Off,
        ProfilerMode::Waits,
        ProfilerMode::Counts,
        ProfilerMode::Sampled { budget: 0.01 },
        ProfilerMode::Sampled { budget: 0.05 },
        ProfilerMode::Exact,
    ][random.below(6) as usize];
    Snapshot::from_parts(SnapshotParts {
        engine: random.below(2),
        pid: random.below(2) as u32,
        collection: random.below(2),
        elapsed_ns: random.below(1 << 40),
        taken_unix_ns: random.below(1 << 60),
        profiler_mode,
        points,
        ..everything()
    })
}

/// Equal, except for the last digits of variances.
#[track_caller]
fn assert_same(a: &Snapshot, b: &Snapshot) {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    for (a, b) in a.points().iter().zip(b.points()) {
        assert!(near(a.caused_variance, b.caused_variance));
        assert!(near(a.wait.total_variance, b.wait.total_variance));
        assert!(near(a.hold.total_variance, b.hold.total_variance));
    }
    let plain = |snapshot: &Snapshot| {
        let mut points = snapshot.points().to_vec();
        for point in &mut points {
            point.caused_variance = 0.0;
            point.wait.total_variance = 0.0;
            point.hold.total_variance = 0.0;
        }
        let head = (
            (
                snapshot.engine(),
                snapshot.pid(),
                snapshot.collection(),
                snapshot.base_collection(),
            ),
            (
                snapshot.resets(),
                snapshot.taken_unix_ns(),
                snapshot.elapsed_ns(),
                snapshot.profiler_mode(),
            ),
            (
                *snapshot.table(),
                *snapshot.losses(),
                *snapshot.overhead(),
                snapshot.merged(),
            ),
        );
        (head, points)
    };
    assert_eq!(plain(a), plain(b));
}

#[test]
fn order_and_grouping_make_no_difference() -> TestResult {
    let random = &mut Random(3);
    for _ in 0..100 {
        let all: Vec<Snapshot> = (0..2 + random.below(5)).map(|_| process(random)).collect();
        let together = Snapshot::merge(all.clone());
        let mut shuffled = all.clone();
        for index in (1..shuffled.len()).rev() {
            shuffled.swap(index, random.below(index as u64 + 1) as usize);
        }
        assert_same(&Snapshot::merge(shuffled), &together);
        let (left, right) = all.split_at(random.below(all.len() as u64) as usize);
        let halves = [
            Snapshot::merge(left.to_vec()),
            Snapshot::merge(right.to_vec()),
        ];
        assert_same(&Snapshot::merge(halves), &together);
        // One by one, each time through a file.
        let mut one_by_one = Snapshot::merge([]);
        for snapshot in &all {
            let mut merge = Merge::new();
            merge.add_bytes(&snapshot.to_bytes()?)?;
            merge.add_bytes(one_by_one.to_json()?.as_bytes())?;
            one_by_one = merge.finish();
        }
        assert_same(&one_by_one, &together);
        // In two parts, joined at the end.
        let mut parts = [Merge::new(), Merge::new()];
        for snapshot in &all {
            parts[random.below(2) as usize].add_bytes(&snapshot.to_bytes()?)?;
        }
        let [mut first, second] = parts;
        first.append(second);
        assert_same(&first.finish(), &together);
    }
    Ok(())
}

#[test]
fn sums_are_sums() {
    let random = &mut Random(5);
    let all: Vec<Snapshot> = (0..20).map(|_| process(random)).collect();
    let merged = Snapshot::merge(all.clone());
    let sum = |of: fn(&Point) -> u64, snapshots: &[Snapshot]| -> u64 {
        snapshots.iter().flat_map(Snapshot::points).map(of).sum()
    };
    let counters: [fn(&Point) -> u64; 5] = [
        |p| p.acquisitions,
        |p| p.contentions,
        |p| p.wait.total_ns,
        |p| p.hold.samples,
        |p| p.callers.iter().map(|stack| stack.wait_ns).sum(),
    ];
    for counter in counters {
        assert_eq!(
            sum(counter, std::slice::from_ref(&merged)),
            sum(counter, &all)
        );
    }
    assert_eq!(merged.merged(), 20);
    assert_eq!(merged.losses().total(), 20 * all[0].losses().total());
    // Function names identify stacks, not addresses.
    assert!(merged.points().iter().all(|point| point.callers.len() <= 2));
}

/// A merged percentile is within a 64th of the percentile of all samples together.
#[test]
fn percentiles() {
    let random = &mut Random(11);
    for _ in 0..50 {
        let of_process = |random: &mut Random| {
            let values = (0..1 + random.below(300)).map(|_| {
                let octave = random.below(30);
                100 + random.below(1 << octave)
            });
            let mut samples: Vec<Sample> = values.map(Sample::exact).collect();
            samples.sort_by_key(|sample| sample.value_ns);
            samples
        };
        let all: Vec<Vec<Sample>> = (0..4).map(|_| of_process(random)).collect();
        let of = |samples: Vec<Sample>| Durations {
            samples: samples.len() as u64,
            max_ns: samples
                .iter()
                .map(|sample| sample.value_ns)
                .max()
                .unwrap_or(0),
            reservoir: samples.into(),
            ..Durations::default()
        };
        let merged = Snapshot::merge(all.iter().map(|samples| {
            let hold = of(samples.clone());
            snapshot(vec![Point {
                hold,
                ..named("l", 1)
            }])
        }));
        let mut together: Vec<Sample> = all.concat();
        together.sort_by_key(|sample| sample.value_ns);
        let together = of(together);
        let hold = &merged.points()[0].hold;
        for q in [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 1.0] {
            let (found, exact) = (
                hold.quantile(q).unwrap_or(0),
                together.quantile(q).unwrap_or(0),
            );
            assert!(
                found.abs_diff(exact) <= exact / 64 + 1,
                "{q}: {found} {exact}"
            );
        }
        assert_eq!(hold.max_ns, together.max_ns);
    }
}

#[test]
fn who_made_it() {
    let taken = |engine, pid, profiler_mode| {
        Snapshot::from_parts(SnapshotParts {
            engine,
            pid,
            profiler_mode,
            ..SnapshotParts::default()
        })
    };
    let exact = ProfilerMode::Exact;
    let same = Snapshot::merge([taken(7, 1, exact), taken(7, 1, ProfilerMode::Off)]);
    assert_eq!(
        (same.engine(), same.pid(), same.profiler_mode()),
        (7, 1, exact)
    );
    let other = Snapshot::merge([taken(7, 1, exact), taken(8, 2, ProfilerMode::Counts)]);
    assert_eq!((other.engine(), other.pid()), (0, 0));
    assert_eq!(other.profiler_mode(), ProfilerMode::Counts);
    let waits = Snapshot::merge([other.clone(), taken(9, 3, ProfilerMode::Waits)]);
    assert_eq!(waits.profiler_mode(), ProfilerMode::Waits);
    let error = same.since(&taken(7, 1, exact)).err();
    assert_eq!(error, Some(SinceError::Merged { merged: 2 }));
}

/// Unreadable input adds nothing.
#[test]
fn a_bad_file_changes_nothing() -> TestResult {
    let point = Point {
        acquisitions: 5,
        ..Point::new(Lock::Anonymous, AcquireMode::Shared, named("l", 1).site)
    };
    let good = snapshot(vec![point]).to_bytes()?;
    let mut merge = Merge::new();
    merge.add_bytes(&good)?;
    assert!(merge.add_bytes(&good[..good.len() - 1]).is_err());
    assert!(merge.add_bytes(b"{").is_err());
    let merged = merge.finish();
    assert_eq!((merged.merged(), merged.points()[0].acquisitions), (1, 5));
    Ok(())
}

/// A merge of nothing is empty.
#[test]
fn points_of_no_snapshot_are_refused() -> TestResult {
    let nothing = Snapshot::merge([]);
    assert_eq!(Snapshot::from_bytes(&nothing.to_bytes()?)?, nothing);
    assert_eq!(Snapshot::from_json(&nothing.to_json()?)?, nothing);
    let made_up = |json: &str| json.replace(r#""elapsed_ns""#, r#""merged":0,"elapsed_ns""#);
    let one = snapshot(vec![named("l", 1)]);
    let json = made_up(&one.to_json()?);
    let error = Snapshot::from_json(&json).unwrap_err().to_string();
    assert!(error.contains("merged from 0 snapshots"), "{error}");
    let mut merge = Merge::new();
    assert!(merge.add_bytes(json.as_bytes()).is_err());
    assert_eq!(merge.finish(), nothing);
    // The same in bytes. The last number of the head is the number of merged snapshots.
    let mut bytes = one.to_bytes()?;
    let at = find(&bytes, b"TEXT") - 1;
    assert_eq!(std::mem::replace(&mut bytes[at], 0), 1);
    let end = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    let error = Snapshot::from_bytes(&bytes).unwrap_err().to_string();
    assert!(error.contains("merged from 0 snapshots"), "{error}");
    let mut merge = Merge::new();
    assert!(merge.add_bytes(&bytes).is_err());
    assert_eq!(merge.finish(), nothing);
    Ok(())
}

fn find(bytes: &[u8], tag: &[u8]) -> usize {
    let mut windows = bytes.windows(tag.len());
    windows.position(|window| window == tag).unwrap_or(0)
}

/// Intervals from different collections have no common beginning. Their quantiles still cover only
/// their last parts.
#[test]
fn intervals_that_are_incomplete_stay_so() -> TestResult {
    let at = |engine, collection| {
        Snapshot::from_parts(SnapshotParts {
            engine,
            collection,
            points: vec![Point {
                acquisitions: collection,
                ..named("l", 1)
            }],
            ..SnapshotParts::default()
        })
    };
    let interval = |engine, from, to| at(engine, to).since(&at(engine, from));
    let (part, whole) = (interval(1, 3, 9)?, interval(2, 4, 5)?);
    assert!(!part.is_complete() && whole.is_complete());
    for others in [
        vec![whole.clone()],
        vec![interval(2, 1, 7)?],
        vec![at(2, 3)],
    ] {
        let all = [vec![part.clone()], others].concat();
        let merged = Snapshot::merge(all.clone());
        assert!(!merged.is_complete(), "{all:?}");
        // Through files in both forms, and merged again.
        let bytes = Snapshot::from_bytes(&merged.to_bytes()?)?;
        let json = Snapshot::from_json(&merged.to_json()?)?;
        assert_eq!((&bytes, &json), (&merged, &merged));
        assert!(!Snapshot::merge([bytes, whole.clone()]).is_complete());
        let mut merge = Merge::new();
        for snapshot in &all {
            merge.add_bytes(&snapshot.to_bytes()?)?;
        }
        assert_eq!(merge.finish(), merged);
    }
    assert!(Snapshot::merge([whole, interval(1, 7, 8)?]).is_complete());
    Ok(())
}
