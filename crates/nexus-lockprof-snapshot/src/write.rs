//! Files out: [`Snapshot::to_bytes`] and its kin.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Snapshot, binary, printable_message, replace_file};

/// Why a snapshot could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A number that no reader would take: a weight, a variance or a budget that is not finite or
    /// out of range.
    #[error("the snapshot cannot be written: {message}")]
    Value {
        /// Which number, and why.
        message: String,
    },
    /// Writing to a file or stream failed.
    #[error("{}", printable_message(.0))]
    Io(io::Error),
    /// Any of the above, of this file.
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
    /// The snapshot in the form of a `.lockprof` file: all of it, exactly, in a fraction of JSON's
    /// size. Equal snapshots make equal bytes.
    ///
    /// # Errors
    ///
    /// [`WriteError::Value`], for a snapshot made by hand from numbers that no reader would take.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        binary::encode(self).map_err(|message| WriteError::Value { message })
    }

    /// Writes the snapshot to a file: as JSON if its name ends in `.json` and the feature `json` is
    /// on, else in the form of [`to_bytes`](Self::to_bytes). Either takes the old file's place as a
    /// whole.
    ///
    /// # Errors
    ///
    /// [`WriteError::File`], which names `path` and what went wrong.
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

/// Names the file in whatever goes wrong.
pub(crate) fn in_file(
    path: &Path,
    write: impl FnOnce() -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    write().map_err(|error| WriteError::File {
        path: path.to_owned(),
        error: Box::new(error),
    })
}
