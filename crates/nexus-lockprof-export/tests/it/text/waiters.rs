//! The section on who waits.

use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Holder, Lock, Point, ProfilerMode, Site, Snapshot, SnapshotParts,
    Thread, Waiter,
};

const S: u64 = 1_000_000_000;

fn thread(id: u64, name: &str) -> Option<Thread> {
    let name = (!name.is_empty()).then(|| name.into());
    Some(Thread { id, name })
}

fn holder(thread: Option<Thread>, line: u32) -> Holder {
    Holder {
        thread,
        exited: false,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/main.rs", line, 9),
        held_ns: None,
    }
}

fn waiter(lock: &str, thread: Option<Thread>, line: u32, waited_ns: u64) -> Waiter {
    Waiter {
        thread,
        lock: Lock::Named(lock.into()),
        address: 0x1000,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/main.rs", line, 9),
        waited_ns,
        handed: false,
        holder: None,
    }
}

fn snapshot(waiters: Vec<Waiter>, points: Vec<Point>) -> Snapshot {
    Snapshot::from_parts(SnapshotParts {
        profiler_mode: ProfilerMode::Counts,
        elapsed_ns: 5 * S,
        waiters,
        points,
        ..SnapshotParts::default()
    })
}

/// One of each kind of holder and waiter.
fn all_kinds() -> Vec<Waiter> {
    let behind = |waiter: Waiter, holder: Holder| Waiter {
        holder: Some(holder),
        ..waiter
    };
    let held_by = |name, id, line| holder(thread(id, name), line);
    vec![
        behind(
            waiter("accounts", thread(12, "report"), 24, 65 * S),
            Holder {
                held_ns: Some(66 * S),
                ..held_by("transfer", 11, 17)
            },
        ),
        Waiter {
            mode: AcquireMode::Shared,
            ..behind(
                waiter("accounts", thread(13, ""), 1_024, 2 * S),
                // Read a moment later.
                Holder {
                    held_ns: Some(67 * S),
                    ..held_by("transfer", 11, 17)
                },
            )
        },
        behind(
            waiter("cache", thread(14, "refresh"), 40, 30 * S),
            Holder {
                mode: AcquireMode::Shared,
                ..held_by("get", 15, 41)
            },
        ),
        behind(
            waiter("config", thread(16, "reload"), 50, 20 * S),
            Holder {
                mode: AcquireMode::Upgradable,
                ..held_by("", 17, 51)
            },
        ),
        behind(
            waiter("queue", None, 60, 10 * S),
            Holder {
                exited: true,
                ..holder(None, 61)
            },
        ),
        behind(waiter("pool", None, 70, 9 * S), holder(None, 71)),
        Waiter {
            handed: true,
            ..waiter("mailbox", None, 80, 8 * S)
        },
    ]
}

const KINDS: &str = "\
accounts: held by transfer (11) at src/main.rs:17, for 1m 06s
    1m 05s  report (12)  src/main.rs:24
     2.00s  thread 13    src/main.rs:1024 (sh)
cache: held by readers, the latest get (15) at src/main.rs:41
    30.0s  refresh (14)  src/main.rs:40
config: held by an upgradable reader, thread 17 at src/main.rs:51
    20.0s  reload (16)  src/main.rs:50
queue: held by a thread that has exited at src/main.rs:61
    10.0s  a task  src/main.rs:60
pool: held by an unknown thread at src/main.rs:71
    9.00s  a task  src/main.rs:70
mailbox: who holds it is not known
    8.00s  a task that was given it  src/main.rs:80

";

/// An upgrade waits for readers that the lock does not name.
#[test]
fn readers_that_nobody_knows_have_no_place() {
    let upgrade = Waiter {
        holder: Some(Holder {
            mode: AcquireMode::Shared,
            site: Site::readers(),
            ..holder(None, 0)
        }),
        ..waiter("config", thread(16, "reload"), 50, 20 * S)
    };
    let table = text::table(&snapshot(vec![upgrade], Vec::new())).to_string();
    let line = table.lines().find(|line| line.starts_with("config"));
    assert_eq!(line, Some("config: held by readers"), "{table}");
}

#[test]
fn they_stand_above_the_table() {
    let point = Point {
        acquisitions: 7,
        ..Point::new(
            Lock::Named("accounts".into()),
            AcquireMode::Exclusive,
            Site::new("src/main.rs", 17, 9),
        )
    };
    let with = snapshot(all_kinds(), vec![point.clone()]);
    let table = text::table(&snapshot(Vec::new(), vec![point])).to_string();
    assert!(!table.contains("Waiting"), "{table}");
    let table = table.replace("No thread waited for a lock.", "No wait has ended.");
    assert_eq!(
        text::table(&with).live(true).to_string(),
        format!("Waiting now: 4 threads and 3 tasks\n{KINDS}{table}")
    );
    assert_eq!(
        text::table(&with).to_string(),
        format!("Waiting when it was taken: 4 threads and 3 tasks\n{KINDS}{table}")
    );
}

