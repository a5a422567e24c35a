//! Finds the socket of a process.

use super::trust::{Trust, own_uid};
use super::{Source, connect_socket};
use anyhow::{Result, bail};
use std::path::PathBuf;

/// The directories where a process of this user, or of `of`, may have its socket:
/// `$XDG_RUNTIME_DIR/lockprof` and `/tmp/lockprof-UID`. Both, because only one of the two processes
/// may have the variable.
pub(crate) fn runtime_directories(of: Option<u32>) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        // The specification says to ignore a relative path.
        if runtime.is_absolute() {
            directories.push(runtime.join("lockprof"));
        }
    }
    for uid in of.into_iter().chain(own_uid()) {
        let run = PathBuf::from(format!("/run/user/{uid}/lockprof"));
        let tmp = PathBuf::from(format!("/tmp/lockprof-{uid}"));
        for directory in [run, tmp] {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
    }
    directories
}

pub(super) fn connect(pid: u32) -> Result<Box<dyn Source>> {
    let owner = owner_of(pid);
    let trust = Trust::with_owner(owner);
    let directories = runtime_directories(owner);
    let mut refused = None;
    let found = directories.iter().find_map(|directory| {
        let socket = directory.join(format!("{pid}.sock"));
        socket.symlink_metadata().ok()?;
        match trust.check_directory(directory) {
            Ok(()) => Some(socket),
            // It belongs to another user, who must not hide the next one.
            Err(error) => {
                refused.get_or_insert(error);
                None
            }
        }
    });
    let Some(socket) = found else {
        if let Some(error) = refused {
            return Err(error);
        }
        let places: Vec<String> = directories
            .iter()
            .map(|directory| directory.display().to_string())
            .collect();
        let places = places.join(", ");
        if cfg!(target_os = "linux") && owner.is_none() {
            bail!("there is no such process, and no {pid}.sock in {places}");
        }
        bail!(
            "it does not serve: there is no {pid}.sock in {places}; start it with LOCKPROF_SERVE=unix, or let it call \
             nexus_lockprof::serve"
        );
    };
    connect_socket(&socket, trust).map_err(|error| error.context(socket.display().to_string()))
}

/// The owner of a process; `None` if it does not exist, or the system does not say.
#[cfg(target_os = "linux")]
fn owner_of(pid: u32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    let process = std::fs::metadata(format!("/proc/{pid}"));
    process.ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
fn owner_of(_: u32) -> Option<u32> {
    None
}
