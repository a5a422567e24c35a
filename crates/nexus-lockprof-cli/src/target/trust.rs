//! Trusted owners of sockets. Other users could pose as a process, and lockprof would take their
//! answers for its profile.

use anyhow::{Result, bail};
use std::path::Path;

/// Trusted users: this one, root, and maybe one more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trust {
    owner: Option<u32>,
}

impl Trust {
    /// Also trusts the owner of the process, if the system names it.
    pub(crate) fn with_owner(owner: Option<u32>) -> Self {
        Self { owner }
    }

    fn includes(self, uid: u32) -> bool {
        uid == 0 || Some(uid) == own_uid() || Some(uid) == self.owner
    }

    /// Checks that only these users can create sockets in the directory.
    #[cfg(unix)]
    pub(crate) fn check_directory(self, directory: &Path) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        let name = directory.display();
        let meta = std::fs::symlink_metadata(directory)?;
        if !meta.is_dir() {
            bail!("{name} is no directory: its sockets are ignored");
        }
        if !self.includes(meta.uid()) {
            bail!(
                "{name} is of user {}, not of the process's or yours: its sockets are ignored",
                meta.uid()
            );
        }
        if meta.mode() & 0o022 != 0 {
            bail!("other users can write to {name}: its sockets are ignored");
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn check_directory(self, _: &Path) -> Result<()> {
        Ok(())
    }

    /// Checks that one of these users listens at the other end.
    #[cfg(target_os = "linux")]
    pub(super) fn check_peer(
        self,
        stream: &std::os::unix::net::UnixStream,
        _: &Path,
    ) -> std::io::Result<()> {
        let peer = rustix::net::sockopt::socket_peercred(stream)?;
        self.check_user(peer.uid.as_raw())
    }

    /// The same check by the socket's file, where the system offers nothing better. The file
    /// belongs to its server, and only its owner can replace it.
    #[cfg(all(unix, not(target_os = "linux")))]
    pub(super) fn check_peer(
        self,
        _: &std::os::unix::net::UnixStream,
        path: &Path,
    ) -> std::io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        self.check_user(std::fs::metadata(path)?.uid())
    }

    #[cfg(unix)]
    pub(super) fn check_user(self, uid: u32) -> std::io::Result<()> {
        if self.includes(uid) {
            return Ok(());
        }
        Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            format!(
                "user {uid} serves there, and could answer anything: run lockprof as that user, such as by `sudo -u '#{uid}'`"
            ),
        ))
    }
}

#[cfg(unix)]
pub(super) fn own_uid() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
pub(super) fn own_uid() -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::{UnixListener, UnixStream};

    /// A user id of neither this user nor root.
    fn other() -> u32 {
        own_uid().unwrap_or_default() + 1
    }

    #[test]
    fn this_user_root_and_the_processs() {
        let own = own_uid().unwrap_or_default();
        let trust = Trust::default();
        assert!(trust.includes(own) && trust.includes(0) && !trust.includes(other()));
        let trust = Trust::with_owner(Some(other()));
        assert!(trust.includes(own) && trust.includes(0) && trust.includes(other()));
        assert!(!trust.includes(other() + 1));
        let error = Trust::default().check_user(other()).unwrap_err();
        let begin = format!("user {} serves there", other());
        assert!(error.to_string().starts_with(&begin), "{error}");
    }

    #[test]
    fn directories() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lockprof");
        let check = |trust: Trust| match trust.check_directory(&path) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        fs::create_dir(&path).unwrap();
        for (mode, text) in [
            (0o700, ""),
            (0o755, ""),
            (0o770, "other users can write to "),
            (0o707, "other users can write to "),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let found = check(Trust::default());
            assert!(
                found.starts_with(text) && found.is_empty() == text.is_empty(),
                "{found}"
            );
        }
        fs::remove_dir(&path).unwrap();
        symlink(folder.path(), &path).unwrap();
        let found = check(Trust::default());
        assert!(found.contains(" is no directory: "), "{found}");
        // Root can give the file away.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        if std::os::unix::fs::chown(&path, Some(other()), None).is_ok() {
            let found = check(Trust::default());
            assert!(
                found.contains(&format!(" is of user {}, ", other())),
                "{found}"
            );
            assert_eq!(check(Trust::with_owner(Some(other()))), "");
        }
    }

    #[test]
    fn this_users_own_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let stream = UnixStream::connect(&path).unwrap();
        Trust::default().check_peer(&stream, &path).unwrap();
    }
}
