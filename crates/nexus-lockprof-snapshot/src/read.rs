//! Reads files: [`Snapshot::from_bytes`] and its relatives.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::binary::{self, Decoder, Malformed};
use crate::{Snapshot, bounds, printable_message};

/// Why a snapshot could not be read. Lines and columns count from 1, columns in bytes.
///
/// The displayed text makes the file's name and quotes from it [printable](crate::printable).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Reading from a file or stream failed.
    #[error("{}", printable_message(.0))]
    Io(io::Error),
    /// There is nothing in it.
    #[error("empty")]
    Empty,
    /// The input is neither a `.lockprof` file nor UTF-8, so it is not JSON.
    #[error("not a profile: not UTF-8 text at line {line} column {column}")]
    NotUtf8 {
        /// Line of the first bad byte.
        line: usize,
        /// Column of the first bad byte.
        column: usize,
    },
    /// The input ends too early.
    #[error(
        "truncated: it ends at line {line} column {column} in the middle of JSON ({})",
        printable_message(message)
    )]
    Truncated {
        /// Line of the end.
        line: usize,
        /// Column of the end.
        column: usize,
        /// What was read.
        message: String,
    },
    /// The input is not JSON.
    #[error(
        "not valid JSON at line {line} column {column}: {}",
        printable_message(message)
    )]
    Syntax {
        /// Line of the error.
        line: usize,
        /// Column of the error.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A `.lockprof` file that ends too early.
    #[error("truncated: it ends at byte {offset} in the middle of a .lockprof file")]
    Cut {
        /// Its length.
        offset: usize,
    },
    /// A `.lockprof` file with an invalid value.
    #[error("damaged: at byte {offset} is {what}")]
    Damaged {
        /// Offset of the value in bytes, from the beginning.
        offset: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A `.lockprof` file whose bytes were changed after it was written.
    #[error("damaged: its checksum is {found:08x}, and was {stored:08x} when it was written")]
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// The checksum of its bytes.
        found: u32,
    },
    /// More than any real snapshot: the file may have been crafted to be costly to read.
    #[error("too large: it has more than {limit} {what}")]
    TooLarge {
        /// What exceeds its limit: `bytes`, `points`, or `bytes, unfolded`, the size of the file's
        /// content with every text written out.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// JSON, but not one of our snapshots: it has no `"format":"lockprof-snapshot"`.
    #[error(
        "a foreign file: expected \"format\":\"lockprof-snapshot\", found {}",
        printable_message(.found.as_deref().unwrap_or("no format"))
    )]
    Foreign {
        /// The `format` that it has instead, as JSON; `None` without one.
        found: Option<String>,
    },
    /// A snapshot whose schema is not a whole number from 1.
    #[error("not a schema version: {}", printable_message(.found.as_deref().unwrap_or("there is none")))]
    BadSchema {
        /// The value in its place, as JSON; `None` without one.
        found: Option<String>,
    },
    /// A snapshot that a newer version of this program wrote.
    #[error(
        "schema {found} is newer than schema {supported}, the newest that this version of lockprof reads: \
         use the version that wrote the file"
    )]
    NewerSchema {
        /// The file's schema.
        found: u64,
        /// The newest schema that this version reads.
        supported: u32,
    },
    /// A snapshot with a field that is missing, of the wrong kind, or out of range.
    #[error(
        "bad snapshot at line {line} column {column}: {}",
        printable_message(message)
    )]
    Data {
        /// Line of the error, or of the end of the enclosing value.
        line: usize,
        /// Column of the error, or of the end of the enclosing value.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Any of the above, in this file.
    #[error("{}: {error}", printable_message(path.display()))]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: Box<ReadError>,
    },
}

impl From<Malformed> for ReadError {
    fn from(malformed: Malformed) -> Self {
        match malformed {
            Malformed::Truncated { offset } => Self::Cut { offset },
            Malformed::Bad { offset, what } => Self::Damaged { offset, what },
            Malformed::TooLarge { what, limit } => Self::TooLarge { what, limit },
        }
    }
}

impl Snapshot {
    /// Reads a snapshot in any form from a stream, up to its end: see
    /// [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// Like [`from_bytes`](Self::from_bytes), and [`ReadError::Io`].
    pub fn from_reader(reader: impl Read) -> Result<Self, ReadError> {
        Self::from_bytes(&bytes_of(reader)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote or, with the feature `json`, `to_json`, in
    /// this version or an earlier one. It detects the form from the content.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] but [`Io`](ReadError::Io) and [`File`](ReadError::File).
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{ReadError, Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// let bytes = snapshot.to_bytes()?;
    /// assert_eq!(Snapshot::from_bytes(&bytes)?, snapshot);
    ///
    /// let error = Snapshot::from_bytes(&bytes[..20]).unwrap_err();
    /// assert_eq!(error.to_string(), "truncated: it ends at byte 20 in the middle of a .lockprof file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.is_empty() {
            Err(ReadError::Empty)
        } else if Decoder::is_ours(bytes) {
            binary::snapshot(&Decoder::new(bytes)?)
        } else {
            other(bytes)
        }
    }

    /// Reads a snapshot in any form from a file: see [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// [`ReadError::File`], which names the file and the error.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        in_file(path.as_ref(), Self::from_bytes)
    }
}

/// Reads what is not a `.lockprof` file.
#[cfg(feature = "json")]
fn other(bytes: &[u8]) -> Result<Snapshot, ReadError> {
    Snapshot::from_json_slice(bytes)
}

/// Without the feature `json`, there is no other form.
#[cfg(not(feature = "json"))]
fn other(_: &[u8]) -> Result<Snapshot, ReadError> {
    Err(ReadError::Foreign { found: None })
}

/// Applies `read` to the bytes of a file. An error names the file.
pub(crate) fn in_file<T>(
    path: &Path,
    read: impl FnOnce(&[u8]) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let bytes = fs::File::open(path)
        .map_err(ReadError::Io)
        .and_then(bytes_of);
    bytes
        .and_then(|bytes| read(&bytes))
        .map_err(|error| ReadError::File {
            path: path.to_owned(),
            error: Box::new(error),
        })
}

/// The bytes of a stream or file, which may be endless.
pub(crate) fn bytes_of(mut reader: impl Read) -> Result<Vec<u8>, ReadError> {
    /// Enough to detect the form.
    const FIRST: u64 = 1 << 12;
    let mut bytes = Vec::new();
    let mut take = |most, bytes: &mut Vec<u8>| {
        let taken = reader.by_ref().take(most).read_to_end(bytes);
        taken.map_err(ReadError::Io)
    };
    take(FIRST, &mut bytes)?;
    // Stop here if this cannot become a snapshot: the input may be endless, like `/dev/zero`.
    if !may_begin(&bytes) {
        return Ok(bytes);
    }
    take(bounds::BYTES + 1 - FIRST, &mut bytes)?;
    if bytes.len() as u64 > bounds::BYTES {
        return Err(ReadError::TooLarge {
            what: "bytes",
            limit: bounds::BYTES,
        });
    }
    Ok(bytes)
}

/// Whether the bytes begin like JSON or a `.lockprof` file.
fn may_begin(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    Decoder::is_ours(bytes)
        || first.is_none_or(|byte| byte.is_ascii_alphanumeric() || br#"{["-"#.contains(byte))
}
