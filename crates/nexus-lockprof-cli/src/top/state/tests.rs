//! The state, with made-up snapshots and keys. What makes them is for the view's tests too.

use super::*;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Overhead, Sample, Samples, Site, SnapshotParts,
};
use ratatui::crossterm::event::KeyEventState;

const SECOND: u64 = 1_000_000_000;

/// A process that can be looked at: its counters grow as told.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) parts: SnapshotParts,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self {
            parts: SnapshotParts {
                engine: 7,
                pid: 4711,
                mode: ProfilerMode::Exact,
                ..SnapshotParts::default()
            },
        }
    }

    /// What happens at the point of `lock` in `line` in the next second: acquisitions, contentions, total wait and hold in
    /// milliseconds.
    pub(crate) fn at(
        mut self,
        lock: &str,
        line: u32,
        [acquisitions, contentions, wait_ms, hold_ms]: [u64; 4],
    ) -> Self {
        let site = Site::new("src/app.rs", line, 9);
        let lock = Lock::Named(lock.into());
        let key = Point::new(lock, AcquireMode::Exclusive, site);
        let points = &mut self.parts.points;
        let at = points.iter().position(|p| Key::of(p) == Key::of(&key));
        let at = at.unwrap_or_else(|| {
            points.push(key);
            points.len() - 1
        });
        let point = &mut points[at];
        point.acquisitions += acquisitions;
        point.contentions += contentions;
        grow(&mut point.wait, contentions, wait_ms * 1_000_000);
        grow(&mut point.hold, acquisitions, hold_ms * 1_000_000);
        self
    }

    /// A second passes, and somebody looks.
    pub(crate) fn look(&mut self) -> Snapshot {
        self.parts.collection += 1;
        self.parts.elapsed_ns += SECOND;
        self.parts.taken_unix_ns += SECOND;
        self.parts.overhead = Overhead {
            budgeted_ns: self.parts.elapsed_ns / 200,
            counting_ns: self.parts.elapsed_ns / 500,
            threads_ns: self.parts.elapsed_ns * 2,
        };
        Snapshot::from_parts(self.parts.clone())
    }

    pub(crate) fn reset(&mut self) {
        self.parts.resets += 1;
        self.parts.elapsed_ns = 0;
        self.parts.points.clear();
    }
}

/// Adds `count` durations of one length.
fn grow(durations: &mut Durations, count: u64, total_ns: u64) {
    let Some(each) = total_ns.checked_div(count) else {
        return;
    };
    durations.samples += count;
    durations.events += count;
    durations.total_ns += each * count;
    durations.max_ns = durations.max_ns.max(each);
    let sample = Sample {
        value_ns: each,
        weight: count as f64,
    };
    let before = durations.reservoir.iter().copied();
    durations.reservoir = before.chain([sample]).collect();
    durations.recent = Samples::from(vec![sample]);
}

pub(crate) fn state() -> State {
    State::new(Setup {
        target: "4711".to_owned(),
        interval: Duration::from_secs(1),
        sort: Column::Wait,
        filter: String::new(),
    })
}

pub(crate) fn press(state: &mut State, keys: &str) -> Effect {
    let mut effect = Effect::None;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            '\u{8}' => KeyCode::Backspace,
            '↑' => KeyCode::Up,
            '↓' => KeyCode::Down,
            '←' => KeyCode::Left,
            '→' => KeyCode::Right,
            '⇞' => KeyCode::PageUp,
            '⇟' => KeyCode::PageDown,
            '⇱' => KeyCode::Home,
            '⇲' => KeyCode::End,
            key => KeyCode::Char(key),
        };
        effect = state.key(code.into());
    }
    effect
}

fn control(state: &mut State, key: char) -> Effect {
    state.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL))
}

pub(crate) fn see(state: &mut State, snapshot: Snapshot) {
    state.hear(Report::Connected {
        name: "/run/4711.sock".to_owned(),
        is_static: false,
    });
    state.hear(Report::Snapshot(Box::new(snapshot)));
}

/// Names of the rows' locks, the selected one in brackets.
fn rows(state: &State) -> String {
    let data = state.data().unwrap();
    let rows = state.table.rows().iter().enumerate();
    let names = rows.map(|(at, &row)| {
        let name = &data.label(row).unwrap().lock;
        match at == state.table.at() {
            true => format!("[{name}]"),
            false => name.clone(),
        }
    });
    names.collect::<Vec<_>>().join(" ")
}

