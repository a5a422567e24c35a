//! The list of findings: order, length, JSON, hostile figures.

use super::*;

#[test]
fn the_costliest_comes_first_and_there_is_an_end() {
    let points = (0..80).map(|n| {
        let cost = (n + 1) * SECOND;
        point(
            &format!("lock {n}"),
            1,
            &[(100, cost / 100)],
            &[(100, 2 * MS)],
            cost,
        )
    });
    let found = scene(points.collect()).findings();
    assert_eq!(found.len(), 50);
    assert!(found.is_sorted_by_key(|finding| std::cmp::Reverse(finding.cost_ns)));
    assert_eq!(found[0].cost_ns, Some(80 * SECOND));
}

/// JSON has them for readers that do not compute them. They are ignored when read.
#[test]
fn json_has_them() -> TestResult {
    let snapshot = scene(vec![long_hold()]);
    let json = snapshot.to_json()?;
    let value: serde_json::Value = serde_json::from_str(&json)?;
    let finding = &value["findings"][0];
    assert_eq!(finding["kind"], "long_hold");
    assert_eq!(finding["lock"]["named"], "map");
    assert_eq!(finding["site"]["line"], 1);
    assert_eq!(finding["cost_ns"], 9 * SECOND);
    assert_eq!(finding["evidence"][0]["name"], "wait_ns");
    assert_eq!(value["utilisation"]["waited"]["share"], 0.9);
    assert_eq!(Snapshot::from_json(&json)?, snapshot);
    let damaged = json.replace("\"long_hold\"", "[]");
    assert_eq!(Snapshot::from_json(&damaged)?, snapshot);
    assert!(!scene(Vec::new()).to_json()?.contains("findings"));
    Ok(())
}

/// A file may claim more than all programs together have done.
#[test]
fn figures_beyond_measure_overflow_nowhere() {
    let most = Durations {
        samples: u64::MAX,
        events: u64::MAX,
        total_ns: u64::MAX,
        max_ns: u64::MAX,
        ..times(&[(1, u64::MAX)])
    };
    let at = |line| Point {
        acquisitions: u64::MAX,
        contentions: u64::MAX,
        try_failures: u64::MAX,
        blocked: u64::MAX,
        caused_wait_ns: u64::MAX,
        wait: most.clone(),
        hold: most.clone(),
        ..point("most", line, &[], &[], 0)
    };
    for mode in [
        AcquireMode::Exclusive,
        AcquireMode::Shared,
        AcquireMode::Upgradable,
    ] {
        let points = vec![at(1), at(2), in_mode(mode, at(3)), in_mode(mode, at(4))];
        for elapsed_ns in [1, 10 * SECOND, u64::MAX] {
            let snapshot = Snapshot::from_parts(SnapshotParts {
                elapsed_ns,
                ..parts(points.clone())
            });
            assert!(snapshot.findings().len() <= 5, "one of waits, and of tries");
            let _ = snapshot.what_if(&points[0].lock);
        }
    }
}
