//! The views of text.

use super::*;
use nexus_lockprof_snapshot::{
    Instance, LockPair, PastInterval, PastPoint, PotentialDeadlock, SnapshotParts, Thread,
    ThreadKind, ThreadRow, ThreadTime, is_printable,
};

const MS: u64 = 1_000_000;

fn row(id: u64, name: &str, contentions: u64) -> ThreadRow {
    let time = |ms| ThreadTime {
        samples: contentions,
        events: contentions,
        total_ns: ms * MS,
        ..ThreadTime::default()
    };
    ThreadRow {
        kind: ThreadKind::Live,
        thread: Some(Thread {
            id,
            name: Some(name.into()),
        }),
        number: id,
        threads: 1,
        acquisitions: 100 * contentions,
        contentions,
        wait: time(100 * contentions),
        hold: time(3),
    }
}

/// Adds threads, instances, an inversion and a history to the first two points.
fn add(parts: &mut SnapshotParts, name: &str) {
    parts.threads = vec![row(4711, name, 9), row(4712, "worker", 1)];
    let [first, second] = [0, 1].map(|at| EdgeEnd::from(&parts.points[at]));
    let of = |address, ms| Instance {
        lock: first.lock.clone(),
        address,
        waits: ms,
        least_ns: ms * MS,
        most_ns: ms * MS,
    };
    parts.instances = vec![of(0x7f00_1000, 800), of(0x7f00_2000, 100)];
    let pair = |held: &EdgeEnd, wanted: &EdgeEnd| LockPair {
        held: held.clone(),
        wanted: wanted.clone(),
        same_lock: false,
        guarded: false,
        thread: parts.threads[0].thread.clone(),
        count: 3,
    };
    parts.potential_deadlocks = vec![PotentialDeadlock {
        needs_writer: false,
        steps: vec![pair(&first, &second), pair(&second, &first)],
    }];
    let past = |end: &EdgeEnd, wait_ns| PastPoint {
        wait_ns,
        ..PastPoint::new(end.lock.clone(), end.mode, end.site.clone())
    };
    let waits = [0, 0, 0, 900 * MS, 800 * MS, 0, 0, 0];
    let history = (1_763_878_800..).zip(waits).map(|(second_of, wait)| {
        let more = past(&second, 200 * MS);
        PastInterval {
            ended_unix_ns: second_of * 1_000 * MS,
            length_ns: 1_000 * MS,
            points: [past(&first, wait), more].into(),
        }
    });
    parts.history = history.collect();
}

fn target(name: &str) -> Target {
    let mut target = Target::new()
        .at("shard", 88, [900, 90, 900, 12])
        .at(name, 12, [9, 3, 100, 1]);
    add(&mut target.parts, name);
    target
}

fn looked() -> (State, Target) {
    let mut target = target("config");
    let mut state = state();
    see(&mut state, target.look());
    (state, target)
}

#[test]
fn each_view_has_its_lines() {
    let (mut state, _) = looked();
    for (key, name) in [
        ("2", "view-threads"),
        ("3", "view-instances"),
        ("4", "view-order"),
        ("5", "view-history"),
    ] {
        press(&mut state, key);
        check(name, &mut state, 80, 24);
        check(&format!("{name}-40"), &mut state, 40, 10);
    }
}

#[test]
fn a_view_says_that_it_has_nothing() {
    let mut state = state();
    see(&mut state, Target::new().at("a", 1, [1, 0, 0, 1]).look());
    for (key, text) in [
        ("2", "no thread is known"),
        ("3", "no long wait for this lock was measured"),
        ("4", "no locks were seen in orders that can deadlock"),
        ("5", "nobody has waited in the last intervals"),
    ] {
        press(&mut state, key);
        let found = self::text(&drawn(&mut state, 80, 24, Theme::new(true)));
        assert!(found.contains(text), "{found}");
    }
}

/// The lines of the selected row, and the title.
fn selected(state: &mut State) -> (String, String) {
    let buffer = drawn(state, 80, 24, Theme::new(true));
    let all = text(&buffer);
    let lines = all.lines().enumerate();
    let is_selected = |y: usize| {
        let cell = &buffer[(0, u16::try_from(y).unwrap())];
        cell.modifier.contains(Modifier::REVERSED)
    };
    let marked = lines.filter(|&(y, _)| is_selected(y));
    let marked: Vec<&str> = marked.map(|(_, line)| line.trim()).collect();
    let title = all.lines().find(|line| line.contains(" by "));
    (marked.join("|"), title.unwrap_or_default().to_owned())
}

