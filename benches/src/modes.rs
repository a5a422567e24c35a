//! The measured modes.

/// The modes of this build, by their names in tables and in `LOCKPROF`.
///
/// With the feature `profile` off there is nothing to switch, and one row stands for it.
#[cfg(feature = "profile")]
pub const MODES: &[&str] = &["off", "counts", "sampled", "exact"];

/// The modes of this build, by their names in tables.
#[cfg(not(feature = "profile"))]
pub const MODES: &[&str] = &["feature off"];

/// Switches the process-wide engine to a mode of [`MODES`], with its clock calibrated.
///
/// # Errors
/// If the mode has another name, or the engine refuses it.
#[cfg(feature = "profile")]
pub fn switch_to(mode: &str) -> Result<(), String> {
    use nexus_lockprof::engine::Engine;
    use nexus_lockprof::{Config, Mode};

    let mode = match mode {
        "off" => Mode::Off,
        "counts" => Mode::Counts,
        "sampled" => Mode::DEFAULT,
        "exact" => Mode::Exact,
        other => return Err(format!("no such mode: {other}")),
    };
    let engine = Engine::global();
    engine.warm_up();
    engine
        .configure(Config::default().mode(mode))
        .map_err(|error| error.to_string())
}

/// Does nothing: this build has no engine.
///
/// # Errors
/// None; the enabled version can fail.
#[cfg(not(feature = "profile"))]
pub fn switch_to(_mode: &str) -> Result<(), String> {
    Ok(())
}
