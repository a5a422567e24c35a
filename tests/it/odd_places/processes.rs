//! Where a whole process is what is tested.

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
fn a_signal_handler_tries_locks() {
    child("signal");
}

// parking_lot's deadlock detection allocates for each lock taken: no lock can guard an allocator then.
#[cfg(not(feature = "deadlock_detection"))]
#[test]
fn every_allocation_takes_a_lock() {
    // The environment sets the mode of what is allocated before `main`; without an argument, of all there is.
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
    // The guard was released, and the lock taken, before the profiler left the thread; then once more after it.
    let of = |lock| -> (u64, u64) {
        let points = || snapshot.points_of(lock);
        (
            points().map(|p| p.acquisitions).sum(),
            points().map(|p| p.hold.samples).sum(),
        )
    };
    assert_eq!((of("busy"), of("last")), ((1, 1), (1, 1)));
    assert_eq!(*snapshot.losses(), super::only_thread_exit(1));
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
