//! Who has a file: the first process that wants it, as long as that process lives.
//!
//! A file that is replaced each time it is written cannot be locked. On Linux the claim is a socket
//! in the abstract namespace, named after the folder and the file. Nobody talks to it. It is not on
//! disk, and it vanishes with its process, however that ends. On other systems, or if no socket is
//! available, nobody has a claim. Then the first process that writes has the file
//! ([`OutFile`](super::place::OutFile)).

use std::path::Path;

/// Another process has the file, or another copy of the profiler in this one.
pub(super) struct Taken;

#[cfg(target_os = "linux")]
pub(crate) use linux::after_fork;
#[cfg(target_os = "linux")]
pub(super) use linux::{Claim, claim};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Path, Taken};
    use crate::process::sockets::Socket;
    use std::ffi::OsStr;
    use std::io::ErrorKind;
    use std::net::Shutdown;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::time::UNIX_EPOCH;

    /// A file that is claimed until this is dropped.
    #[derive(Debug)]
    pub(in super::super) struct Claim(#[allow(dead_code, reason = "kept open")] OwnedFd);

    /// This process's claim.
    static CLAIMED: Socket = Socket::new();

    /// Claims a file. `None` if that is not possible.
    pub(in super::super) fn claim(path: &Path) -> Result<Option<Claim>, Taken> {
        let Some(name) = name(path) else {
            return Ok(None);
        };
        let Ok(address) = SocketAddr::from_abstract_name(name) else {
            return Ok(None);
        };
        match UnixDatagram::bind_addr(&address) {
            Ok(socket) => {
                // Discards whatever anybody sends to it.
                let _ = socket.shutdown(Shutdown::Both);
                let socket = out_of_the_way(socket.into());
                if let Some(socket) = &socket {
                    CLAIMED.remember(socket.as_raw_fd());
                }
                Ok(socket.map(Claim))
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(Taken),
            Err(_) => Ok(None),
        }
    }

    /// A name that is the same for all paths to the file: the folder's device, inode and birth
    /// time, and a hash of the file's name. A deleted folder may have left its inode to a new one,
    /// while a process still has a claim in the old one.
    fn name(path: &Path) -> Option<String> {
        let folder = std::fs::metadata(path.parent()?).ok()?;
        let hash = hash(path.file_name()?);
        let (device, inode) = (folder.dev(), folder.ino());
        let birth = folder.created().ok();
        let birth = birth.and_then(|birth| birth.duration_since(UNIX_EPOCH).ok());
        let birth = birth.map_or(0, |birth| birth.as_nanos());
        Some(format!(
            "lockprof-out/{device:x}.{inode:x}.{birth:x}.{hash:016x}"
        ))
    }

    /// FNV-1a, which is the same in all programs. If two names have the same hash, one of the two
    /// files gets another name.
    fn hash(name: &OsStr) -> u64 {
        name.as_encoded_bytes()
            .iter()
            .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            })
    }

    /// The same socket with a high descriptor, because a program may expect to get the low ones.
    fn out_of_the_way(socket: OwnedFd) -> Option<OwnedFd> {
        const HIGH: libc::c_int = 200;
        const STANDARD: libc::c_int = 3;
        for least in [HIGH, STANDARD] {
            // SAFETY: the call makes a descriptor, which nobody else has.
            let copy = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
            if copy >= 0 {
                // SAFETY: the descriptor was made just above.
                return Some(unsafe { OwnedFd::from_raw_fd(copy) });
            }
        }
        None
    }

    /// Closes a child's copy of the claim, which would outlive its parent's. A fork handler calls
    /// this.
    pub(crate) fn after_fork() {
        CLAIMED.close();
    }
}

/// No process has a claim on other systems.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct Claim;

#[cfg(not(target_os = "linux"))]
pub(super) fn claim(_: &Path) -> Result<Option<Claim>, Taken> {
    Ok(None)
}

#[cfg(all(unix, not(target_os = "linux")))]
pub(crate) fn after_fork() {}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_under_any_of_its_paths() {
        let folder = std::env::temp_dir();
        let file = format!("lockprof-claim-{}.json", std::process::id());
        let path = folder.join(&file);
        let first = claim(&path);
        assert!(matches!(first, Ok(Some(_))));
        assert!(claim(&path).is_err());
        assert!(claim(&folder.join(".").join(&file)).is_err());
        assert!(matches!(claim(&folder.join(file + "2")), Ok(Some(_))));
        drop(first);
        assert!(matches!(claim(&path), Ok(Some(_))));
        assert!(!path.exists());
    }

    #[test]
    fn a_claim_in_a_folder_that_is_gone_is_nobodys() {
        let folder = std::env::temp_dir().join(format!("lockprof-gone-{}", std::process::id()));
        // A file system that reuses inodes does so at once.
        let mut claims = Vec::new();
        for _ in 0..8 {
            std::fs::create_dir(&folder).unwrap();
            let claim = claim(&folder.join("x.json"));
            assert!(matches!(claim, Ok(Some(_))));
            claims.push(claim);
            std::fs::remove_dir(&folder).unwrap();
        }
    }

    #[test]
    fn without_a_folder_there_is_no_claim() {
        assert!(matches!(claim(Path::new("/nonexistent/x")), Ok(None)));
        assert!(matches!(claim(Path::new("/")), Ok(None)));
    }
}
