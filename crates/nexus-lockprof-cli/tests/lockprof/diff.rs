//! `lockprof diff`.

use crate::golden;
use crate::support::{Folder, after, before, built_in, command, lockprof, of, point};
use nexus_lockprof_snapshot::{AcquireMode, ProfilerMode, Snapshot, SnapshotParts};
use serde_json::Value;

struct Two {
    _folder: Folder,
    before: String,
    after: String,
}

impl Two {
    fn new() -> Self {
        let folder = Folder::new();
        Self {
            before: folder.with("before.json", &before()),
            after: folder.with("after.json", &after()),
            _folder: folder,
        }
    }

    fn named(&self, text: &str) -> String {
        text.replace(&self.before, "before.json")
            .replace(&self.after, "after.json")
    }
}

#[test]
fn what_is_worse_comes_first() {
    let two = Two::new();
    let table = lockprof(&["diff", &two.before, &two.after]).good();
    golden::check("diff.txt", &two.named(&table));
    let table = lockprof(&[
        "diff",
        &two.before,
        &two.after,
        "--all",
        "--metric",
        "hold-per-acquisition",
    ]);
    golden::check("diff-holds.txt", &two.named(&table.good()));
}

/// For a pull request's comment: the verdict first, and nothing that a name contains is markup.
#[test]
fn markdown() {
    let two = Two::new();
    let diff = |before: &str, after: &str| {
        let args = ["diff", before, after, "--format", "markdown"];
        two.named(&lockprof(&args).good())
    };
    golden::check("diff-markdown.txt", &diff(&two.before, &two.after));
    let same = diff(&two.before, &two.before);
    assert!(same.starts_with("**Locks: no lock is worse**\n"), "{same}");

    let folder = Folder::new();
    let name = "a|b`c` @d <e>";
    let [less, more] = [[100_000, 10], [100_000, 90_000]].map(|counts| {
        of(vec![point(
            name,
            AcquireMode::Exclusive,
            7,
            counts,
            [500_000, 1_000],
        )])
    });
    let (less, more) = (
        folder.with("less.json", &less),
        folder.with("more.json", &more),
    );
    let hostile = diff(&less, &more);
    assert!(hostile.contains("| `` a\\|b`c` @d <e> `` |"), "{hostile}");
}

#[test]
fn a_run_is_as_good_as_itself() {
    let two = Two::new();
    let table = lockprof(&["diff", &two.before, &two.before, "--fail-on", "worse"]).good();
    golden::check("diff-same.txt", &two.named(&table));
}

#[test]
fn json_has_everything() {
    let two = Two::new();
    let json = lockprof(&["diff", &two.before, &two.after, "--format", "json"]).good();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["format"], "lockprof-diff");
    assert_eq!(json["before"]["elapsed_ns"], 20_000_000_000_u64);
    assert_eq!(json["points"].as_array().unwrap().len(), 6);
    let worst = &json["points"][0];
    assert_eq!(worst["lock"]["named"], "sessions");
    assert_eq!(
        (&worst["site"]["line"], &worst["was"]["line"]),
        (&44.into(), &41.into())
    );
    let wait = &worst["changes"][0];
    assert_eq!(wait["metric"], "wait-per-second");
    assert_eq!(wait["verdict"], "worse");
    // 4000 waits of 67.5 µs in 20 s, and 11000 of 112.5 µs.
    assert_eq!(
        (&wait["before"], &wait["after"]),
        (&13_500_000.0.into(), &61_875_000.0.into())
    );
}

