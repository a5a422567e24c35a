//! Compares pictures of a made-up terminal with those in `tests/golden/top/`. `LOCKPROF_BLESS=1` in
//! the environment writes them instead.

mod pages;
mod printable;
mod waiters;

use super::*;
use crate::top::state::tests::{Target, press, see, state};
use crate::top::state::{Column, Command, Report, Setup};
use nexus_lockprof_snapshot::{
    Durations, Edge, EdgeEnd, Frame as Call, Losses, ProfilerMode, Site, Stack,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

fn drawn(state: &mut State, width: u16, height: u16, theme: Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, theme)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let lines = (0..area.height).map(|y| {
        let mut line = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A sign of two columns has the next cell, too.
            x += u16::try_from(nexus_lockprof_export::readable::fit::width(symbol).max(1)).unwrap();
        }
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

#[track_caller]
fn check(name: &str, state: &mut State, width: u16, height: u16) {
    let found = text(&drawn(state, width, height, Theme::new(true)));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/top");
    let path = path.join(format!("{name}.txt"));
    if env::var_os("LOCKPROF_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &found).unwrap();
    }
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        expected == found,
        "{} differs. Expected:\n{expected}\nFound:\n{found}",
        path.display()
    );
}

/// Eight seconds of a program with a hot lock, a warm one and an idle one.
fn watched() -> State {
    let mut target = Target::new();
    target.parts.profiler_mode = ProfilerMode::Sampled { budget: 0.01 };
    target.parts.program = Some("api-server".into());
    let mut state = state();
    for second in 0..8 {
        target = target
            .at(
                "sessions",
                88,
                [400_000 + 1_000 * second, 90_000, 300 * second, 120],
            )
            .at("sessions", 131, [50, 20, 40 + second, 900])
            .at("日本語ロック", 7, [70 * second, 10, 1, 3]);
        if second == 2 {
            target = target.at("config", 12, [9, 0, 0, 1]);
        }
        for point in &mut target.parts.points {
            // Every hundredth hold is measured.
            point.hold.samples = point.hold.samples.min(point.hold.events / 100 + 1);
            point.hold.total_variance = (point.hold.total_ns as f64 * 0.03).powi(2);
        }
        state.tick(Duration::from_secs(second));
        see(&mut state, target.look());
    }
    let call = |function: &str, line| Call {
        function: Some(function.into()),
        file: Some("src/pool.rs".into()),
        line: Some(line),
        address: 1,
    };
    let stack = |function, waits, wait_ns| Stack {
        frames: vec![call(function, 12), call("server::http::handle", 90)],
        waits,
        wait_ns,
        samples: 40,
    };
    target.parts.points[0].callers = vec![
        stack("server::pool::Pool::get", 300, 8_000_000_000),
        stack("server::pool::Pool::put", 40, 400_000_000),
    ];
    target.parts.losses = Losses {
        points_full: 12,
        ..Losses::default()
    };
    target = target.at("sessions", 88, [410_000, 90_000, 2_700, 120]);
    let writer = EdgeEnd::from(&target.parts.points[0]);
    let edge = |line, waits, waited_ns| Edge {
        waiting: Some(writer.clone()),
        holding: EdgeEnd {
            site: Site::new("src/app.rs", line, 9),
            ..writer.clone()
        },
        waits,
        waited_ns,
    };
    target.parts.edges = vec![
        edge(88, 60_000, 6_000_000_000),
        edge(120, 30_000, 3_000_000_000),
    ];
    state.tick(Duration::from_secs(8));
    see(&mut state, target.look());
    state
}

#[test]
fn the_table() {
    check("table-120", &mut watched(), 120, 20);
    check("table-80", &mut watched(), 80, 24);
    check("table-80-low", &mut watched(), 80, 14);
    check("table-48", &mut watched(), 48, 9);
    check("table-30", &mut watched(), 30, 6);
}

#[test]
fn totals() {
    let mut state = watched();
    press(&mut state, "tHr");
    check("totals", &mut state, 120, 12);
}

#[test]
fn a_point() {
    let mut state = watched();
    press(&mut state, "\n");
    check("point-120", &mut state, 120, 44);
    check("point-70", &mut state, 70, 24);
    press(&mut state, "⇲");
    check("point-70-end", &mut state, 70, 24);
    press(&mut state, "t");
    check("point-totals", &mut state, 120, 44);
    press(&mut state, "\u{1b}⇲\n");
    check("point-at-rest", &mut state, 120, 44);
}

/// Whoever looks from outside does not end the program's own interval; and no hold was measured in
/// this one.
#[test]
fn a_point_of_an_interval_that_goes_on() {
    let mut target = Target::new().at("sessions", 88, [400, 90, 30, 12]);
    let mut state = state();
    see(&mut state, target.look().into_peek());
    target = target.at("sessions", 88, [0, 50, 30, 0]);
    let point = &mut target.parts.points[0];
    point.acquisitions += 400;
    point.hold.events += 400;
    point.hold.total_variance = 1e6;
    see(&mut state, target.look().into_peek());
    check("table-goes-on", &mut state, 80, 24);
    press(&mut state, "\n");
    check("point-goes-on", &mut state, 120, 34);
}

#[test]
fn dialogs() {
    let mut state = watched();
    press(&mut state, "?");
    check("help", &mut state, 80, 24);
    press(&mut state, "\u{1b}R");
    check("reset", &mut state, 80, 14);
    press(&mut state, "nm↓");
    check("mode", &mut state, 80, 14);
    press(&mut state, "\u{1b}b2.5");
    check("budget", &mut state, 80, 14);
    press(&mut state, "\u{1b}/sess 88");
    check("filter", &mut state, 80, 14);
    press(&mut state, "\n");
    check("filtered", &mut state, 80, 14);
    press(&mut state, "/x");
    check("filtered-away", &mut state, 80, 14);
}

#[test]
fn a_target_that_is_gone_or_was_never_there() {
    let mut never = state();
    check("connecting", &mut never, 80, 6);
    never.hear(Report::Gone("no process 4711".to_owned()));
    never.tick(Duration::from_secs(3));
    check("not-there", &mut never, 80, 6);
    let mut state = watched();
    state.hear(Report::Gone(
        "/run/4711.sock: connection refused".to_owned(),
    ));
    state.tick(Duration::from_secs(20));
    check("gone", &mut state, 80, 10);
}

#[test]
fn paused_late_and_refused() {
    let mut state = watched();
    press(&mut state, " ");
    state.tick(Duration::from_secs(20));
    let command = Command::Set("budget=200%".to_owned());
    state.hear(Report::Refused(
        command,
        "it is not below 1\u{1b}[31m".to_owned(),
    ));
    check("paused", &mut state, 120, 10);
}

/// Counts have no times: nothing claims that nobody waited.
#[test]
fn counts_only() {
    let mut target = Target::new();
    target.parts.profiler_mode = ProfilerMode::Counts;
    let mut state = state();
    for second in 1..6 {
        target = target.at("sessions", 88, [40_000, 900 * second, 0, 0]);
        let counted = Durations {
            unmeasured: 9 * second,
            ..Durations::default()
        };
        let point = &mut target.parts.points[0];
        (point.wait, point.hold) = (counted.clone(), counted);
        see(&mut state, target.look());
    }
    check("counts", &mut state, 120, 18);
}

/// All of the legend is there on the smallest usual terminal, and the one key that closes it.
#[test]
fn the_help_is_whole_at_80_by_24() {
    let mut state = watched();
    press(&mut state, "?");
    let found = text(&drawn(&mut state, 80, 24, Theme::new(true)));
    let lines = dialog::help(Theme::new(true));
    for line in lines {
        let line = line.to_string();
        assert!(found.contains(line.trim_end()), "{line}\n{found}");
    }
    assert!(found.contains("Esc closes this"), "{found}");
}

/// Signs that say that a figure is little or unknown. There are three.
#[test]
fn three_signs() {
    let mut state = watched();
    for keys in ["", "t", "\n", "t"] {
        press(&mut state, keys);
        let found = text(&drawn(&mut state, 120, 44, Theme::new(true)));
        for sign in ['·', '>', '?'] {
            let figures = found.lines().skip(4).filter(|line| !line.starts_with('?'));
            assert!(
                figures.clone().all(|line| !line.contains(sign)),
                "{sign}\n{found}"
            );
        }
    }
}

/// However small, whatever is shown: no panic.
#[test]
fn any_size() {
    let mut nothing = state();
    let mut watched = watched();
    for keys in [
        "",
        "\n",
        "?",
        "\u{1b}R",
        "nm",
        "\u{1b}b9",
        "\u{1b}\u{1b}/x",
        "\u{1b}⇲t",
    ] {
        press(&mut watched, keys);
        for width in (0..8).chain([20, 60]) {
            for height in (0..7).chain([17, 40]) {
                drawn(&mut watched, width, height, Theme::new(true));
            }
        }
    }
    for size in 0..20 {
        drawn(&mut nothing, size, size, Theme::new(false));
    }
}

/// Without colours what is selected, sorted by, wrong or hot is told by modifiers.
#[test]
fn without_colours() {
    let mut state = watched();
    let buffer = drawn(&mut state, 120, 20, Theme::new(false));
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
    let modifier = |what: &str| {
        let text = text(&buffer);
        let (y, line) = text
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(what))
            .unwrap();
        let x = line[..line.find(what).unwrap()].chars().count();
        buffer[(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())].modifier
    };
    assert!(modifier("LOST").contains(Modifier::REVERSED | Modifier::BOLD));
    assert!(modifier("wait/s").contains(Modifier::UNDERLINED | Modifier::BOLD));
    assert!(modifier("hold/s").contains(Modifier::UNDERLINED));
    assert!(!modifier("hold/s").contains(Modifier::BOLD));
    assert!(modifier("2.70").contains(Modifier::BOLD));
    assert!(modifier("src/app.rs:88").contains(Modifier::REVERSED));
    assert!(modifier("src/app.rs:12").contains(Modifier::DIM));
}

#[test]
fn in_colours() {
    let buffer = drawn(&mut watched(), 120, 20, Theme::new(true));
    let has = |colour| buffer.content().iter().any(|cell| cell.fg == colour);
    assert!(has(Color::Red) && has(Color::Cyan));
}
