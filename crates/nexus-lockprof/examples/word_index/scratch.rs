//! A folder for a test to fill.

use std::path::PathBuf;
use std::{env, fs, io, process};

/// A test's own folder, removed at the end.
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
}

impl Folder {
    /// Creates an empty folder. `name` distinguishes it from those of other tests.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let path = env::temp_dir().join(format!("word_index-{}-{name}", process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder { path })
    }

    /// Writes a file, and creates its folders.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
        fs::write(path, content)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path); // a leftover in the temporary folder harms nobody
    }
}
