//! How far figures and stacks of merged snapshots may grow.

use nexus_lockprof_snapshot::{
    Durations, Frame, Merge, Point, ProfilerMode, Snapshot, SnapshotParts, Stack,
};

use crate::support::{TestResult, named, snapshot};

/// A hundred processes with frames of unnamed addresses, which are all different.
#[test]
fn stacks_are_bounded() -> TestResult {
    const PROCESSES: u64 = 100;
    // More frames than a merge keeps before it drops unused ones.
    const STACKS: u64 = 1_000;
    const KEPT: usize = 1024;
    let process = |number: u64| {
        let stack = |index: u64| Stack {
            frames: vec![Frame {
                address: 1 + number * STACKS + index,
                ..Frame::default()
            }],
            waits: 1,
            wait_ns: number * STACKS + index,
            samples: 1,
        };
        snapshot(vec![Point {
            callers: (0..STACKS).map(stack).collect(),
            ..named("l", 1)
        }])
    };
    let all: Vec<Snapshot> = (0..PROCESSES).map(process).collect();
    let mut by_bytes = Merge::new();
    for snapshot in &all {
        by_bytes.add_bytes(&snapshot.to_bytes()?)?;
    }
    let mut halves = [Merge::new(), Merge::new()];
    for (index, snapshot) in all.iter().enumerate() {
        halves[index % 2].add(snapshot);
    }
    let [mut first, second] = halves;
    first.append(second);
    for merged in [Snapshot::merge(all), by_bytes.finish(), first.finish()] {
        let callers = &merged.points()[0].callers;
        assert_eq!(callers.len(), KEPT);
        assert_eq!(merged.losses().stacks, PROCESSES * STACKS - KEPT as u64);
        // The longest waits are kept.
        let least = callers.iter().map(|stack| stack.wait_ns).min();
        assert_eq!(least, Some(PROCESSES * STACKS - KEPT as u64));
    }
    Ok(())
}

/// Variances saturate wherever they add up, so what can be shown can be written, read and merged.
#[test]
fn variances_stop() -> TestResult {
    let large = || Point {
        caused_variance: 1.7e308,
        wait: Durations {
            samples: 1,
            events: 2,
            total_variance: 1.7e308,
            ..Durations::default()
        },
        ..named("l", 1)
    };
    let summed = snapshot(vec![large(), large(), large()]);
    let merged = Snapshot::merge((0..3).map(|_| snapshot(vec![large()])));
    for snapshot in [summed, merged] {
        let point = &snapshot.points()[0];
        assert_eq!(
            (point.caused_variance, point.wait.total_variance),
            (f64::MAX, f64::MAX)
        );
        assert_eq!(Snapshot::from_json(&snapshot.to_json()?)?, snapshot);
        assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()?)?, snapshot);
    }
    Ok(())
}

/// -0 equals 0, so both make the same file.
#[test]
fn minus_0_is_0() -> TestResult {
    let with = |zero: f64| {
        let durations = || Durations {
            samples: 1,
            events: 1,
            total_variance: zero,
            ..Durations::default()
        };
        let point = Point {
            caused_variance: zero,
            wait: durations(),
            hold: durations(),
            ..named("l", 1)
        };
        Snapshot::from_parts(SnapshotParts {
            profiler_mode: ProfilerMode::Sampled { budget: zero },
            points: vec![point],
            ..SnapshotParts::default()
        })
    };
    let (minus, plus) = (with(-0.0), with(0.0));
    assert_eq!(minus.to_json()?, plus.to_json()?);
    assert_eq!(minus.to_bytes()?, plus.to_bytes()?);
    assert_eq!(minus.profiler_mode().to_string(), "sampled (budget 0%)");
    let json = plus
        .to_json()?
        .replace(r#""budget":0.0"#, r#""budget":-0.0"#);
    assert!(json.contains("-0.0"), "{json}");
    let read = Snapshot::from_json(&json)?;
    let ProfilerMode::Sampled { budget } = read.profiler_mode() else {
        panic!("{read:?}")
    };
    assert!(budget.is_sign_positive());
    Ok(())
}
