//! Files in: [`Snapshot::from_bytes`] and its kin.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::binary::{self, Decoder, Malformed};
use crate::{Snapshot, bounds, printable_message};

/// Why a snapshot could not be read. Lines and columns count from 1, columns in bytes.
///
/// What it quotes of a file, and the file's name, is [printable](crate::printable) in the text that it displays as.
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
        /// What was being read.
        message: String,
    },
    /// The input is not JSON.
    #[error(
        "not valid JSON at line {line} column {column}: {}",
        printable_message(message)
    )]
    Syntax {
        /// Line of the mistake.
        line: usize,
        /// Column of the mistake.
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
    /// A `.lockprof` file with something in it that cannot be.
    #[error("damaged: at byte {offset} is {what}")]
    Damaged {
        /// Where it is, in bytes from the begin.
        offset: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A `.lockprof` file whose bytes were changed after it was written.
    #[error("damaged: its checksum is {found:08x}, and was {stored:08x} when it was written")]
    Checksum {
        /// The checksum in the file.
        stored: u32,
        /// That of its bytes.
        found: u32,
    },
    /// More than any snapshot is: it may have been made to be read at great cost.
    #[error("too large: it has more than {limit} {what}")]
    TooLarge {
        /// Of what there is too much: `bytes`, `points`, or `bytes, unfolded`, which is the size of what the file stands for.
        what: &'static str,
        /// How many may be there.
        limit: u64,
    },
    /// JSON, but not a snapshot of ours: there is no `"format":"lockprof-snapshot"`.
    #[error(
        "a foreign file: expected \"format\":\"lockprof-snapshot\", found {}",
        printable_message(.found.as_deref().unwrap_or("no format"))
    )]
    Foreign {
        /// The `format` it has instead, as JSON; `None` if it has none.
        found: Option<String>,
    },
    /// A snapshot whose schema is not a whole number from 1.
    #[error("not a schema version: {}", printable_message(.found.as_deref().unwrap_or("there is none")))]
    BadSchema {
        /// What is in its place, as JSON; `None` if nothing is.
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
        /// The newest schema that can be read.
        supported: u32,
    },
    /// A snapshot with a field that is missing, of the wrong kind, or out of range.
    #[error(
        "bad snapshot at line {line} column {column}: {}",
        printable_message(message)
    )]
    Data {
        /// Line of the mistake, or of the end of what holds it.
        line: usize,
        /// Column of the mistake, or of the end of what holds it.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Any of the above, of this file.
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
    /// Reads a snapshot of any form from a stream, to its end: see [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes), and [`ReadError::Io`].
    pub fn from_reader(reader: impl Read) -> Result<Self, ReadError> {
        Self::from_bytes(&bytes_of(reader)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) or, with the feature `json`, `to_json` wrote, in this version or an earlier one: the content
    /// says which it is.
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

    /// Reads a snapshot from a file of any form: see [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// [`ReadError::File`], which names the file and what is wrong with it.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        in_file(path.as_ref(), Self::from_bytes)
    }
}

/// What is no `.lockprof` file.
#[cfg(feature = "json")]
fn other(bytes: &[u8]) -> Result<Snapshot, ReadError> {
    Snapshot::from_json_slice(bytes)
}

/// Without the feature `json`, nothing else is read.
#[cfg(not(feature = "json"))]
fn other(_: &[u8]) -> Result<Snapshot, ReadError> {
    Err(ReadError::Foreign { found: None })
}

/// What `read` makes of the bytes of a file. The error names the file.
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

/// The bytes of a stream or file, which may have no end.
pub(crate) fn bytes_of(mut reader: impl Read) -> Result<Vec<u8>, ReadError> {
    /// Enough to see what it is.
    const FIRST: u64 = 1 << 12;
    let mut bytes = Vec::new();
    let mut take = |most, bytes: &mut Vec<u8>| {
        let taken = reader.by_ref().take(most).read_to_end(bytes);
        taken.map_err(ReadError::Io)
    };
    take(FIRST, &mut bytes)?;
    // What begins like this has no end that would make it a snapshot: `/dev/zero`, for one.
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

/// Whether it begins like JSON or a `.lockprof` file.
fn may_begin(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    Decoder::is_ours(bytes)
        || first.is_none_or(|byte| byte.is_ascii_alphanumeric() || br#"{["-"#.contains(byte))
}
