//! Files in: [`Snapshot::from_bytes`], [`Snapshot::from_json`] and their kin.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use crate::binary::{self, Decoder, Malformed};
use crate::json::{Document, FORMAT, SCHEMA};
use crate::{Snapshot, bounds, printable_message, text};

/// Why a snapshot could not be read. Lines and columns count from 1, columns in bytes.
///
/// What it quotes of a file, and the file's name, is [printable](crate::printable) in the text that it displays as.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Reading from a file or stream failed.
    #[error("{}", printable_message(.0))]
    Io(io::Error),
    /// The input is not UTF-8, so it is not JSON.
    #[error("not UTF-8 text at line {line} column {column}")]
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

/// The envelope: enough to tell whose document it is, whatever else is in it.
#[derive(Deserialize)]
struct Envelope {
    format: Option<Value>,
    schema: Option<Value>,
}

impl Snapshot {
    /// Reads what [`to_json`](Self::to_json) wrote, in this version or an earlier one.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] but [`Io`](ReadError::Io) and [`File`](ReadError::File): it says what is wrong, and where.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{ReadError, Snapshot};
    ///
    /// let newer = r#"{"format": "lockprof-snapshot", "schema": 9}"#;
    /// let error = Snapshot::from_json(newer).unwrap_err();
    /// assert!(matches!(error, ReadError::NewerSchema { found: 9, supported: 1 }));
    ///
    /// let error = Snapshot::from_json(r#"{"format": "lockp"#).unwrap_err();
    /// assert!(matches!(error, ReadError::Truncated { line: 1, column: 17, .. }));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        check_envelope(text)?;
        let document: Document = text::sharing(|| parse(text))?;
        if document.points() as u64 > bounds::POINTS {
            return Err(ReadError::TooLarge {
                what: "points",
                limit: bounds::POINTS,
            });
        }
        Self::try_from(document).map_err(|message| ReadError::Data {
            line: 1,
            column: 1,
            message,
        })
    }

    /// Reads a snapshot from bytes.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and [`ReadError::NotUtf8`].
    pub fn from_json_slice(bytes: &[u8]) -> Result<Self, ReadError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_json(text),
            Err(error) => {
                let (good, _) = bytes.split_at(error.valid_up_to());
                let line_start = good
                    .iter()
                    .rposition(|&b| b == b'\n')
                    .map_or(0, |at| at + 1);
                Err(ReadError::NotUtf8 {
                    line: 1 + good.iter().filter(|&&b| b == b'\n').count(),
                    column: 1 + good.len() - line_start,
                })
            }
        }
    }

    /// Reads a snapshot from a stream, to its end.
    ///
    /// # Errors
    ///
    /// As [`from_json_slice`](Self::from_json_slice), and [`ReadError::Io`].
    pub fn from_json_reader(reader: impl Read) -> Result<Self, ReadError> {
        Self::from_json_slice(&bytes_of(reader)?)
    }

    /// Reads a snapshot of any form from a stream, to its end: see [`from_bytes`](Self::from_bytes).
    ///
    /// # Errors
    ///
    /// As [`from_bytes`](Self::from_bytes), and [`ReadError::Io`].
    pub fn from_reader(reader: impl Read) -> Result<Self, ReadError> {
        Self::from_bytes(&bytes_of(reader)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) or [`to_json`](Self::to_json) wrote, in this version or an earlier one: the content says
    /// which it is.
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
    /// assert_eq!(Snapshot::from_bytes(snapshot.to_json()?.as_bytes())?, snapshot);
    ///
    /// let error = Snapshot::from_bytes(&bytes[..20]).unwrap_err();
    /// assert_eq!(error.to_string(), "truncated: it ends at byte 20 in the middle of a .lockprof file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReadError> {
        if Decoder::is_ours(bytes) {
            binary::snapshot(&Decoder::new(bytes)?)
        } else {
            Self::from_json_slice(bytes)
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

    /// Reads a snapshot from a file of JSON.
    ///
    /// # Errors
    ///
    /// [`ReadError::File`], which names the file and what is wrong with it.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Snapshot;
    ///
    /// let error = Snapshot::read_json_file("no/such/file.json").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/file.json: "));
    /// ```
    pub fn read_json_file(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        in_file(path.as_ref(), Self::from_json_slice)
    }
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
fn bytes_of(mut reader: impl Read) -> Result<Vec<u8>, ReadError> {
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

/// Whose document it is, and of which schema. Passes only [`FORMAT`] in a schema that is read.
fn check_envelope(text: &str) -> Result<(), ReadError> {
    // serde takes a struct's fields from an array too.
    if !text.trim_start().starts_with('{') {
        parse::<IgnoredAny>(text)?;
        return Err(ReadError::Foreign { found: None });
    }
    let Envelope { format, schema } = parse(text)?;
    if format.as_ref().and_then(Value::as_str) != Some(FORMAT) {
        let found = format.map(|other| other.to_string());
        return Err(ReadError::Foreign { found });
    }
    match schema.as_ref().and_then(Value::as_u64) {
        None | Some(0) => Err(ReadError::BadSchema {
            found: schema.map(|other| other.to_string()),
        }),
        Some(found) if found > u64::from(SCHEMA) => Err(ReadError::NewerSchema {
            found,
            supported: SCHEMA,
        }),
        Some(_) => Ok(()),
    }
}

fn parse<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let mut message = error.to_string();
        let place = format!(" at line {line} column {column}");
        if message.ends_with(&place) {
            message.truncate(message.len() - place.len());
        }
        match error.classify() {
            Category::Eof => ReadError::Truncated {
                line,
                column,
                message,
            },
            Category::Data => ReadError::Data {
                line,
                column,
                message,
            },
            // A string is no stream: there is no Io here.
            Category::Syntax | Category::Io => ReadError::Syntax {
                line,
                column,
                message,
            },
        }
    })
}
