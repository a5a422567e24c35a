//! Without feature `profile`: no lock reports to the engine, and it says that it is off.

use nexus_lockprof_engine::{Config, Engine, Mode};
use std::sync::Once;

pub(super) fn engine() -> Engine {
    static OFF: Once = Once::new();
    OFF.call_once(|| {
        // The default settings are valid.
        let _ = Engine::global().configure(effective(Config::default()));
    });
    Engine::global()
}

pub(super) fn effective(config: Config) -> Config {
    config.mode(Mode::Off)
}
