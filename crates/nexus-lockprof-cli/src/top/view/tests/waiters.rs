//! The pane of those who wait.

use super::{check, drawn, text, watched};
use crate::top::state::State;
use crate::top::state::tests::{Target, press, see, state};
use crate::top::view::Theme;
use nexus_lockprof_snapshot::{
    AcquireMode, Holder, Lock, ProfilerMode, Site, Thread, Waiter, is_printable,
};
use std::time::Duration;

const S: u64 = 1_000_000_000;

fn thread(id: u64, name: &str) -> Option<Thread> {
    let name = Some(name.into());
    Some(Thread { id, name })
}

/// `name` waits for a lock that `holder` has.
fn waiter(lock: &str, [name, holder]: [&str; 2], line: u32, waited_ns: u64) -> Waiter {
    let site = |line| Site::new("src/app.rs", line, 9);
    Waiter {
        thread: thread(u64::from(4_000 + line), name),
        lock: Lock::Named(lock.into()),
        address: 0x1000,
        mode: AcquireMode::Exclusive,
        site: site(line),
        waited_ns,
        handed: false,
        holder: Some(Holder {
            thread: thread(4_711, holder),
            exited: false,
            mode: AcquireMode::Exclusive,
            site: site(88),
            held_ns: None,
        }),
    }
}

/// Two threads have waited for each other since the beginning.
pub(super) fn stuck() -> (State, Target) {
    let mut target = Target::new();
    target.parts.profiler_mode = ProfilerMode::Counts;
    target.parts.program = Some("bank".into());
    let mut state = state();
    for second in 1..=65 {
        target.parts.waiters = vec![
            waiter("audit", ["transfer", "report"], 19, second * S),
            waiter("accounts", ["report", "transfer"], 24, second * S),
        ];
        state.tick(Duration::from_secs(second));
        see(&mut state, target.look());
    }
    (state, target)
}

#[test]
fn a_program_that_is_stuck() {
    let (mut state, mut target) = stuck();
    check("stuck-80", &mut state, 80, 24);
    check("stuck-80-low", &mut state, 80, 14);
    // One of the two goes on, then the other; and the pane goes away after them.
    target.parts.waiters.pop();
    target = target.at("accounts", 24, [1, 1, 66_000, 1]);
    see(&mut state, target.look());
    check("stuck-one", &mut state, 80, 24);
    press(&mut state, " ");
    check("stuck-paused", &mut state, 80, 24);
    press(&mut state, " ");
    target.parts.waiters.clear();
    target = target.at("audit", 19, [1, 1, 66_000, 1]);
    let mut pane = |looks: usize| {
        for _ in 0..looks {
            see(&mut state, target.look());
        }
        let found = text(&drawn(&mut state, 80, 24, Theme::new(true)));
        found.contains("Nobody waits now.")
    };
    assert!(pane(1));
    assert!(!pane(5));
}

#[test]
fn it_leaves_room_for_the_table() {
    let mut state = watched();
    let mut target = Target::new().at("sessions", 88, [400, 90, 300, 120]);
    (target.parts.engine, target.parts.pid) = (8, 4712);
    target.parts.waiters = (0..40)
        .map(|line| waiter("sessions", ["worker", "cleaner"], 100 + line, S))
        .collect();
    for lock in 0..30 {
        let lock = format!("shard {lock}");
        target.parts.waiters.push(waiter(&lock, ["a", "b"], 7, S));
    }
    see(&mut state, target.look());
    check("waiting-many", &mut state, 100, 24);
    // A point has the screen to itself.
    press(&mut state, "\n");
    let found = text(&drawn(&mut state, 100, 24, Theme::new(true)));
    assert!(found.contains("70 waiting now"), "{found}");
    assert!(!found.contains("Waiting now"), "{found}");
}

#[test]
fn nothing_in_it_steers_the_terminal() {
    const EVIL: &str = "x\u{1b}]0;OWNED\u{7}\u{9b}5m\r\n\u{202e}dlrow\u{200b}\u{e0041}";
    let mut state = state();
    let mut target = Target::new();
    let mut waiter = waiter(EVIL, [EVIL, EVIL], 7, S);
    waiter.site.file = EVIL.into();
    target.parts.waiters = vec![waiter];
    see(&mut state, target.look());
    let found = text(&drawn(&mut state, 100, 24, Theme::new(true)));
    assert!(found.contains("Waiting now: 1 thread"), "{found}");
    for c in found.chars() {
        assert!(c == '\n' || is_printable(c), "{found:?}");
    }
    // The sign that replaces what nobody made printable.
    assert!(!found.contains('\u{fffd}'), "{found}");
}

/// However small: no panic.
#[test]
fn any_size() {
    let (mut state, _) = stuck();
    for width in [0, 1, 30, 59, 60, 200] {
        for height in 0..14 {
            drawn(&mut state, width, height, Theme::new(false));
        }
    }
}
