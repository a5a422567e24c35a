//! Operations on socket files, each of which never touches another user's file.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, chmodat, flock, openat};
#[cfg(target_os = "linux")]
use rustix::net::SocketFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect};

/// The file of a Unix socket. Dropping this removes the file once, unless it has been replaced.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
    /// A forked process has a copy of this, but does not own the file.
    pid: u32,
    removed: AtomicBool,
}

/// Device and inode.
pub(super) type Identity = (u64, u64);

impl SocketFile {
    pub(super) fn new(path: &Path, identity: Identity) -> Self {
        SocketFile {
            path: path.to_owned(),
            identity,
            pid: std::process::id(),
            removed: AtomicBool::new(false),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    pub(super) fn remove(&self) {
        if self.pid != std::process::id() || self.removed.swap(true, Relaxed) {
            return;
        }
        // Nobody replaces the socket of a server that listens, so it stays this one until it is
        // removed.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // If it is gone by now, nothing is left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The identity of the file itself, even if it is a link.
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

/// Whether there is a socket that refuses connections. The socket of a stopped process does not.
pub(super) fn nobody_listens(path: &Path) -> bool {
    let connected = SocketAddrUnix::new(path)
        .and_then(|address| connect(new_socket()?, &address))
        .map_err(io::Error::from);
    connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// A directory in which nobody else replaces or removes the sockets of dead processes, until this
/// is dropped.
///
/// Without it, two processes that find the same dead socket could both remove it: the second would
/// remove what the first has put in its place.
pub(super) struct Locked {
    directory: OwnedFd,
}

impl Locked {
    /// Locks it, or gives up after a while: in a directory like `/tmp`, any user may hold the lock
    /// for good.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        const TRIES: u32 = 100;
        const PAUSE: Duration = Duration::from_millis(10);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, directory, flags, Mode::empty())?;
        for _ in 0..TRIES {
            match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                    std::thread::sleep(PAUSE);
                }
                other => {
                    other?;
                    return Ok(Locked { directory: opened });
                }
            }
        }
        let message = format!("{} is locked by another process", directory.display());
        Err(io::Error::new(ErrorKind::WouldBlock, message))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing is not enough: a process forked in the meantime has a copy, which also holds the
        // lock.
        let _ = flock(&self.directory, FlockOperation::Unlock);
    }
}

/// Sets the mode of exactly this file. Does not follow a link that someone has put in its place.
#[cfg(target_os = "linux")]
pub(super) fn set_mode(path: &Path, expected: Identity, mode: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(CWD, path, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if (stat.st_dev, stat.st_ino) != expected {
        return Err(io::Error::other("it is another file by now"));
    }
    // The mode of such a descriptor cannot be set, but its path under /proc can.
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(chmodat(CWD, name, mode.into(), AtFlags::empty())?)
}

/// The same, where a system call can refuse to follow links.
#[cfg(not(target_os = "linux"))]
pub(super) fn set_mode(path: &Path, _: Identity, mode: u32) -> io::Result<()> {
    let mode = Mode::from_bits_truncate(mode as _);
    Ok(chmodat(CWD, path, mode, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// A socket that does not block, and that executed programs do not inherit.
#[cfg(target_os = "linux")]
pub(super) fn new_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// The same, where that takes several steps.
#[cfg(not(target_os = "linux"))]
pub(super) fn new_socket() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A separate folder, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("lp-{}-{name}", std::process::id());
            let folder = Folder(std::env::temp_dir().join(name));
            fs::create_dir(&folder.0).unwrap();
            folder
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_directory_is_locked_by_one_at_a_time() {
        let folder = Folder::new("locked");
        let first = Locked::new(&folder.0).unwrap();
        let error = Locked::new(&folder.0).err().unwrap();
        let message = format!("{} is locked by another process", folder.0.display());
        assert_eq!(error.to_string(), message);
        // A forked child has copies like this one.
        let _copy = first.directory.try_clone().unwrap();
        drop(first);
        assert!(Locked::new(&folder.0).is_ok());
    }

    #[test]
    fn the_mode_of_what_a_link_points_to_stays() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = Folder::new("mode");
        let (file, link) = (folder.0.join("file"), folder.0.join("link"));
        let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        fs::write(&file, "").unwrap();
        let made = identity(&file).unwrap();
        set_mode(&file, made, 0o640).unwrap();
        assert_eq!(mode(), 0o640);
        symlink(&file, &link).unwrap();
        // The link itself has no mode to set.
        let _ = set_mode(&link, identity(&link).unwrap(), 0o777);
        if cfg!(target_os = "linux") {
            assert!(set_mode(&link, made, 0o777).is_err());
        }
        assert_eq!(mode(), 0o640);
    }

    /// A process that is stopped, with a full queue. The test hangs if the code waits for it.
    #[test]
    fn a_socket_that_does_not_accept_is_somebodys() {
        let folder = Folder::new("full");
        let path = folder.0.join("s");
        let address = SocketAddrUnix::new(&path).unwrap();
        let server = new_socket().unwrap();
        rustix::net::bind(&server, &address).unwrap();
        assert!(nobody_listens(&path));
        rustix::net::listen(&server, 0).unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| {
            let client = new_socket().unwrap();
            connect(&client, &address).ok().map(|()| client)
        })
        .take(1000)
        .collect();
        assert!(waiting.len() < 1000, "as many as like may wait");
        assert!(!nobody_listens(&path));
        drop(server);
        assert!(nobody_listens(&path));
    }
}
