//! Writes files: [`Snapshot::to_bytes`] and its relatives.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Snapshot, binary, printable_message, replace_file};

/// Why a snapshot could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A number that no reader would accept: a weight, variance or budget that is not finite or is
    /// out of range.
    #[error("the snapshot cannot be written: {message}")]
    Value {
        /// Which number, and why.
        message: String,
    },
    /// Writing to a file or stream failed.
    #[error("{}", printable_message(.0))]
    Io(io::Error),
    /// Any of the above, in this file.
    #[error("{}: {error}", printable_message(path.display()))]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: Box<WriteError>,
    },
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Snapshot {
    /// The snapshot as a `.lockprof` file: complete, exact, and a fraction of JSON's size. Equal
    /// snapshots make equal bytes.
    ///
    /// # Errors
    ///
    /// [`WriteError::Value`] for a hand-made snapshot with a number that no reader would accept.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        binary::encode(self).map_err(|message| WriteError::Value { message })
    }

    /// Writes the snapshot to a file: as JSON if the name ends in `.json` and the feature `json` is
    /// on, otherwise in the form of [`to_bytes`](Self::to_bytes). Replaces an old file as a whole.
    ///
    /// # Errors
    ///
    /// [`WriteError::File`], which names `path` and the error.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref();
        #[cfg(feature = "json")]
        let is_json = |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("json");
        #[cfg(feature = "json")]
        if path.extension().is_some_and(is_json) {
            return self.write_json_file(path);
        }
        in_file(path, || {
            let bytes = self.to_bytes()?;
            replace_file(path, |mut file| {
                file.write_all(&bytes).map_err(WriteError::Io)
            })
        })
    }
}

/// Adds the file's name to any error.
pub(crate) fn in_file(
    path: &Path,
    write: impl FnOnce() -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    write().map_err(|error| WriteError::File {
        path: path.to_owned(),
        error: Box::new(error),
    })
}
