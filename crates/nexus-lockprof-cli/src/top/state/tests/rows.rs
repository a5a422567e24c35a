//! Which rows there are, in which order, and which is selected.

use super::*;
use clap::ValueEnum;

#[test]
fn every_column_sorts_both_ways() {
    let (mut state, _) = looked_at_twice();
    for (key, usual, reversed) in [
        ('L', "[a] b c", "[c] b a"),
        ('S', "[a] b c", "[c] b a"),
        ('M', "[a] b c", "[a] b c"),
        ('A', "[b] a c", "[c] a b"),
        // Nothing was acquired at c, so that it has no share and no percentiles: last, whichever
        // way.
        ('%', "[b] a c", "[a] b c"),
        ('W', "[b] a c", "[c] a b"),
        ('P', "[b] a c", "[a] b c"),
        ('H', "[b] a c", "[c] a b"),
        ('D', "[b] a c", "[a] b c"),
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
    for column in Column::value_variants().iter().cycle().skip(6).take(11) {
        press(&mut state, "→");
        assert_eq!(state.table.sort().column, *column);
    }
    press(&mut state, "←<>");
    assert_eq!(state.table.sort().column, Column::ContentionRatio);
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
    assert_eq!(rows(&state), "b [a] c");
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

/// Points at which as much happened stay where they are, whatever happened before.
#[test]
fn rows_of_equal_rank_keep_their_places() {
    let mut target = Target::new();
    for (line, lock) in (1..).zip(["d", "b", "a", "c"]) {
        target = target.at(lock, line, [10, 1, 100, 1]);
    }
    let mut state = state();
    see(&mut state, target.look());
    assert_eq!(rows(&state), "[a] b c d");
    for second in 0..4 {
        // Another one each time has waited most in all, and none of them waits now: but for what is
        // not shown.
        target.parts.points[second].wait.total_ns += 900_000_000;
        see(&mut state, target.look());
        for (at, point) in target.parts.points.iter_mut().enumerate() {
            point.wait.total_ns += 500_000_000 + (at as u64 * 7) % 5;
        }
        see(&mut state, target.look());
        assert_eq!(rows(&state), "[a] b c d", "{second}");
    }
    press(&mut state, "r");
    assert_eq!(rows(&state), "[a] b c d");
}
