//! Says which profiles of a run are missing or incomplete, from how its processes ended.

use crate::profile::Profile;
use crate::say::say;
use crate::settings;
use std::path::Path;

/// A process that still runs after cargo ended, such as a daemon.
pub(crate) struct Running {
    pub(crate) pid: String,
    program: String,
}

/// The processes of this run that still run: programs in `build` that write their profiles into
/// `folder`.
#[cfg(target_os = "linux")]
pub(crate) fn running(folder: &Path, build: &Path) -> Vec<Running> {
    use std::fs;
    let told = format!(
        "LOCKPROF_OUT={}/",
        settings::template(folder).unwrap_or_default()
    );
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut running = Vec::new();
    for process in processes.flatten() {
        let pid = process.file_name().to_string_lossy().into_owned();
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // Both are unreadable if the process belongs to another user or has just ended.
        let path = process.path();
        let (Ok(environment), Ok(program)) = (
            fs::read(path.join("environ")),
            fs::read_link(path.join("exe")),
        ) else {
            continue;
        };
        let is_told = environment
            .split(|&byte| byte == 0)
            .any(|entry| entry.starts_with(told.as_bytes()));
        if is_told && program.starts_with(build) {
            let program = program
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            running.push(Running { pid, program });
        }
    }
    running
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn running(_: &Path, _: &Path) -> Vec<Running> {
    Vec::new()
}

/// Says which processes still run, and where their profiles will be.
pub(crate) fn tell_running(running: &[Running], folder: &Path) {
    if let Some(Running { pid, program }) = running.first() {
        let (them, run, their) = match running.len() {
            1 => (
                format!("{program} (pid {pid})"),
                "still runs",
                "its profile",
            ),
            count => (
                format!("{program} (pid {pid}) and {} more", count - 1),
                "still run",
                "their profiles",
            ),
        };
        say(format_args!(
            "{them} {run}: {their} will be in {}",
            folder.display()
        ));
    }
}

/// Says which processes did not end by an exit, so that their last profile is incomplete.
pub(crate) fn tell_cut_off<'a>(profiles: impl Iterator<Item = &'a Profile>) {
    let (empty, begun): (Vec<&Profile>, Vec<&Profile>) = profiles
        .filter(|profile| profile.is_cut_off())
        .partition(|profile| profile.is_empty());
    let who = |profiles: &[&Profile]| {
        let first = profiles.first()?;
        Some(match profiles.len() {
            1 => format!("{} (pid {}) was ended", first.program, first.pid),
            count => format!(
                "{} (pid {}) and {} more processes were ended",
                first.program,
                first.pid,
                count - 1
            ),
        })
    };
    const HOW: &str = "by a signal, abort, _exit or exec";
    if let Some(who) = who(&begun) {
        say(format_args!(
            "{who} {HOW}: what happened after the last profile, which is written every second, is missing"
        ));
    }
    if let Some(who) = who(&empty) {
        say(format_args!(
            "{who} {HOW}, and left no profile: it is written at the exit, and every second only if more than one thread uses locks"
        ));
    }
}
