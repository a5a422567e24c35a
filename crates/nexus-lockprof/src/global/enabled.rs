//! With the feature `profile`: the engine, unchanged.

use nexus_lockprof_engine::{Config, Engine};

pub(super) fn engine() -> Engine {
    Engine::global()
}

pub(super) fn effective(config: Config) -> Config {
    config
}