/// 1 % waited in the first ten seconds, and 5 % in the ten after that: not 3 % in twenty.
#[test]
fn of_one_process_what_came_in_between_is_compared() {
    let folder = Folder::new();
    let after = |seconds: u64, counts| {
        let exclusive = AcquireMode::Exclusive;
        Snapshot::from_parts(SnapshotParts {
            engine: 1,
            collection: seconds,
            elapsed_ns: seconds * 1_000_000_000,
            profiler_mode: ProfilerMode::Exact,
            points: vec![point("queue", exclusive, 7, counts, [100_000, 1_000])],
            ..SnapshotParts::default()
        })
    };
    let earlier = folder.with("earlier.json", &after(10, [100_000, 1_000]));
    let later = folder.with("later.json", &after(20, [200_000, 6_000]));
    let table = lockprof(&["diff", &earlier, &later, "--metric", "contention-ratio"]).good();
    assert!(
        table.contains("later.json since then: 1 point, 100k acquisitions in 10.0s"),
        "{table}"
    );
    assert!(table.contains("  +400%  "), "{table}");
    // In reverse order they count as two unrelated snapshots.
    let table = lockprof(&["diff", &later, &earlier]).good();
    assert!(!table.contains("since then"), "{table}");
}

#[test]
fn as_a_gate() {
    let two = Two::new();
    for (args, code) in [
        (&[][..], 0),
        (&["--fail-on", "worse"], 1),
        (&["--fail-on", "worse=200%"], 1),
        (
            &[
                "--fail-on",
                "worse",
                "--metric",
                "contention-ratio",
                "--threshold",
                "900%",
            ],
            0,
        ),
        (&["--fail-on", "worse=50%", "--floor", "50%"], 0),
        (&["--fail-on", "better"], 2),
        (&["--threshold", "x"], 2),
    ] {
        let args = [&["diff", &two.before, &two.after][..], args].concat();
        let run = lockprof(&args);
        assert_eq!(run.code, Some(code), "{args:?} {run:?}");
    }
    // A failed gate still prints why.
    let run = lockprof(&["diff", &two.before, &two.after, "--fail-on", "worse"]);
    assert!(run.out.contains("worse") && run.err.is_empty(), "{run:?}");
    // A missing file is no regression.
    assert_eq!(
        lockprof(&["diff", &two.before, "none", "--fail-on", "worse"]).code,
        Some(3)
    );
}

