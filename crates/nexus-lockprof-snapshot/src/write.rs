//! Files out: [`Snapshot::to_bytes`], [`Snapshot::to_json`] and their kin.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Snapshot, binary, printable_message, replace_file};

/// Why a snapshot could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A number that no reader would take: a weight, a variance or a budget that is not finite or out of range.
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

impl From<serde_json::Error> for WriteError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() {
            Self::Io(error.into())
        } else {
            Self::Value {
                message: error.to_string(),
            }
        }
    }
}

impl Snapshot {
    /// The snapshot as one line of JSON, beginning with `{"format":"lockprof-snapshot","schema":1`. Equal snapshots
    /// make equal text.
    ///
    /// Times and counts are whole numbers, up to 2⁶⁴: a reader that keeps numbers in doubles rounds those above
    /// 2⁵³.
    ///
    /// # Errors
    ///
    /// [`WriteError::Value`], for a snapshot made by hand from numbers that no reader would take.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// let json = snapshot.to_json()?;
    /// assert!(json.starts_with(r#"{"format":"lockprof-snapshot","schema":1,"#));
    /// assert_eq!(Snapshot::from_json(&json)?, snapshot);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_json(&self) -> Result<String, WriteError> {
        Ok(serde_json::to_string(self)?)
    }

    /// The same, indented for people.
    ///
    /// # Errors
    ///
    /// As [`to_json`](Self::to_json).
    pub fn to_json_pretty(&self) -> Result<String, WriteError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Writes what [`to_json`](Self::to_json) returns, in many small pieces: give it a buffered writer, and flush
    /// that.
    ///
    /// # Errors
    ///
    /// As [`to_json`](Self::to_json), and [`WriteError::Io`].
    pub fn write_json(&self, writer: impl Write) -> Result<(), WriteError> {
        Ok(serde_json::to_writer(writer, self)?)
    }

    /// The snapshot in the form of a `.lockprof` file: all of it, exactly, in a fraction of JSON's size. Equal snapshots make equal
    /// bytes.
    ///
    /// # Errors
    ///
    /// As [`to_json`](Self::to_json).
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        binary::encode(self).map_err(|message| WriteError::Value { message })
    }

    /// Writes the snapshot to a file: as [JSON](Self::write_json_file) if its name ends in `.json`, else in the form of
    /// [`to_bytes`](Self::to_bytes). Either takes the old file's place as a whole.
    ///
    /// # Errors
    ///
    /// [`WriteError::File`], which names `path` and what went wrong.
    pub fn write_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref();
        let is_json = |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("json");
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

    /// Writes the snapshot to a file, as one line, as [`replace_file`] does: whoever reads `path` meanwhile sees the whole old file or the
    /// whole new one.
    ///
    /// # Errors
    ///
    /// [`WriteError::File`], which names `path` and what went wrong.
    pub fn write_json_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref();
        in_file(path, || replace_file(path, |file| self.write_line(file)))
    }

    fn write_line(&self, file: &File) -> Result<(), WriteError> {
        let mut writer = BufWriter::new(file);
        self.write_json(&mut writer)?;
        writer.write_all(b"\n").map_err(WriteError::Io)?;
        writer.flush().map_err(WriteError::Io)
    }
}

/// Names the file in whatever goes wrong.
fn in_file(path: &Path, write: impl FnOnce() -> Result<(), WriteError>) -> Result<(), WriteError> {
    write().map_err(|error| WriteError::File {
        path: path.to_owned(),
        error: Box::new(error),
    })
}
