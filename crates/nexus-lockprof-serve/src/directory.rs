//! The directory of a user's sockets, and the removal of stale ones.

use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rustix::process::{Pid, getegid, geteuid, getgid, getuid, test_kill_process};

use super::ServeError;
use super::files::{Locked, SocketFile, identity, nobody_listens, set_mode};

/// The directory of this user's sockets: `$XDG_RUNTIME_DIR/lockprof`. It is `/tmp/lockprof-UID` if
/// that variable is missing or names another user's directory, as after `su`. A set-user-ID program
/// ignores the variable, which belongs to its caller.
///
/// ```
/// use nexus_lockprof_serve::runtime_directory;
///
/// assert!(runtime_directory().is_absolute());
/// ```
#[must_use]
pub fn runtime_directory() -> PathBuf {
    let is_callers = getuid() == geteuid() && getgid() == getegid();
    let variable = std::env::var_os("XDG_RUNTIME_DIR").filter(|_| is_callers);
    match variable.map(PathBuf::from) {
        // The specification says to ignore a relative path.
        Some(directory) if directory.is_absolute() && !is_anothers(&directory) => {
            directory.join("lockprof")
        }
        _ => format!("/tmp/lockprof-{}", geteuid().as_raw()).into(),
    }
}

/// Whether another user could replace what we put there.
fn is_anothers(directory: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    fs::metadata(directory).is_ok_and(|meta| {
        meta.uid() != geteuid().as_raw() || meta.mode() & 0o022 != 0 && meta.mode() & STICKY == 0
    })
}

/// Creates the directory, or checks that it is ours.
pub(super) fn make(path: &Path) -> Result<(), ServeError> {
    let failed = |error| ServeError::Directory {
        path: path.to_owned(),
        error,
    };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    // Looks at a link itself, since its target may change at any time.
    let meta = fs::symlink_metadata(path).map_err(failed)?;
    let what = if meta.is_symlink() {
        "a symbolic link"
    } else if !meta.is_dir() {
        "no directory"
    } else if meta.uid() != geteuid().as_raw() {
        "another user's"
    } else if meta.mode() & 0o077 != 0 {
        "open to other users"
    } else if meta.mode() & 0o700 != 0o700 {
        // The umask restricted the owner, in this process or in another one that is creating it
        // now.
        return set_mode(path, (meta.dev(), meta.ino()), 0o700).map_err(failed);
    } else {
        return Ok(());
    };
    Err(ServeError::NotOurs {
        path: path.to_owned(),
        what,
    })
}

/// Publishes this process's address in the runtime directory. `PID.url` is a link whose target is
/// the URL, so it appears whole. With several servers on ports, it names the first until that is
/// dropped, and then the next that starts. Best effort: the server works without it.
pub(super) fn announce(address: SocketAddr) -> Option<SocketFile> {
    /// The process that has published a link.
    static ANNOUNCED: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    let directory = runtime_directory();
    make(&directory).ok()?;
    remove_stale(&directory);
    let path = directory.join(format!("{pid}.url"));
    let _locked = Locked::new(&directory).ok()?;
    // Relaxed: the directory's lock orders this. A server that sees too old a value only replaces
    // the link.
    if ANNOUNCED.load(Relaxed) == pid && identity(&path).is_ok() {
        return None;
    }
    // A process that is gone had the same number.
    let _ = fs::remove_file(&path);
    std::os::unix::fs::symlink(format!("http://{}", reachable(address)), &path).ok()?;
    let file = SocketFile::new(&path, identity(&path).ok()?);
    ANNOUNCED.store(pid, Relaxed);
    Some(file)
}

/// An address to connect to. A server on all addresses is reachable on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whether a link names a port that refuses connections.
fn nobody_listens_at(link: &Path) -> bool {
    const PATIENCE: Duration = Duration::from_millis(100);
    let url = fs::read_link(link).ok();
    let url = url.as_deref().and_then(Path::to_str);
    let address = url.and_then(|url| url.strip_prefix("http://")?.parse().ok());
    address.is_some_and(|address| {
        let connected = TcpStream::connect_timeout(&address, PATIENCE);
        connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    })
}

/// Removes the sockets of processes that are gone. Best effort: what stays does no harm.
pub(super) fn remove_stale(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let stale: Vec<PathBuf> = entries
        .filter(|entry| {
            let kind = entry.file_type();
            kind.is_ok_and(|kind| kind.is_socket() || kind.is_symlink())
        })
        .map(|entry| entry.path())
        .filter(|path| is_stale(path))
        .collect();
    if stale.is_empty() {
        return;
    }
    let Ok(_locked) = Locked::new(directory) else {
        return;
    };
    // Check again: a new process with the same number may have put its own there.
    for path in stale.iter().filter(|path| is_stale(path)) {
        let _ = fs::remove_file(path);
    }
}

/// Needs both: no such process, and nobody listening. The number may belong to another process by
/// now, or to one in another namespace. And a process that has just bound its socket does not
/// listen yet.
fn is_stale(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let pid = name.and_then(process_of);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
        && identity(path).is_ok()
        && match name.is_some_and(|name| name.ends_with(".url")) {
            true => nobody_listens_at(path),
            false => nobody_listens(path),
        }
}

/// The process in a socket's name: `PID.sock`, `PID-N.sock` for further servers, or `.PID-N` before
/// a server has started.
fn process_of(name: &str) -> Option<Pid> {
    let stem = name
        .strip_suffix(".sock")
        .or_else(|| name.strip_suffix(".url"))
        .or_else(|| name.strip_prefix('.'))?;
    let number = stem.split('-').next()?;
    Pid::from_raw(number.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sockets() {
        for (name, pid) in [
            ("12.sock", Some(12)),
            ("12-3.sock", Some(12)),
            (".12-0", Some(12)),
            ("12.url", Some(12)),
            ("12", None),
            ("a.sock", None),
            (".sock", None),
            (".", None),
            ("0.sock", None),
            ("-1.sock", None),
            (".12.sock", None),
        ] {
            assert_eq!(process_of(name), pid.and_then(Pid::from_raw), "{name}");
        }
    }
}
