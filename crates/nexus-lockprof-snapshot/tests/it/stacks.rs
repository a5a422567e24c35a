//! Call stacks: in documents, merged, and subtracted.

use nexus_lockprof_snapshot::{Frame, Point, SinceError, Snapshot, SnapshotParts, Stack};

use crate::support::{TestResult, named, snapshot};

fn frame(function: &str, address: u64) -> Frame {
    Frame {
        function: Some(function.into()),
        file: Some("src/app.rs".into()),
        line: Some(7),
        address,
    }
}

fn stack(functions: &[&str], samples: u64) -> Stack {
    let frames = (1..).zip(functions).map(|(at, name)| frame(name, at));
    Stack {
        frames: frames.collect(),
        waits: 8 * samples,
        wait_ns: 1_000 * samples,
        samples,
    }
}

fn point(callers: Vec<Stack>) -> Point {
    Point {
        acquisitions: 1,
        callers,
        ..named("l", 1)
    }
}

#[test]
fn documents() -> TestResult {
    let unknown = Stack {
        frames: vec![Frame {
            address: u64::MAX,
            ..Frame::default()
        }],
        ..stack(&[], 1)
    };
    let mut parts = SnapshotParts {
        points: vec![point(vec![stack(&["lock", "main"], 2), unknown])],
        ..SnapshotParts::default()
    };
    parts.losses.stacks = 3;
    let whole = Snapshot::from_parts(parts);
    let json = whole.to_json()?;
    assert_eq!(Snapshot::from_json(&json)?, whole);
    assert!(json.contains(r#""losses":{"points_full":0,"#), "{json}");
    assert!(json.contains(r#""stacks":3"#), "{json}");
    let frames =
        r#""callers":[{"frames":[{"function":"lock","file":"src/app.rs","line":7,"address":1},"#;
    assert!(json.contains(frames), "{json}");
    assert!(
        json.contains(r#""frames":[{"address":18446744073709551615}]"#),
        "{json}"
    );
    // Without stacks, the document does not mention them.
    let json = snapshot(vec![point(Vec::new())]).to_json()?;
    assert!(
        !json.contains("callers") && !json.contains("stacks"),
        "{json}"
    );
    Ok(())
}

#[test]
fn equal_stacks_are_merged_and_the_longest_is_first() {
    let a = point(vec![stack(&["short"], 1), stack(&["split", "main"], 2)]);
    let b = point(vec![stack(&["split", "main"], 3), stack(&["split"], 4)]);
    let merged = snapshot(vec![a, b]);
    let expected = [
        stack(&["split", "main"], 5),
        stack(&["split"], 4),
        stack(&["short"], 1),
    ];
    assert_eq!(merged.points()[0].callers, expected);
}

#[test]
fn losses_are_subtracted() -> TestResult {
    let at = |collection, stacks| {
        let mut parts = SnapshotParts {
            collection,
            ..SnapshotParts::default()
        };
        parts.losses.stacks = stacks;
        Snapshot::from_parts(parts)
    };
    assert_eq!(at(2, 7).since(&at(1, 3))?.losses().stacks, 4);
    assert!(at(2, 3).since(&at(1, 7)).is_err());
    Ok(())
}

#[test]
fn intervals() -> TestResult {
    let at = |collection, callers| {
        Snapshot::from_parts(SnapshotParts {
            collection,
            points: vec![point(callers)],
            ..SnapshotParts::default()
        })
    };
    let earlier = at(1, vec![stack(&["a"], 2), stack(&["same"], 3)]);
    let later = at(
        2,
        vec![stack(&["a"], 7), stack(&["same"], 3), stack(&["new"], 1)],
    );
    let interval = later.since(&earlier)?;
    let expected = [stack(&["a"], 5), stack(&["new"], 1)];
    assert_eq!(interval.points()[0].callers, expected);

    let backwards = |callers, name, before, after| {
        let error = SinceError::Backwards {
            of: "src/app.rs:1:5 (l), exclusive".to_owned(),
            counter: name,
            earlier: before,
            later: after,
        };
        assert_eq!(at(2, callers).since(&earlier), Err(error));
    };
    let fewer = |edit: fn(&mut Stack)| {
        let mut callers = vec![stack(&["a"], 2), stack(&["same"], 3)];
        callers.iter_mut().take(1).for_each(edit);
        callers
    };
    backwards(fewer(|s| s.waits -= 1), "callers.waits", 16, 15);
    backwards(fewer(|s| s.wait_ns -= 1), "callers.wait_ns", 2_000, 1_999);
    backwards(fewer(|s| s.samples -= 1), "callers.samples", 2, 1);
    backwards(vec![stack(&["a"], 2)], "callers.samples", 3, 0);
    Ok(())
}