/// A stuck program records nothing: that is no reason to say that no lock was used.
#[test]
fn of_a_stuck_program() -> Result<(), nexus_lockprof_snapshot::SinceError> {
    let stuck = |collection| {
        Snapshot::from_parts(SnapshotParts {
            collection,
            elapsed_ns: collection * S,
            profiler_mode: ProfilerMode::Counts,
            waiters: vec![waiter("accounts", thread(12, "report"), 24, S)],
            ..SnapshotParts::default()
        })
    };
    let expected = "\
Waiting now: 1 thread
accounts: who holds it is not known
    1.00s  report (12)  src/main.rs:24

No acquisition was recorded ";
    assert_eq!(
        text::table(&stuck(2)).live(true).to_string(),
        format!("{expected}(2.00s elapsed).")
    );
    assert_eq!(
        text::table(&stuck(3).since(&stuck(2))?)
            .live(true)
            .to_string(),
        format!("{expected}(an interval of 1.00s).")
    );
    Ok(())
}

/// A wait that goes on is in no figure, which is no reason to say that nobody waited.
#[test]
fn no_wait_has_ended() {
    let hold = Durations {
        samples: 1,
        events: 1,
        total_ns: S,
        max_ns: S,
        ..Durations::default()
    };
    let point = Point {
        acquisitions: 1,
        hold,
        ..waiter("accounts", None, 17, 0).point()
    };
    let summary = |waiters| {
        let snapshot = Snapshot::from_parts(SnapshotParts {
            profiler_mode: ProfilerMode::Exact,
            elapsed_ns: 5 * S,
            waiters,
            points: vec![point.clone()],
            ..SnapshotParts::default()
        });
        let report = text::table(&snapshot).to_string();
        report.lines().last().map(str::to_owned)
    };
    assert_eq!(
        summary(Vec::new()).as_deref(),
        Some("No thread waited for a lock. Share of the time held: accounts 20%.")
    );
    assert_eq!(
        summary(vec![waiter("accounts", thread(12, "report"), 24, S)]).as_deref(),
        Some("No wait has ended. Share of the time held: accounts 20%.")
    );
}

#[test]
fn long_lists_are_cut() {
    let mut waiters: Vec<Waiter> = (0..1_000)
        .map(|id| waiter("hot", thread(id, "worker"), 7, (2_000 - id) * S))
        .collect();
    for lock in 0..50 {
        waiters.push(waiter(
            &format!("lock {lock}"),
            thread(lock, "other"),
            8,
            (100 - lock) * S,
        ));
    }
    let report = text::table(&snapshot(waiters, Vec::new())).to_string();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[0], "Waiting when it was taken: 1.05k threads");
    assert_eq!(lines[2], "    33m 20s  worker (0)  src/main.rs:7");
    assert_eq!(lines[6], "    33m 16s  worker (4)  src/main.rs:7");
    assert_eq!(lines[7], "    ... and 995 more");
    assert_eq!(lines[8], "lock 0: who holds it is not known");
    // The title, 40 lines, an empty one, and that there is no point.
    assert_eq!(lines.len(), 43, "{report}");
    assert_eq!(lines[40], "... and 34 more, waiting for 34 other locks");
    assert_eq!(lines[41], "");
}

#[test]
fn what_is_long_is_fitted() {
    let long = "crates/server/src/net/pools/of/connections/connection_pool.rs";
    let mut one = waiter("a_lock_with_a_long_name", thread(1, "name"), 1, S);
    one.site.file = long.into();
    one.holder = Some(Holder {
        site: Site::new(long, 41, 20),
        held_ns: Some(S),
        ..holder(thread(4_194_303, "a thread's name"), 1)
    });
    let snapshot = snapshot(vec![one], Vec::new());
    let report = text::table(&snapshot).width(60);
    assert_eq!(
        report.to_string(),
        "\
Waiting when it was taken: 1 thread
a_lock_with_a_long_name: held by a thread's name (4194303)
  at crates/server/src/net/pools/of/…/connection_pool.rs:41,
  for 1.00s
    1.00s  name (1)  crates/…/connection_pool.rs:1

No acquisition was recorded (5.00s elapsed)."
    );
}

/// Nothing in a name controls the terminal.
#[test]
fn names_are_printable() {
    let mut one = waiter("a\u{1b}[31m", thread(1, "b\n\u{202e}"), 1, S);
    one.site.file = "c\u{7}.rs".into();
    one.holder = Some(holder(thread(2, "d\r"), 3));
    let report = text::table(&snapshot(vec![one], Vec::new())).to_string();
    assert!(
        report.chars().all(|c| c == '\n' || !c.is_control()) && !report.contains('\u{202e}'),
        "{report:?}"
    );
    assert_eq!(report.lines().count(), 5, "{report}");
}
