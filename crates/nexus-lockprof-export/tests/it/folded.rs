//! Folded stacks.

use nexus_lockprof_export::folded::{folded, holders};
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Edge, EdgeEnd, Losses, Point, Site, Snapshot, SnapshotParts,
};

use crate::rich::{Random, TestResult};
use crate::{golden, rich};

#[test]
fn as_it_was() {
    golden::check_whole("folded.txt", &folded(&rich::snapshot()).to_string());
    assert_eq!(folded(&rich::empty()).to_string(), "");
}

#[test]
fn the_numbers_are_the_waiting() {
    let mut random = Random(5);
    let any = (0..50).map(|_| rich::any(&mut random, 64));
    for snapshot in any.chain([rich::snapshot()]) {
        let text = folded(&snapshot).to_string();
        let stacks = text.lines().filter(|line| !line.starts_with("# "));
        let numbers = stacks.map(|line| line.rsplit_once(' '));
        let numbers = numbers.map(|n| n.and_then(|(_, n)| n.parse::<u128>().ok()));
        let found: Option<u128> = numbers.sum();
        let points = snapshot.points().iter();
        let waited = points.map(|p| u128::from(p.wait.total_ns)).sum();
        assert_eq!(found, Some(waited));
    }
}

#[test]
fn inferno_draws_it() -> TestResult {
    let text = folded(&rich::snapshot()).to_string();
    let mut options = inferno::flamegraph::Options::default();
    options.count_name = "ns".to_owned();
    let mut svg = Vec::new();
    inferno::flamegraph::from_lines(&mut options, text.lines(), &mut svg)?;
    let svg = String::from_utf8(svg)?;
    for title in [
        "all (1,000,078 ns, 100%)",
        "sessions (1,000,001 ns, 99.99%)",
        "app::http::logout (100,000 ns, 10.00%)",
    ] {
        assert!(svg.contains(title), "no {title} in {svg}");
    }
    assert!(!svg.contains("LOST"), "{svg}");
    Ok(())
}

#[test]
fn names_do_not_break_the_form() {
    let named = |name: &str| Point {
        wait: Durations {
            total_ns: 7,
            ..Durations::default()
        },
        ..Point::new(
            rich::named(name),
            AcquireMode::Shared,
            Site::new("a.rs", 1, 1),
        )
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        points: ["# a", "", " ", "b;c", "d\n2 3"].map(named).to_vec(),
        ..SnapshotParts::default()
    });
    let text = folded(&snapshot).to_string();
    let expected = "?;a.rs:1 7\n?;a.rs:1 7\n#a;a.rs:1 7\nb:c;a.rs:1 7\nd\\n2 3;a.rs:1 7\n";
    assert_eq!(text, expected);
}

/// Lock, holder, waiter, and the time of each edge.
#[test]
fn from_holders_to_waiters() {
    let at = |line| {
        EdgeEnd::from(&Point::new(
            rich::named("a;b"),
            AcquireMode::Shared,
            Site::new("a.rs", line, 1),
        ))
    };
    let edge = |waiting, holding, waited_ns| Edge {
        waiting,
        holding: at(holding),
        waits: 1,
        waited_ns,
    };
    let losses = Losses {
        edges: 1,
        ..Losses::default()
    };
    let snapshot = Snapshot::from_parts(SnapshotParts {
        edges: vec![
            edge(Some(at(1)), 2, 70),
            edge(Some(at(2)), 2, 50),
            edge(None, 2, 60),
            edge(Some(at(3)), 2, 0),
        ],
        losses,
        ..SnapshotParts::default()
    });
    let expected = format!(
        "# LOST {losses} (not recorded)\n\
         a:b;a.rs:2;a.rs:1 70\na:b;a.rs:2;(others) 60\na:b;a.rs:2;a.rs:2 50\n"
    );
    assert_eq!(holders(&snapshot).to_string(), expected);
    assert_eq!(holders(&rich::empty()).to_string(), "");
}
