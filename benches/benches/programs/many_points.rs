//! 300 acquisition points in each of two threads, used in random order: a server with a handler for
//! each request.

use crate::Setting;
use nexus_lockprof_benches::truth::locks::Mutex;
use nexus_lockprof_benches::truth::{compute, crew};
use std::sync::atomic::Ordering::Relaxed;

type State = Mutex<[u64; 32]>;
type Handler = fn(&State, u64);

/// A handler with its own acquisition point: the place of the call, including the column.
macro_rules! p {
    () => {
        |state, steps| {
            let mut state = state.lock();
            state[steps as usize % 32] += 1;
            compute(steps);
        }
    };
}

#[rustfmt::skip]
const HANDLERS: [Handler; 300] = [
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
    p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(), p!(),
];

pub(crate) fn run(setting: &Setting) {
    let states: Vec<State> = (0..16).map(|_| Mutex::named("state", [0; 32])).collect();
    crew(2, setting.length, |number, stop| {
        let mut rng = setting.rng(number);
        while !stop.load(Relaxed) {
            let which = rng.usize(0..HANDLERS.len());
            let state = &states[rng.usize(0..states.len())];
            // Every twentieth handler takes ten times as long.
            let usual = 100 + 5 * which as u64;
            let most = if which.is_multiple_of(20) {
                10 * usual
            } else {
                usual
            };
            HANDLERS[which](state, rng.u64(most / 4..most));
            compute(rng.u64(500..4_000));
        }
    });
}
