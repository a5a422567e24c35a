//! Tests of whole processes.

use nexus_lockprof::Snapshot;
use nexus_lockprof_tests::children::{self, Ended};

const CHILD: &str = env!("CARGO_BIN_EXE_child");

fn child(part: &str) -> Ended {
    let ended = children::run(children::command(CHILD).arg(part));
    ended.expect_success();
    ended
}

#[test]
fn memory_after_ten_thousand_threads_is_what_it_was_after_a_hundred() {
    child("memory");
}

#[test]
fn memory_after_ten_thousand_engines_is_what_it_was_after_a_hundred() {
    child("engines");
}

#[cfg(unix)]
#[test]
fn a_forked_child_locks_and_collects() {
    child("fork");
}

#[cfg(unix)]
#[test]
fn a_forked_child_has_a_clock() {
    for _ in 0..10 {
        child("fork while calibrating");
    }
}

#[cfg(unix)]
#[test]
fn threads_have_no_time_in_a_forked_child() {
    child("fork: time of threads");
}

#[cfg(unix)]
#[test]
fn a_forked_child_collects_of_local_engines() {
    child("fork: local engines");
}

/// To run it by hand with more children, see the program.
#[cfg(unix)]
#[test]
fn children_are_forked_off_while_threads_come_and_go() {
    child("churn");
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn a_library_is_closed_before_its_threads_end() {
    let folder = std::path::Path::new(CHILD).parent();
    let library = folder.map(|folder| folder.join("deps/libnexus_lockprof_tests.so"));
    let library = library.unwrap_or_default();
    let mut command = children::command(CHILD);
    children::run(command.arg("plugin").arg(library)).expect_success();
}

#[cfg(unix)]
#[test]
fn a_signal_handler_tries_locks() {
    child("signal");
}

/// The handler comes after each instruction.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_signal_handler_tries_locks_at_each_step() {
    child("stepping");
}

/// A forbidden action in the handler ends the program, so an allocation there is always noticed.
#[cfg(unix)]
#[cfg(not(feature = "deadlock_detection"))]
#[test]
fn a_signal_handlers_first_try_allocates_nothing() {
    let mut command = children::command(env!("CARGO_BIN_EXE_interrupted"));
    children::run(command.arg("signal")).expect_success();
}

/// Forks a child while another thread is stopped in one of the allocations of the program's first
/// lock: in each of them.
#[cfg(unix)]
#[test]
fn a_child_is_forked_off_during_the_first_lock() {
    const NO_MORE: i32 = 3;
    for mode in ["counts", "exact"] {
        let mut number = 0;
        loop {
            number += 1;
            let mut command = children::command(env!("CARGO_BIN_EXE_interrupted"));
            command.args(["fork", &number.to_string()]);
            let ended = children::run(command.env("LOCKPROF", mode));
            if ended.status.code() == Some(NO_MORE) {
                break;
            }
            assert!(
                ended.status.success(),
                "{mode}, allocation {number}: {ended:?}"
            );
        }
        assert!(number > 10, "{mode}: {number} allocations");
    }
}

// parking_lot's deadlock detection allocates for each acquisition, so no lock can guard an
// allocator then.
#[cfg(not(feature = "deadlock_detection"))]
#[test]
fn every_allocation_takes_a_lock() {
    // The environment sets the mode of allocations before `main`; without an argument, of all of
    // them.
    for (mode, args) in [
        ("counts", &["0"][..]),
        ("sampled", &["1"]),
        ("exact", &["2"]),
        ("exact", &[]),
    ] {
        let mut command = children::command(env!("CARGO_BIN_EXE_allocator"));
        children::run(command.args(args).env("LOCKPROF", mode)).expect_success();
    }
}

#[test]
fn threads_outlive_main() {
    for number in 0..10 {
        let path =
            std::env::temp_dir().join(format!("lockprof-{}-{number}.json", std::process::id()));
        let mut command = children::command(CHILD);
        let ended = children::run(command.arg("outlive main").env("LOCKPROF_OUT", &path));
        let read = Snapshot::read_json_file(&path);
        let _ = std::fs::remove_file(&path);
        ended.expect_success();
        assert_eq!(ended.stderr, "");
        match read {
            Ok(snapshot) => assert!(
                snapshot
                    .points_of("busy")
                    .any(|point| point.acquisitions > 0)
            ),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Before, the exit called the handler, which waited for a lock of the exiting thread.
#[test]
fn the_last_events_are_lines() {
    let path = std::env::temp_dir().join(format!("lockprof-{}-events.json", std::process::id()));
    let mut command = children::command(CHILD);
    let ended = children::run(command.arg("end with events").env("LOCKPROF_OUT", &path));
    let read = Snapshot::read_json_file(&path);
    let _ = std::fs::remove_file(&path);
    ended.expect_success();
    let snapshot = read.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot.points_of("busy").count(), 1);
    let [line] = ended.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", ended.stderr);
    };
    assert!(line.starts_with("lock.hot lock=busy "), "{line}");
}

#[test]
fn the_main_thread_locks_in_its_last_destructors() {
    let path = std::env::temp_dir().join(format!("lockprof-{}-last.json", std::process::id()));
    let mut command = children::command(CHILD);
    let ended = children::run(command.arg("destructors").env("LOCKPROF_OUT", &path));
    let read = Snapshot::read_json_file(&path);
    let _ = std::fs::remove_file(&path);
    ended.expect_success();
    assert_eq!(ended.stderr, "");
    let snapshot = read.unwrap_or_else(|error| panic!("{error}"));
    // The guard was released and the lock taken twice before the profiler left the thread.
    let of = |lock| -> (u64, u64) {
        let points = || snapshot.points_of(lock);
        (
            points().map(|p| p.acquisitions).sum(),
            points().map(|p| p.hold.samples).sum(),
        )
    };
    assert_eq!((of("busy"), of("last")), ((1, 1), (2, 2)));
    assert!(snapshot.losses().is_empty());
}

#[test]
fn caps_that_are_reached_leave_room_for_what_comes_late() {
    for part in [
        "late hot lock",
        "classes",
        "ended threads",
        "ended threads, never collected",
        "one thread after the other",
    ] {
        let mut command = children::command(env!("CARGO_BIN_EXE_child"));
        children::run(command.args(["room", part])).expect_success();
    }
}