/// Three points; in the second before last `a` waited most, in the last one `b`; in all, `a`.
fn looked_at_twice() -> (State, Target) {
    let mut target = Target::new()
        .at("a", 1, [1_000, 100, 900, 90])
        .at("b", 2, [10, 5, 10, 900])
        .at("c", 3, [5, 0, 0, 1]);
    let mut state = state();
    see(&mut state, target.look());
    target = target
        .at("a", 1, [10, 2, 10, 1])
        .at("b", 2, [100, 90, 500, 20]);
    see(&mut state, target.look());
    (state, target)
}

fn notice(state: &State) -> (String, bool) {
    let notice = state.notice().unwrap();
    (notice.text.clone(), notice.is_error)
}

#[test]
fn rates_are_of_the_last_interval_and_totals_of_all() {
    let (mut state, _) = looked_at_twice();
    let data = state.data().unwrap();
    assert!(data.is_interval());
    assert_eq!(data.rated().elapsed_ns(), SECOND);
    assert_eq!(rows(&state), "[b] a c");
    press(&mut state, "t");
    assert_eq!(rows(&state), "[a] b c");
    let b = state.table.rows()[1];
    assert_eq!(data.rated_point(b).unwrap().acquisitions, 100);
    assert_eq!(data.whole().points()[b].acquisitions, 110);
    // Nothing happened at c in the last interval.
    assert!(data.rated_point(state.table.rows()[2]).is_none());
}

#[test]
fn the_first_look_has_averages() {
    let mut state = state();
    assert!(state.data().is_none());
    see(&mut state, Target::new().at("a", 1, [4, 0, 0, 1]).look());
    let data = state.data().unwrap();
    assert!(!data.is_interval());
    assert_eq!(data.rated_point(0).unwrap().acquisitions, 4);
    assert_eq!(state.history().overall().count(), 0);
}

#[test]
fn after_a_reset_rates_are_of_the_time_since() {
    let (mut state, mut target) = looked_at_twice();
    target.reset();
    target = target.at("b", 2, [3, 1, 1, 1]);
    see(&mut state, target.look());
    let data = state.data().unwrap();
    assert!(!data.is_interval());
    assert_eq!(data.rated_point(0).unwrap().acquisitions, 3);
    // What came before is still what it was.
    assert_eq!(state.history().overall().count(), 1);
    see(&mut state, target.at("b", 2, [5, 0, 0, 1]).look());
    let data = state.data().unwrap();
    assert!(data.is_interval());
    assert_eq!(data.rated_point(0).unwrap().acquisitions, 5);
}

#[test]
fn another_process_begins_anew() {
    let (mut state, mut target) = looked_at_twice();
    let a = Key::of(&target.parts.points[0]);
    assert_eq!(state.history().of(&a).count(), 1);
    (target.parts.engine, target.parts.pid) = (8, 4712);
    target.parts.collection = 0;
    target.reset();
    see(&mut state, target.at("d", 9, [1, 0, 0, 1]).look());
    assert_eq!(rows(&state), "[d]");
    assert_eq!(state.history().overall().count(), 0);
    assert_eq!(state.history().of(&a).count(), 0);
    let (text, is_error) = notice(&state);
    assert_eq!(
        text,
        "the target was started anew: process 4712, 4711 before"
    );
    assert!(!is_error);
}

#[test]
fn what_does_not_follow_is_said() {
    let (mut state, mut target) = looked_at_twice();
    target.parts.collection = 0;
    see(&mut state, target.look());
    assert!(!state.data().unwrap().is_interval());
    let (text, is_error) = notice(&state);
    assert!(text.contains("newer than the later one"), "{text}");
    assert!(is_error);
}

#[test]
fn the_same_once_more_changes_nothing() {
    let (mut state, target) = looked_at_twice();
    let same = Snapshot::from_parts(target.parts.clone());
    see(&mut state, same);
    assert!(state.data().unwrap().is_interval());
    assert_eq!(state.history().overall().count(), 1);
}

#[test]
fn every_column_sorts_both_ways() {
    let (mut state, _) = looked_at_twice();
    for (key, usual, reversed) in [
        ('L', "[a] b c", "[c] b a"),
        ('S', "[a] b c", "[c] b a"),
        ('3', "[a] b c", "[a] b c"),
        ('A', "[b] a c", "[c] a b"),
        // Nothing was acquired at c, so that it has no share and no percentiles: last, whichever way.
        ('5', "[b] a c", "[a] b c"),
        ('W', "[b] a c", "[c] a b"),
        ('7', "[b] a c", "[a] b c"),
        ('H', "[b] a c", "[c] a b"),
        ('9', "[b] a c", "[a] b c"),
        ('C', "[a] b c", "[a] b c"),
        ('T', "[b] a c", "[c] a b"),
    ] {
        press(&mut state, &key.to_string());
        // It was sorted by wait at first: then that key reverses.
        if state.table.sort().reversed {
            press(&mut state, "r");
        }
        assert_eq!(rows(&state), usual, "{key}");
        press(&mut state, "r");
        assert_eq!(rows(&state), reversed, "{key} reversed");
        // The same column once more reverses too.
        press(&mut state, &key.to_string());
        assert_eq!(rows(&state), usual, "{key} twice");
    }
}

