//! What is known of the target.

use super::*;

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
fn what_came_of_an_order_is_said_for_a_while() {
    let (mut state, _) = looked_at_twice();
    state.hear(Report::Done(Command::Set("mode=off".to_owned())));
    assert_eq!(notice(&state), ("set: mode=off".to_owned(), false));
    state.tick(NOTICED);
    assert!(state.notice().is_none());
    let command = Command::Set("budget=200%".to_owned());
    state.hear(Report::Refused(command, "it is not below 1".to_owned()));
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
        history.of(key).map(|sample| sample.threads).collect()
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
    // Its only sample is too long ago.
    assert!(threads(&history, &key(&target, 0)).is_empty());
    assert_eq!(threads(&history, &key(&target, 1)).len(), History::LENGTH);
    assert_eq!(history.overall().count(), History::LENGTH);
}

/// Who looks from outside does not end the interval of the program's own samples.
#[test]
fn percentiles_are_of_the_interval_or_of_all() {
    let (mut state, mut target) = looked_at_twice();
    let p95 = |state: &State, row: usize, figures| {
        let data = state.data().unwrap();
        let (point, is_last) = data.sampled_point(state.table.rows()[row], figures);
        (point.and_then(|p| p.wait.quantile(0.95)), is_last)
    };
    assert!(state.data().unwrap().has_interval_percentiles());
    // The last interval's, at b and at a: 500 ms by 90, 10 ms by 2. Nothing has waited at c.
    assert_eq!(p95(&state, 0, Figures::Rates), (Some(5_555_555), true));
    assert_eq!(p95(&state, 1, Figures::Rates), (Some(5_000_000), true));
    assert_eq!(p95(&state, 2, Figures::Rates), (None, true));
    assert_eq!(p95(&state, 1, Figures::Totals), (Some(9_000_000), false));
    target = target.at("a", 1, [10, 2, 10, 1]);
    see(&mut state, target.look().into_peek());
    let mut target = target.at("a", 1, [10, 2, 600, 1]);
    see(&mut state, target.look().into_peek());
    assert!(state.data().unwrap().is_interval());
    assert!(!state.data().unwrap().has_interval_percentiles());
    assert_eq!(rows(&state), "[a] b c");
    assert_eq!(p95(&state, 0, Figures::Rates), (Some(9_000_000), false));
}
