//! skeleton, replaced by the lead
mod locks;
#[cfg(feature = "profile")]
mod profiled;
mod raw;
pub use lock_api;
pub use locks::*;
#[cfg(feature = "profile")]
pub use nexus_lockprof_engine as engine;
pub use nexus_lockprof_snapshot::*;
#[cfg(feature = "profile")]
pub use profiled::{Profiled, ProfiledGuard};
#[cfg(feature = "profile")]
pub use engine::{Config, ConfigError, Event, Mode};
/// s
#[cfg(feature = "profile")]
pub fn snapshot() -> Snapshot { engine::Engine::global().snapshot() }
/// c
#[cfg(feature = "profile")]
pub fn configure(c: Config) -> Result<(), ConfigError> { engine::Engine::global().configure(c) }
/// e
#[cfg(feature = "profile")]
pub fn on_event(f: impl Fn(&Event) + Send + Sync + 'static) -> engine::HandlerId { engine::Engine::global().on_event(f) }
