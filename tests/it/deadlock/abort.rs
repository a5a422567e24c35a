//! `abort_on_deadlock` turns a hang into a crash that says why.

use nexus_lockprof_tests::children;
use std::os::unix::process::ExitStatusExt;

const SOURCE: &str = include_str!("../../src/bin/child/deadlock.rs");

/// The place of the line with this comment.
fn place(comment: &str) -> String {
    let mut lines = SOURCE.lines();
    let line = lines.position(|line| line.ends_with(comment));
    let line = line.map_or(0, |before| before + 1);
    format!("tests/src/bin/child/deadlock.rs:{line}")
}

#[test]
fn a_deadlock_becomes_a_crash_that_names_both_threads_and_all_places() {
    let ended = children::run(children::command(env!("CARGO_BIN_EXE_child")).arg("deadlock"));
    assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{ended:?}");
    // The orders of the locks may have been told before.
    let before = |line: &&str| !line.starts_with("lock.deadlock ");
    let lines: Vec<&str> = ended.stderr.lines().skip_while(before).collect();
    assert!(lines.len() >= 5, "{}", ended.stderr);
    let [accounts, audit_next] = ["// holds accounts", "// waits for audit"].map(place);
    let [audit, accounts_next] = ["// holds audit", "// waits for accounts"].map(place);
    let mut steps = [
        format!("transfer@{audit_next}(audit)"),
        format!("report@{accounts_next}(accounts)"),
    ];
    let begins = |name: &str| lines[0].contains(&format!("cycle={name}@"));
    if begins("report") {
        steps.reverse();
    }
    assert_eq!(
        lines[0],
        format!(
            "lock.deadlock threads=2 cycle={} certain=true",
            steps.join("->")
        )
    );
    // Without the threads' numbers.
    let told: Vec<String> = lines[1..5]
        .iter()
        .map(|line| {
            let words = line.split(' ').filter(|word| !word.starts_with('('));
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    for [waits, held] in [
        [
            format!("  transfer waits at {audit_next} for the lock `audit`,"),
            format!("    which report acquired at {audit}"),
        ],
        [
            format!("  report waits at {accounts_next} for the lock `accounts`,"),
            format!("    which transfer acquired at {accounts}"),
        ],
    ] {
        let at = told.iter().position(|line| *line == waits);
        let next = at.and_then(|at| told.get(at + 1));
        assert_eq!(next, Some(&held), "{}", ended.stderr);
    }
}