#[test]
fn rows_are_selected_and_sorted() {
    let (mut state, mut target) = looked();
    press(&mut state, "2");
    let (row, title) = selected(&mut state);
    assert!(row.starts_with("config (4711)"), "{row}");
    assert_eq!(
        title,
        "threads by waited, since the start or the last reset"
    );
    press(&mut state, "↓↓↓");
    let (row, _) = selected(&mut state);
    assert!(row.starts_with("worker (4712)"), "the last one: {row}");
    // It stays selected in any order, and in the next snapshot.
    press(&mut state, "←r");
    let (row, title) = selected(&mut state);
    assert!(row.starts_with("worker (4712)"), "{row}");
    assert!(title.starts_with("threads by name, reversed, "), "{title}");
    assert_eq!(state.list().rows(), [1, 0]);
    target.parts.threads[1].wait.total_ns *= 100;
    see(&mut state, target.look());
    press(&mut state, "→");
    let (row, title) = selected(&mut state);
    assert!(row.starts_with("worker (4712)"), "{row}");
    assert!(title.starts_with("threads by waited, in"), "{title}");
    assert_eq!(state.list().at(), 0, "it has waited most meanwhile");
    press(&mut state, "\u{21f1}");
    // Each view has its own order and row.
    press(&mut state, "t3→");
    let (row, title) = selected(&mut state);
    assert!(row.starts_with("7f001000"), "{row}");
    assert!(title.starts_with("instances by waits, "), "{title}");
    press(&mut state, "→r");
    assert!(selected(&mut state).0.starts_with("7f002000"));
    // A row of several lines is selected as one.
    press(&mut state, "4");
    let (row, title) = selected(&mut state);
    assert_eq!(title, "order by kind, since the program's start");
    assert!(row.starts_with("Potential deadlock: 2 locks"), "{row}");
    assert!(
        row.ends_with("acquired shard (src/app.rs:88),|3 times."),
        "{row}"
    );
    press(&mut state, "2");
    assert!(selected(&mut state).1.starts_with("threads by waited, "));
}

#[test]
fn the_selected_row_is_in_sight() {
    let (mut state, mut target) = looked();
    target.parts.threads = (1..=40).map(|id| row(id, "worker", 50 - id)).collect();
    see(&mut state, target.look());
    press(&mut state, "2t");
    let shown = |state: &mut State, id: u64| {
        let found = text(&drawn(state, 80, 12, Theme::new(true)));
        found.contains(&format!("worker ({id})"))
    };
    assert!(shown(&mut state, 1) && !shown(&mut state, 40));
    press(&mut state, "\u{21f2}");
    assert!(shown(&mut state, 40) && !shown(&mut state, 1));
    press(&mut state, "⇞");
    let (first, at) = (state.scroll, state.list().at());
    assert!(shown(&mut state, at as u64 + 1), "{first} {at}");
    press(&mut state, "\u{21f1}");
    assert!(shown(&mut state, 1));
    let found = text(&drawn(&mut state, 80, 12, Theme::new(true)));
    assert!(
        found.contains("  thread "),
        "the names of the columns: {found}"
    );
}

/// Arrows go through the lines of a row that is longer than the screen, then to the next row.
#[test]
fn a_long_row_is_read_to_its_end() {
    let (mut state, mut target) = looked();
    let one = target.parts.potential_deadlocks[0].clone();
    let mut other = one.clone();
    other.needs_writer = true;
    target.parts.potential_deadlocks.push(other);
    see(&mut state, target.look());
    press(&mut state, "4");
    let mut seen = Vec::new();
    for _ in 0..20 {
        let found = text(&drawn(&mut state, 40, 8, Theme::new(true)));
        seen.push((state.list().at(), found.contains("and acquired shard")));
        press(&mut state, "↓");
    }
    let at = |row: usize| seen.iter().filter(move |(at, _)| *at == row);
    assert!(
        at(0).count() > 1 && at(0).any(|(_, is_end)| *is_end),
        "{seen:?}"
    );
    assert!(
        at(1).count() > 1 && at(1).any(|(_, is_end)| *is_end),
        "{seen:?}"
    );
    assert!(seen.is_sorted_by_key(|(at, _)| *at), "{seen:?}");
}