#[test]
fn arrows_move_the_column_round_and_round() {
    let mut state = state();
    for column in Column::ALL.iter().cycle().skip(6).take(11) {
        press(&mut state, "→");
        assert_eq!(state.table.sort().column, *column);
    }
    press(&mut state, "←<>");
    assert_eq!(state.table.sort().column, Column::Contended);
}

#[test]
fn the_selection_stays_with_its_point() {
    let (mut state, target) = looked_at_twice();
    // Nobody has chosen: the first row, whichever that is.
    let target = target.at("c", 3, [9, 9, 5_000, 9]);
    see(&mut state, target.clone().look());
    assert_eq!(rows(&state), "[c] a b");
    press(&mut state, "↓");
    assert_eq!(rows(&state), "c [a] b");
    let mut target = target.at("b", 2, [9, 9, 9_000, 9]);
    target.parts.collection += 1;
    target.parts.elapsed_ns += SECOND;
    see(&mut state, target.look());
    assert_eq!(rows(&state), "b c [a]");
    press(&mut state, "L");
    assert_eq!(rows(&state), "[a] b c");
    press(&mut state, "r");
    assert_eq!(rows(&state), "c b [a]");
    press(&mut state, "⇱");
    assert_eq!(rows(&state), "[c] b a");
    press(&mut state, "L");
    assert_eq!(rows(&state), "[a] b c");
}

#[test]
fn a_point_that_is_filtered_away_is_selected_again_when_it_is_back() {
    let (mut state, _) = looked_at_twice();
    press(&mut state, "L⇲");
    assert_eq!(rows(&state), "a b [c]");
    press(&mut state, "/b\n");
    assert_eq!(rows(&state), "[b]");
    press(&mut state, "\u{1b}");
    assert_eq!(rows(&state), "a b [c]");
}

#[test]
fn pages_have_ends() {
    let (mut state, _) = looked_at_twice();
    press(&mut state, "L");
    state.table.fit(2);
    press(&mut state, "⇟");
    assert_eq!(rows(&state), "a b [c]");
    state.table.fit(2);
    assert_eq!(state.table.offset, 1);
    press(&mut state, "⇟⇟");
    assert_eq!(rows(&state), "a b [c]");
    press(&mut state, "⇞");
    assert_eq!(rows(&state), "[a] b c");
    state.table.fit(2);
    assert_eq!(state.table.offset, 0);
    press(&mut state, "↑↑");
    assert_eq!(rows(&state), "[a] b c");
    // A page without a row.
    state.table.fit(0);
    press(&mut state, "↓");
    assert_eq!(rows(&state), "a [b] c");
}

#[test]
fn the_filter_is_live() {
    let (mut state, _) = looked_at_twice();
    press(&mut state, "L/RS:3");
    assert_eq!(rows(&state), "[c]");
    press(&mut state, "\u{8}");
    assert_eq!(rows(&state), "[a] b c");
    // Words of the lock, the site or the mode.
    press(&mut state, "2 EXCL");
    assert_eq!(rows(&state), "[b]");
    // While it is written, letters are letters.
    press(&mut state, "q");
    assert_eq!(rows(&state), "");
    control(&mut state, 'w');
    assert_eq!(state.table.filter(), "RS:2 ");
    assert_eq!(rows(&state), "[b]");
    press(&mut state, "\n");
    assert!(state.dialog().is_none());
    assert_eq!(rows(&state), "[b]");
    // It is written on with what there is.
    press(&mut state, "/");
    control(&mut state, 'u');
    press(&mut state, "zzz");
    assert_eq!(rows(&state), "");
    // Nothing to go to, nothing to drill into.
    press(&mut state, "\n↓↑⇲⇱\n");
    assert!(state.drilled().is_none());
    press(&mut state, "/\u{1b}");
    assert_eq!(rows(&state), "[a] b c");
}

