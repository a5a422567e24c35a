//! Reads files: [`Snapshot::from_bytes`] and its relatives.

use std::fs;
use std::io::Read;
use std::path::Path;

use crate::binary::{self, Decoder};
use crate::read_error::ReadError;
use crate::{Snapshot, bounds};

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
