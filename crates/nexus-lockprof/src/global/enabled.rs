//! With feature `profile`: the engine as it is.

use nexus_lockprof_engine::{Config, Engine};

pub(super) fn engine() -> Engine {
    Engine::global()
}

pub(super) fn effective(config: Config) -> Config {
    config
}