#[test]
fn only_yes_resets() {
    let (mut state, _) = looked_at_twice();
    assert_eq!(press(&mut state, "R"), Effect::None);
    assert_eq!(press(&mut state, "qR\n r"), Effect::None);
    assert_eq!(state.dialog(), Some(&Dialog::Reset));
    assert_eq!(press(&mut state, "n"), Effect::None);
    assert_eq!(state.dialog(), None);
    assert_eq!(press(&mut state, "y"), Effect::None);
    assert_eq!(press(&mut state, "Ry"), Effect::Order(Order::Reset));
    assert_eq!(state.dialog(), None);
}

#[test]
fn modes_are_chosen() {
    let (mut state, _) = looked_at_twice();
    let set = |text: &str| Effect::Order(Order::Set(text.to_owned()));
    // It begins at what it is: exact.
    assert_eq!(press(&mut state, "m\n"), set("mode=exact"));
    assert_eq!(press(&mut state, "m↓\n"), set("mode=off"));
    assert_eq!(press(&mut state, "m↑\n"), set("mode=sampled"));
    assert_eq!(press(&mut state, "mc"), set("mode=counts"));
    assert_eq!(press(&mut state, "mx\u{1b}"), Effect::None);
    assert_eq!(state.dialog(), None);
}

#[test]
fn a_budget_is_written() {
    let (mut state, _) = looked_at_twice();
    let set = |text: &str| Effect::Order(Order::Set(text.to_owned()));
    assert_eq!(press(&mut state, "b2%\n"), set("budget=2%"));
    assert_eq!(press(&mut state, "b0.5\n"), set("budget=0.5%"));
    assert_eq!(press(&mut state, "b2\u{1b}"), Effect::None);
    assert_eq!(press(&mut state, "b\n"), Effect::None);
}

#[test]
fn what_came_of_an_order_is_said_for_a_while() {
    let (mut state, _) = looked_at_twice();
    state.hear(Report::Done(Order::Set("mode=off".to_owned())));
    assert_eq!(notice(&state), ("set: mode=off".to_owned(), false));
    state.tick(NOTICED);
    assert!(state.notice().is_none());
    let order = Order::Set("budget=200%".to_owned());
    state.hear(Report::Refused(order, "it is not below 1".to_owned()));
    let expected = "budget=200%: it is not below 1".to_owned();
    assert_eq!(notice(&state), (expected, true));
    press(&mut state, "\u{1b}");
    assert!(state.notice().is_none());
}

#[test]
fn a_target_that_is_gone_keeps_its_figures() {
    let (mut state, mut target) = looked_at_twice();
    state.tick(Duration::from_secs(10));
    state.hear(Report::Gone("no such socket".to_owned()));
    state.tick(Duration::from_secs(15));
    state.hear(Report::Gone("still no such socket".to_owned()));
    let gone = Link::Gone {
        since: Duration::from_secs(10),
        why: "still no such socket".to_owned(),
    };
    assert_eq!(state.link(), &gone);
    assert_eq!(rows(&state), "[b] a c");
    // Nobody is there to be told anything.
    for key in ["R", "m", "b"] {
        press(&mut state, key);
        assert_eq!(state.dialog(), None);
        assert!(notice(&state).0.contains("gone"));
    }
    see(&mut state, target.look());
    assert_eq!(state.link(), &Link::Live);
    assert_eq!(notice(&state).0, "the target is back after 5 s");
}

#[test]
fn a_target_that_is_slow_is_late() {
    let (mut state, _) = looked_at_twice();
    state.tick(Duration::from_secs(3));
    assert_eq!(state.late(), None);
    state.tick(Duration::from_secs(4));
    assert_eq!(state.late(), Some(Duration::from_secs(4)));
    state.hear(Report::Gone("gone".to_owned()));
    assert_eq!(state.late(), None);
}

#[test]
fn a_file_is_told_nothing() {
    let mut state = state();
    state.hear(Report::Connected {
        name: "a.lockprof".to_owned(),
        is_static: true,
    });
    let snapshot = Target::new().at("a", 1, [4, 0, 0, 1]).look();
    state.hear(Report::Snapshot(Box::new(snapshot)));
    assert_eq!(state.link(), &Link::Static);
    for key in ["R", "m", "b"] {
        assert_eq!(press(&mut state, key), Effect::None);
        assert_eq!(state.dialog(), None);
        assert!(notice(&state).0.contains("a file"));
    }
    state.tick(Duration::from_secs(100));
    assert_eq!(state.late(), None);
}

