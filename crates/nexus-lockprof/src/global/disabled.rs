//! Without feature `profile`: no lock reports to the engine, and it says that it is off.

use nexus_lockprof_engine::{Config, Engine, Mode, var_os};
use std::io::Write;
use std::sync::Once;

pub(super) fn engine() -> Engine {
    static OFF: Once = Once::new();
    OFF.call_once(|| {
        for name in [
            "LOCKPROF",
            "LOCKPROF_BUDGET",
            "LOCKPROF_EVERY",
            "LOCKPROF_OUT",
            "LOCKPROF_SERVE",
            "LOCKPROF_STACKS",
        ] {
            if var_os(name).is_some() {
                // A closed stderr is no reason to stop.
                let _ = writeln!(
                    std::io::stderr(),
                    "lockprof: {name} has no effect: the program was built without the feature `profile`"
                );
            }
        }
        Engine::global().retire();
    });
    Engine::global()
}

pub(super) fn effective(config: Config) -> Config {
    config.mode(Mode::Off)
}
