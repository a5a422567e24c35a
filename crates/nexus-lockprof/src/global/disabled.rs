//! Without the feature `profile`: no lock reports to the engine, and it says that it is off.

use nexus_lockprof_engine::{Config, Engine, Mode, var_os};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) fn engine() -> Engine {
    // No `Once`: a child forked during the call would wait for ever. Switching off twice does no
    // harm.
    static OFF: AtomicBool = AtomicBool::new(false);
    static SAID: AtomicBool = AtomicBool::new(false);
    if !OFF.load(Relaxed) {
        if !SAID.swap(true, Relaxed) {
            complain();
        }
        Engine::global().disable_permanently();
        OFF.store(true, Relaxed);
    }
    Engine::global()
}

/// Names the variables that have no effect.
fn complain() {
    for name in [
        "LOCKPROF",
        "LOCKPROF_BUDGET",
        "LOCKPROF_EVERY",
        "LOCKPROF_OUT",
        "LOCKPROF_SERVE",
        "LOCKPROF_STACKS",
        "LOCKPROF_STUCK",
    ] {
        if var_os(name).is_some() {
            // Carry on if stderr is closed.
            let _ = writeln!(
                std::io::stderr(),
                "lockprof: {name} has no effect: the program was built without the feature `profile`"
            );
        }
    }
}

pub(super) fn effective(config: Config) -> Config {
    config.mode(Mode::Off)
}