#[test]
fn a_pause_stops_the_picture_and_not_the_target() {
    let (mut state, target) = looked_at_twice();
    press(&mut state, " ");
    let mut target = target.at("c", 3, [9, 9, 5_000, 9]);
    see(&mut state, target.look());
    assert_eq!(rows(&state), "[b] a c");
    assert_eq!(state.history().overall().count(), 1);
    // What is paused can still be looked at in another way.
    press(&mut state, "L");
    assert_eq!(rows(&state), "[a] b c");
    press(&mut state, "6 ");
    assert!(!state.is_paused());
    assert_eq!(rows(&state), "[c] a b");
    assert_eq!(state.history().overall().count(), 2);
}

#[test]
fn a_point_is_drilled_into_and_left() {
    let (mut state, mut target) = looked_at_twice();
    let lock = |state: &State| {
        let data = state.data().unwrap();
        let index = state.drilled_index(&data)?;
        Some(data.label(index).unwrap().lock.clone())
    };
    press(&mut state, "↓\n");
    assert_eq!(lock(&state).as_deref(), Some("a"));
    // The next in the table, and no further than its end.
    press(&mut state, "→");
    assert_eq!(lock(&state).as_deref(), Some("c"));
    press(&mut state, "→←←");
    assert_eq!(lock(&state).as_deref(), Some("b"));
    press(&mut state, "↓↓⇟");
    assert_eq!(state.scroll, 12);
    press(&mut state, "⇞⇞");
    assert_eq!(state.scroll, 0);
    // It stays, though it is gone from the target.
    target.reset();
    see(&mut state, target.at("a", 1, [1, 0, 0, 1]).look());
    assert!(state.drilled().is_some());
    assert_eq!(lock(&state), None);
    press(&mut state, "\u{1b}");
    assert!(state.drilled().is_none());
    assert_eq!(rows(&state), "[a]");
}

#[test]
fn some_keys_work_everywhere() {
    let (mut state, _) = looked_at_twice();
    for before in ["", "\n", "?", "/", "R", "m", "b", " "] {
        let open = press(&mut state, before);
        assert_eq!(open, Effect::None);
        assert_eq!(control(&mut state, 'c'), Effect::Quit, "{before}");
        assert_eq!(control(&mut state, 'z'), Effect::Suspend, "{before}");
        assert_eq!(control(&mut state, 'l'), Effect::Redraw, "{before}");
        press(&mut state, "\u{1b}");
    }
    assert_eq!(press(&mut state, "q"), Effect::Quit);
    assert_eq!(press(&mut state, "\nq"), Effect::Quit);
    // Terminals that tell of a key's release must not press it twice.
    let mut release = KeyEvent::from(KeyCode::Char('q'));
    release.kind = KeyEventKind::Release;
    release.state = KeyEventState::NONE;
    assert_eq!(state.key(release), Effect::None);
}

#[test]
fn keys_before_the_first_snapshot_do_no_harm() {
    let mut state = state();
    press(&mut state, "↓↑⇟⇞⇱⇲\n\u{1b}t rL/x\n R\u{1b}m\u{1b}b\u{1b} ");
    assert!(state.data().is_none());
    assert!(state.drilled().is_none());
}

#[test]
fn the_history_is_bounded_and_its_beats_are_of_one_time() {
    let mut history = History::default();
    let interval = |target: &mut Target, before: &Snapshot| target.look().since(before).unwrap();
    let mut target = Target::new();
    let mut before = target.look();
    let key = |target: &Target, at: usize| Key::of(&target.parts.points[at]);
    target = target.at("a", 1, [2, 1, 500, 1]);
    history.push(&interval(&mut target, &before));
    before = Snapshot::from_parts(target.parts.clone());
    // One that comes later was at rest before.
    target = target.at("b", 2, [2, 1, 250, 1]);
    history.push(&interval(&mut target, &before));
    let threads = |history: &History, key: &Key| -> Vec<f32> {
        history.of(key).map(|beat| beat.threads).collect()
    };
    assert_eq!(threads(&history, &key(&target, 0)), [0.5, 0.0]);
    assert_eq!(threads(&history, &key(&target, 1)), [0.0, 0.25]);
    for _ in 0..History::LENGTH - 2 {
        before = Snapshot::from_parts(target.parts.clone());
        history.push(&interval(&mut target, &before));
    }
    assert_eq!(threads(&history, &key(&target, 0)).len(), History::LENGTH);
    assert_eq!(history.overall().count(), History::LENGTH);
    before = Snapshot::from_parts(target.parts.clone());
    history.push(&interval(&mut target, &before));
    // Its only beat is too long ago.
    assert!(threads(&history, &key(&target, 0)).is_empty());
    assert_eq!(threads(&history, &key(&target, 1)).len(), History::LENGTH);
    assert_eq!(history.overall().count(), History::LENGTH);
}
