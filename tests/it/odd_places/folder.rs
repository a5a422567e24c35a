//! Folders for files and sockets.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A test's own folder, removed at the end. Its name is short, because socket paths must be.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lp-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        // As a runtime directory must be, whatever the umask.
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        Folder(path)
    }

    pub(super) fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// The names in it.
    pub(super) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
