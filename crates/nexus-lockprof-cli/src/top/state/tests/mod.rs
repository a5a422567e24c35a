//! The state, with made-up snapshots and keys. What makes them is for the view's tests too.

mod keys;
mod rows;
mod target;

use super::*;
use nexus_lockprof_snapshot::{
    AcquireMode, Durations, Lock, Overhead, ProfilerMode, Sample, Samples, Site, SnapshotParts,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
                profiler_mode: ProfilerMode::Exact,
                ..SnapshotParts::default()
            },
        }
    }

    /// What happens at the point of `lock` in `line` in the next second: acquisitions, contentions,
    /// total wait and hold in milliseconds.
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
