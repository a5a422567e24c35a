//! Finds the socket or the port of a process.

use super::http::{Client, connect_socket};
use super::source::Source;
use super::trust::{Trust, own_uid};
use anyhow::{Result, anyhow, bail};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The directories where a process of this user, or of `of`, may have its socket or link:
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
    let (mut refused, mut stale) = (None, None);
    for directory in &directories {
        let places = places(directory, pid);
        if places.is_empty() {
            continue;
        }
        // It belongs to another user, who must not hide the next one.
        if let Err(error) = trust.check_directory(directory) {
            refused.get_or_insert(error);
            continue;
        }
        for place in places {
            match place.connect(pid, trust) {
                // Left by an earlier process with this number.
                Err(error) if is_stale(&error) => {
                    stale.get_or_insert(error);
                }
                connected => return connected,
            }
        }
    }
    if let Some(error) = stale.or(refused) {
        return Err(error);
    }
    let places: Vec<String> = directories
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    let places = places.join(", ");
    if cfg!(target_os = "linux") && owner.is_none() {
        bail!("there is no such process, and no {pid}.sock or {pid}.url in {places}");
    }
    bail!(
        "it does not serve: there is no {pid}.sock or {pid}.url in {places}; start it with \
         LOCKPROF_SERVE=unix, or let it call nexus_lockprof::serve"
    );
}

/// `PID.sock` and `PID.url`, as far as they exist.
fn places(directory: &Path, pid: u32) -> Vec<Endpoint> {
    let [socket, link] = ["sock", "url"].map(|end| directory.join(format!("{pid}.{end}")));
    let socket = socket
        .symlink_metadata()
        .is_ok()
        .then_some(Endpoint::Socket(socket));
    socket.into_iter().chain(Endpoint::of_link(&link)).collect()
}

/// Where a process serves, by the runtime directory.
#[derive(Debug)]
pub(crate) enum Endpoint {
    Socket(PathBuf),
    Port(SocketAddr),
}

impl Endpoint {
    /// `PID.url`: a link whose target is the URL of a port.
    pub(crate) fn of_link(link: &Path) -> Option<Self> {
        let url = std::fs::read_link(link).ok()?.into_os_string();
        let url = url.into_string().ok()?;
        let address: SocketAddr = url.strip_prefix("http://")?.parse().ok()?;
        Some(Self::Port(address))
    }

    pub(crate) fn connect(&self, pid: u32, trust: Trust) -> Result<Box<dyn Source>> {
        match self {
            Self::Socket(socket) => connect_socket(socket, trust)
                .map_err(|error| error.context(socket.display().to_string())),
            Self::Port(address) => {
                // A process that was killed leaves its link, and its port is anybody's.
                if cfg!(target_os = "linux") && owner_of(pid).is_none() {
                    let gone = io::Error::new(
                        ErrorKind::NotFound,
                        "the process that served there is gone",
                    );
                    return Err(anyhow!(gone).context(format!("http://{address}")));
                }
                let mut client = Client::port(*address, trust);
                // The port may be another process's by now.
                let found = client.snapshot()?.pid();
                if found != pid {
                    let what = format!("process {found} serves at http://{address} now");
                    return Err(anyhow!(io::Error::new(ErrorKind::NotFound, what)));
                }
                Ok(Box::new(client))
            }
        }
    }
}

/// Whether nobody listens, or somebody else: the process is gone, and its number may be another's
/// by now. A process that is only slow is not stale.
pub(crate) fn is_stale(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| {
        matches!(
            cause.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::AddrNotAvailable
        )
    })
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
