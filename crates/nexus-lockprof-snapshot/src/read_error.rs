//! Explains why a file could not be read: [`ReadError`].

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::binary::Malformed;
use crate::printable_message;

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