#[test]
fn colours_are_for_terminals() {
    let two = Two::new();
    let args = ["diff", &two.before, &two.after];
    let run = |extra: &[&str], variable: Option<(&str, &str)>| {
        let mut command = command(&[&args[..], extra].concat());
        command.envs(variable);
        let output = command.output().unwrap();
        output.stdout.contains(&0x1b)
    };
    assert!(!run(&[], None), "a pipe");
    assert!(run(&["--color", "always"], None));
    assert!(
        run(&["--color", "always"], Some(("NO_COLOR", "1"))),
        "who says always means it"
    );
    assert!(!run(&["--color", "never"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(run(&[], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!run(&[], Some(("NO_COLOR", "1"))));
}

/// Two machines keep a crate in two folders. The gate sees a regression in either point, wherever
/// it is in the file.
#[test]
fn points_of_two_homes_are_added_up() {
    let folder = Folder::new();
    let two = |name: &str, [a, b]: [u64; 2]| {
        let points = vec![built_in("/home/a", a), built_in("/home/b", b)];
        folder.with(name, &of(points))
    };
    let before = two("before.lockprof", [5_000, 5_000]);
    for (name, waits) in [
        ("a.lockprof", [45_000, 5_000]),
        ("b.lockprof", [5_000, 45_000]),
    ] {
        let after = two(name, waits);
        let run = lockprof(&["diff", &before, &after, "--fail-on", "worse"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        // 10,000 waits of 15 µs in 20 s, and 50,000: the sum of both homes.
        assert!(run.out.contains("7.50ms  37.5ms   +400%"), "{run:?}");
    }
    // One home has what two had: nothing changed.
    let one = folder.with("one.lockprof", &of(vec![built_in("/root", 10_000)]));
    let metric = ["--metric", "wait-per-second"];
    let run = lockprof(&[&["diff", &before, &one, "--fail-on", "worse"][..], &metric].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
}

/// Runs that hold the lock `sessions` for `hold_ns`, with normal variation.
fn runs(folder: &Folder, side: &str, hold_ns: u64, runs: u64) -> Vec<String> {
    let run = |number: u64| {
        let vary = 100 + number * 3;
        let exclusive = AcquireMode::Exclusive;
        let counts = [50_000, 500 + 200 * number];
        let points = ["sessions", "queue", "cache", "log"]
            .iter()
            .zip(1..)
            .map(|(name, line)| {
                let hold_ns = if *name == "sessions" { hold_ns } else { 4_000 };
                point(
                    name,
                    exclusive,
                    line,
                    counts,
                    [90_000, hold_ns * vary / 100],
                )
            });
        folder.with(&format!("{side}-{number}.lockprof"), &of(points.collect()))
    };
    (1..=runs).map(run).collect()
}

fn sides<'a>(before: &'a [String], after: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["diff", "--before"];
    args.extend(before.iter().map(String::as_str));
    args.push("--after");
    args.extend(after.iter().map(String::as_str));
    args.extend(more);
    args
}

#[test]
fn several_runs_a_side() {
    let folder = Folder::new();
    let (base, same) = (
        runs(&folder, "base", 2_000, 3),
        runs(&folder, "same", 2_000, 3),
    );
    let slow = runs(&folder, "slow", 4_000, 3);
    let gate = ["--fail-on", "worse=25%"];
    let run = lockprof(&sides(&base, &same, &gate));
    assert!(run.code == Some(0) && run.err.is_empty(), "{run:?}");
    assert!(
        !run.out.contains("One run a side") && !run.out.contains("fewer than"),
        "{run:?}"
    );
    let run = lockprof(&sides(&base, &slow, &gate));
    assert_eq!(run.code, Some(1), "{run:?}");
    let worse: Vec<&str> = run
        .out
        .lines()
        .filter(|line| line.starts_with("worse"))
        .collect();
    let [worse] = worse.as_slice() else {
        panic!("{run:?}")
    };
    assert!(
        worse.contains("sessions") && worse.contains("typical hold"),
        "{worse}"
    );
    assert!(
        run.out
            .contains("before: 3 runs, 4 points, 600k acquisitions in 60.0s, mode exact"),
        "{run:?}"
    );
    // With one run a side, and with two, it says that they are few.
    let run = lockprof(&["diff", &base[0], &same[0]]);
    assert!(
        run.out
            .contains("One run a side cannot tell a change from a busy machine."),
        "{run:?}"
    );
    let run = lockprof(&sides(&base[..2], &same, &[]));
    assert!(
        run.out.contains("With fewer than three runs a side"),
        "{run:?}"
    );
    let json = lockprof(&sides(
        &base,
        &slow,
        &["--format", "json", "--metric", "all"],
    ))
    .good();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["before"]["runs"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&json["before"]["target"], &json["after"]["target"]),
        (&"before".into(), &"after".into())
    );
    assert_eq!(json["load"]["differs"], false);
    assert_eq!(json["rule"]["significance"], 0.05);
    assert_eq!(json["points"][0]["changes"].as_array().unwrap().len(), 7);
}

#[test]
fn what_several_runs_may_be() {
    let folder = Folder::new();
    let base = runs(&folder, "base", 2_000, 2);
    for args in [
        &["diff"][..],
        &["diff", &base[0]],
        &["diff", "--before", &base[0]],
        &["diff", "--after", &base[0]],
        &[
            "diff", &base[0], &base[1], "--before", &base[0], "--after", &base[1],
        ],
        &["diff", &base[0], &base[1], "--metric", "none"],
    ] {
        assert_eq!(lockprof(args).code, Some(2), "{args:?}");
    }
    let error = lockprof(&["diff", "--before", "-", "-", "--after", &base[0]]).failed();
    assert_eq!(error, "only one of the runs can be standard input");
    let work = |lock| lockprof(&sides(&base, &base, &["--work", lock]));
    work("queue").good();
    let error = work("quue").failed();
    assert_eq!(
        error,
        format!(
            "{}: the lock `quue`, which --work names, was never acquired",
            base[0]
        )
    );
}
