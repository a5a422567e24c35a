//! Programs with `LOCKPROF_SLOW`.

use super::MS;
use nexus_lockprof::{SlowLine, SlowMetric};
use nexus_lockprof_tests::children::{self, Ended};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// A part of the child program with `LOCKPROF_SLOW`.
fn child(part: &str, slow: Option<&str>) -> Command {
    let mut command = children::command(env!("CARGO_BIN_EXE_child"));
    command.args(["slow", part]);
    command.envs(slow.map(|slow| ("LOCKPROF_SLOW", slow)));
    command
}

fn run(part: &str, slow: Option<&str>) -> Ended {
    let ended = children::run(&mut child(part, slow));
    ended.expect_success();
    ended
}

/// The event in a line of a child. `None` if it is another line, or of a lock that the child holds
/// for long only on a busy machine.
fn event(line: &str) -> Option<SlowLine> {
    if !line.starts_with("lock.") {
        return None;
    }
    match line.parse::<SlowLine>() {
        Ok(event) => (event.lock != "other").then_some(event),
        Err(error) => panic!("{error}: {line}"),
    }
}

fn events(ended: &Ended) -> Vec<SlowLine> {
    ended.stderr.lines().filter_map(event).collect()
}

/// The child tells of a long hold of each of these locks, in any order.
#[track_caller]
fn check(part: &str, slow: Option<&str>, locks: &[&str]) {
    let ended = run(part, slow);
    let mut held = Vec::new();
    for event in events(&ended) {
        assert_eq!(event.metric, SlowMetric::Hold, "{event}");
        assert_eq!(event.threshold_ns, 20 * MS);
        assert!(event.ns >= 20 * MS, "{event}");
        assert!(event.site.0.ends_with("slow.rs"), "{event}");
        held.push(event.lock);
    }
    held.sort();
    assert_eq!(held, locks, "{}", ended.stderr);
    assert!(ended.complaints().is_empty(), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_program_with_one_thread_says_so_at_once() {
    check("one thread", Some("20ms"), &["first"]);
}

#[test]
fn a_program_with_two_threads_says_so_while_it_runs() {
    let mut child = child("two threads", Some("20ms"));
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines
        .map(|line| line.unwrap())
        .find_map(|line| event(&line));
    let event = first.unwrap_or_else(|| panic!("no line"));
    assert_eq!((&*event.lock, event.metric), ("first", SlowMetric::Hold));
    if cfg!(target_os = "linux") {
        assert_eq!(event.thread.as_deref(), Some("main"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_end_of_a_program_says_what_is_left() {
    check("end", Some("20ms"), &["first"]);
}

#[test]
fn a_handler_is_called_though_nobody_takes_snapshots() {
    check("handler", Some("20ms"), &["first"]);
}

#[test]
fn a_handler_gets_the_last_event() {
    let ended = run("handler at the end", None);
    let (handled, others): (Vec<_>, Vec<_>) =
        (ended.stderr.lines()).partition(|line| line.starts_with("handled lock.slow lock=first "));
    assert_eq!((handled.len(), others.len()), (1, 0), "{}", ended.stderr);
}

#[test]
fn a_handler_does_not_keep_the_process_from_ending() {
    let ended = run("handler at a locked end", Some("20ms"));
    assert!(events(&ended).len() <= 1, "{}", ended.stderr);
}

/// No event comes after the last ones that were dropped.
#[test]
fn the_end_of_a_program_says_what_was_dropped() {
    let ended = run("drops", None);
    let events = events(&ended);
    let told: u64 = events.iter().map(|event| 1 + event.dropped).sum();
    let left = 3 - told;
    let expected = match left {
        0 => Vec::new(),
        _ => vec![format!(
            "lockprof: {left} more slow waits and holds were dropped"
        )],
    };
    assert_eq!(ended.complaints(), expected, "{}", ended.stderr);
}

#[test]
fn a_program_that_asks_itself_gets_a_line_or_a_call() {
    check("settings", None, &["first"]);
}

#[cfg(unix)]
#[test]
fn a_forked_child_tells_only_its_own() {
    check("fork", Some("20ms"), &["first", "second"]);
}

#[test]
fn a_bad_threshold_is_named_and_nothing_is_slow() {
    for bad in ["", "0ms", "soon"] {
        let ended = run("holds", Some(bad));
        let complaint = format!(
            "lockprof: LOCKPROF_SLOW={bad} is not a time such as 100ms, 1s or 2m: slow waits and holds are not reported"
        );
        assert_eq!(ended.complaints(), [&*complaint]);
        assert!(events(&ended).is_empty());
    }
    check("holds", None, &[]);
}

#[test]
fn a_program_with_settings_of_its_own_says_that_it_ignores_the_environment() {
    let ended = run("ignored", Some("20ms"));
    let complaint = "lockprof: LOCKPROF_SLOW=20ms is ignored: the program has settings of its own";
    assert_eq!(ended.complaints(), [complaint]);
    assert!(events(&ended).is_empty());
}