#[test]
fn the_filter_reaches_all_rows() {
    let (mut state, _) = looked();
    let found = |state: &mut State| text(&drawn(state, 80, 24, Theme::new(true)));
    press(&mut state, "3/7F002\n");
    let shown = found(&mut state);
    assert!(
        shown.contains("7f002000") && !shown.contains("7f001000"),
        "{shown}"
    );
    press(&mut state, "4");
    assert!(!found(&mut state).contains("Potential deadlock"));
    press(&mut state, "\u{1b}");
    assert!(found(&mut state).contains("Potential deadlock"));
    press(&mut state, "/shard inversion\n");
    assert!(found(&mut state).contains("Potential deadlock"));
    press(&mut state, "3");
    let shown = found(&mut state);
    assert!(
        !shown.contains("7f00"),
        "inversion is no word of it: {shown}"
    );
    // A word of the class leaves all of its locks.
    press(&mut state, "\u{1b}/shard\n");
    let shown = found(&mut state);
    assert!(
        shown.contains("7f001000") && shown.contains("7f002000"),
        "{shown}"
    );
}

/// Columns go one by one, and no word is cut in its middle.
#[test]
fn narrow_views_have_fewer_columns() {
    let (mut state, _) = looked();
    press(&mut state, "2");
    for (width, heads) in [
        (60, "  thread         acq  contention  waited        held"),
        (45, "  thread         acq  waited        held"),
        (40, "  thread         acq  waited        held"),
        (34, "  thread         acq  waited"),
        (24, "  thread         waited"),
    ] {
        let found = text(&drawn(&mut state, width, 16, Theme::new(true)));
        let head = found.lines().find(|line| line.starts_with("  thread"));
        assert_eq!(head, Some(heads), "{found}");
        let mut rows = found.lines().filter(|line| line.starts_with("  "));
        assert!(rows.all(|row| !row.contains('…')), "{width}: {found}");
    }
}

#[test]
fn threads_are_of_the_interval_or_of_all_time() {
    let (mut state, mut target) = looked();
    target.parts.threads[0].acquisitions += 5;
    see(&mut state, target.look());
    press(&mut state, "2");
    let shown = |state: &mut State| text(&drawn(state, 80, 24, Theme::new(true)));
    let found = shown(&mut state);
    assert!(
        found.contains("threads by waited, in the last interval"),
        "{found}"
    );
    assert!(found.contains("  config (4711)    5"), "{found}");
    press(&mut state, "t");
    let found = shown(&mut state);
    assert!(found.contains("  config (4711)  905"), "{found}");
    press(&mut state, "/WORK");
    let found = shown(&mut state);
    assert!(found.contains("worker (4712)"), "{found}");
    assert!(!found.contains("config (4711)"), "{found}");
}

#[test]
fn threads_have_who_waits_now_and_the_starved_one_above() {
    let (mut state, mut target) = super::waiters::stuck();
    target.parts.threads = vec![row(1, "last", 9), row(2, "b", 1), row(3, "c", 1)];
    let (engine, pid) = (8, 4712);
    (target.parts.engine, target.parts.pid) = (engine, pid);
    target.parts.elapsed_ns = 0;
    see(&mut state, target.look());
    press(&mut state, "2");
    check("view-threads-stuck", &mut state, 80, 24);
}

#[test]
fn the_page_of_a_point_has_its_locks_and_its_past() {
    let (mut state, _) = looked();
    press(&mut state, "\n⇲");
    let found = text(&drawn(&mut state, 100, 24, Theme::new(true)));
    for line in [
        "locks of this class",
        "  7f001000  89%  800ms  800 waits",
        "the program's last intervals",
        "  peak 06:20:02 to 06:20:04 UTC: waited 1.70s of 1.70s in 2 of 8 intervals",
        "  ▁▁▁█▇▁▁▁",
    ] {
        assert!(found.lines().any(|shown| shown == line), "{line}\n{found}");
    }
}

#[test]
fn nothing_in_a_view_steers_the_terminal() {
    const EVIL: &str = "x\u{1b}]0;OWNED\u{7}\u{9b}5m\r\n\u{202e}dlrow\u{200b}\u{e0041}";
    let mut target = target(EVIL);
    for point in &mut target.parts.points {
        point.lock = nexus_lockprof_snapshot::Lock::Named(EVIL.into());
        point.site.file = EVIL.into();
    }
    add(&mut target.parts, EVIL);
    let mut state = state();
    see(&mut state, target.look());
    for key in ["2", "3", "4", "5"] {
        press(&mut state, key);
        for width in [0, 1, 7, 40, 100] {
            for height in [0, 1, 2, 3, 9, 24] {
                let found = text(&drawn(&mut state, width, height, Theme::new(false)));
                let is_safe = |c| c == '\n' || is_printable(c);
                assert!(found.chars().all(is_safe), "{found:?}");
                // The sign that replaces what nobody made printable.
                assert!(!found.contains('\u{fffd}'), "{found}");
            }
        }
    }
}
