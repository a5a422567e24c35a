//! What a hostile snapshot draws, and deadlocks.

use super::*;

/// Names, a target and messages that would steer the terminal, in all that can be seen: what is
/// drawn is printable, and each of them was made so in its place.
#[test]
fn nothing_that_is_drawn_steers_the_terminal() {
    const EVIL: &str =
        "x\u{1b}]0;OWNED\u{7}\u{9b}5m\r\n\u{202e}dlrow\u{2066}\u{200b}\u{feff}\u{e0041}";
    let setup = Setup {
        target: EVIL.to_owned(),
        interval: Duration::from_secs(1),
        sort: Column::Wait,
        filter: String::new(),
    };
    let mut state = State::new(setup);
    let mut target = Target::new()
        .at(EVIL, 88, [400, 90, 300, 120])
        .at("b", 7, [1, 1, 1, 1]);
    let frame = Call {
        function: Some(EVIL.into()),
        file: Some(EVIL.into()),
        line: Some(3),
        address: 1,
    };
    for point in &mut target.parts.points {
        point.site.file = EVIL.into();
        point.callers = vec![Stack {
            frames: vec![frame.clone(); 3],
            waits: 9,
            wait_ns: 9,
            samples: 9,
        }];
    }
    let check = |state: &mut State| {
        for (width, height) in [(160, 50), (60, 12)] {
            let text = text(&drawn(state, width, height, Theme::new(true)));
            assert!(
                text.chars().all(|c| c == '\n' || is_printable(c)),
                "{text:?}"
            );
            // The sign that replaces what nobody made printable.
            assert!(!text.contains('\u{fffd}'), "{text}");
        }
    };
    check(&mut state);
    state.hear(Report::Gone(EVIL.to_owned()));
    check(&mut state);
    let name = EVIL.to_owned();
    state.hear(Report::Connected {
        name,
        is_static: false,
    });
    for _ in 0..3 {
        target = target.at("b", 7, [1, 1, 1, 1]);
        see(&mut state, target.look());
        check(&mut state);
    }
    for keys in ["R", "m", "b", "/", "?"] {
        press(&mut state, keys);
        if keys == "/" || keys == "b" {
            press(&mut state, "a\u{202e}\u{200b}");
        }
        check(&mut state);
        press(&mut state, "\u{1b}");
    }
    press(&mut state, "\n");
    check(&mut state);
    press(&mut state, "\u{1b}");
    for command in [Command::Reset, Command::Set(EVIL.to_owned())] {
        state.hear(Report::Refused(command.clone(), EVIL.to_owned()));
        check(&mut state);
        state.hear(Report::Done(command));
        check(&mut state);
    }
    state.hear(Report::Gone(EVIL.to_owned()));
    check(&mut state);
}

#[test]
fn a_deadlock_is_in_the_place_of_the_findings() {
    use nexus_lockprof_snapshot::{AcquireMode, Deadlock, Holder, Lock, Site, Thread, Waiter};
    let me = Some(Thread {
        id: 7,
        name: Some("again".into()),
    });
    let wait = Waiter {
        thread: me.clone(),
        lock: Lock::Named("jobs".into()),
        address: 1,
        mode: AcquireMode::Exclusive,
        site: Site::new("src/a.rs", 3, 5),
        waited_ns: 11_000_000_000,
        handed: false,
        holder: Some(Holder {
            thread: me,
            exited: false,
            mode: AcquireMode::Exclusive,
            site: Site::new("src/a.rs", 2, 5),
            held_ns: None,
        }),
    };
    let mut target = Target::new().at("jobs", 3, [5, 1, 1, 1]);
    target.parts.waiters = vec![wait.clone()];
    let mut shown = |deadlocks: Vec<Deadlock>| {
        let mut state = state();
        target.parts.deadlocks = deadlocks;
        see(&mut state, target.look());
        text(&drawn(&mut state, 100, 20, Theme::new(true)))
    };
    let deadlocks = Deadlock::find(&[wait]);
    assert!(shown(deadlocks).contains("DEADLOCK again@src/a.rs:3(jobs)"));
    assert!(!shown(Vec::new()).contains("DEADLOCK"));
}
