//! What keys do.

use super::*;
use ratatui::crossterm::event::{KeyEventKind, KeyEventState};

#[test]
fn only_yes_resets() {
    let (mut state, _) = looked_at_twice();
    assert_eq!(press(&mut state, "R"), Effect::None);
    assert_eq!(press(&mut state, "qR\n r"), Effect::None);
    assert_eq!(state.dialog(), Some(&Dialog::Reset));
    assert_eq!(press(&mut state, "n"), Effect::None);
    assert_eq!(state.dialog(), None);
    assert_eq!(press(&mut state, "y"), Effect::None);
    assert_eq!(press(&mut state, "Ry"), Effect::Command(Command::Reset));
    assert_eq!(state.dialog(), None);
}

#[test]
fn modes_are_chosen() {
    let (mut state, _) = looked_at_twice();
    let set = |text: &str| Effect::Command(Command::Set(text.to_owned()));
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
    let set = |text: &str| Effect::Command(Command::Set(text.to_owned()));
    assert_eq!(press(&mut state, "b2%\n"), set("budget=2%"));
    assert_eq!(press(&mut state, "b0.5\n"), set("budget=0.5%"));
    assert_eq!(press(&mut state, "b2\u{1b}"), Effect::None);
    assert_eq!(press(&mut state, "b\n"), Effect::None);
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
    press(&mut state, "W ");
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

/// Who reads what a key does, and tries it, must not have done it behind the help.
#[test]
fn one_key_closes_the_help() {
    let (mut state, _) = looked_at_twice();
    press(&mut state, "?");
    for key in ["q", " ", "t", "R", "\n", "?", "L"] {
        assert_eq!(press(&mut state, key), Effect::None);
        assert_eq!(state.dialog(), Some(&Dialog::Help), "{key:?}");
    }
    assert!(!state.is_paused());
    assert_eq!(state.table.figures(), Figures::Rates);
    press(&mut state, "\u{1b}");
    assert_eq!(state.dialog(), None);
}

#[test]
fn keys_switch_views() {
    let (mut state, _) = looked_at_twice();
    let press_tab = |state: &mut State, code: KeyCode| {
        state.key(code.into());
        state.view()
    };
    for (key, view) in ('1'..='5').zip(View::ALL) {
        press(&mut state, &key.to_string());
        assert_eq!(state.view(), view);
    }
    assert_eq!(press_tab(&mut state, KeyCode::Tab), View::Locks);
    assert_eq!(press_tab(&mut state, KeyCode::BackTab), View::History);
    // Sorting and the filter are those of the table; arrows scroll.
    press(&mut state, "L↓↓/b\n");
    assert_eq!((state.scroll, rows(&state).as_str()), (2, "[b]"));
    // Esc clears the filter first, then goes back.
    press(&mut state, "\u{1b}");
    assert_eq!((state.view(), state.table.filter()), (View::History, ""));
    press(&mut state, "\u{1b}");
    assert_eq!((state.view(), state.scroll), (View::Locks, 0));
    // A view replaces the page of a point.
    press(&mut state, "\n2");
    assert!(state.drilled().is_none());
    assert_eq!(state.view(), View::Threads);
    press(&mut state, "\n");
    assert!(state.drilled().is_none());
}
