//! Snapshots as JSON text: [`Snapshot::to_json`], [`Snapshot::from_json`] and their relatives.
//!
//! This is a feature, because serde_json implements std traits for std types with types of its own.
//! That can change type inference in a program, so it must not be in what `cargo lockprof` puts
//! into every program.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;

use crate::document::{FORMAT, SCHEMA};
use crate::head::Document;
use crate::{Point, ReadError, Snapshot, WriteError, bounds, read, replace_file, text, write};

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

/// The envelope: enough to identify the document, whatever else it contains.
#[derive(Deserialize)]
struct Envelope {
    format: Option<Value>,
    schema: Option<Value>,
}

impl Snapshot {
    /// The snapshot as one line of JSON, beginning with `{"format":"lockprof-snapshot","schema":2`.
    /// Equal snapshots make equal text.
    ///
    /// Times and counts are whole numbers up to 2⁶⁴. A reader that stores numbers as doubles rounds
    /// those above 2⁵³.
    ///
    /// # Errors
    ///
    /// [`WriteError::Value`] for a hand-made snapshot with a number that no reader would accept.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// let json = snapshot.to_json()?;
    /// assert!(json.starts_with(r#"{"format":"lockprof-snapshot","schema":2,"#));
    /// assert_eq!(Snapshot::from_json(&json)?, snapshot);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_json(&self) -> Result<String, WriteError> {
        Ok(serde_json::to_string(self)?)
    }

    /// The same, indented for human readers.
    ///
    /// # Errors
    ///
    /// Those of [`to_json`](Self::to_json).
    pub fn to_json_pretty(&self) -> Result<String, WriteError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Writes what [`to_json`](Self::to_json) returns, in many small pieces. Use a buffered writer,
    /// and flush it afterwards.
    ///
    /// # Errors
    ///
    /// Those of [`to_json`](Self::to_json), and [`WriteError::Io`].
    pub fn write_json(&self, writer: impl Write) -> Result<(), WriteError> {
        Ok(serde_json::to_writer(writer, self)?)
    }

    /// Writes the snapshot to a file as one line, with [`replace_file`]: a reader of `path` sees
    /// either the whole old file or the whole new one.
    ///
    /// # Errors
    ///
    /// [`WriteError::File`], which names `path` and the error.
    pub fn write_json_file(&self, path: impl AsRef<Path>) -> Result<(), WriteError> {
        let path = path.as_ref();
        write::in_file(path, || replace_file(path, |file| self.write_line(file)))
    }

    fn write_line(&self, file: &File) -> Result<(), WriteError> {
        let mut writer = BufWriter::new(file);
        self.write_json(&mut writer)?;
        writer.write_all(b"\n").map_err(WriteError::Io)?;
        writer.flush().map_err(WriteError::Io)
    }

    /// Reads what [`to_json`](Self::to_json) wrote, in this version or an earlier one.
    ///
    /// # Errors
    ///
    /// Any [`ReadError`] except [`Io`](ReadError::Io) and [`File`](ReadError::File). It says what
    /// is wrong, and where.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{ReadError, Snapshot};
    ///
    /// let newer = r#"{"format": "lockprof-snapshot", "schema": 9}"#;
    /// let error = Snapshot::from_json(newer).unwrap_err();
    /// assert!(matches!(error, ReadError::NewerSchema { found: 9, supported: 2 }));
    ///
    /// let error = Snapshot::from_json(r#"{"format": "lockp"#).unwrap_err();
    /// assert!(matches!(error, ReadError::Truncated { line: 1, column: 17, .. }));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        check_envelope(text)?;
        let document: Document<'_, Vec<Point>> = text::sharing(|| parse(text))?;
        for (what, count, limit) in [
            ("points", document.points.len(), bounds::POINTS),
            ("edges", document.edges.len(), bounds::EDGES),
        ] {
            if count as u64 > limit {
                return Err(ReadError::TooLarge { what, limit });
            }
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
    /// Those of [`from_json`](Self::from_json), and [`ReadError::NotUtf8`].
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

    /// Reads a snapshot from a stream, up to its end.
    ///
    /// # Errors
    ///
    /// Those of [`from_json_slice`](Self::from_json_slice), and [`ReadError::Io`].
    pub fn from_json_reader(reader: impl Read) -> Result<Self, ReadError> {
        Self::from_json_slice(&read::bytes_of(reader)?)
    }

    /// Reads a snapshot from a JSON file.
    ///
    /// # Errors
    ///
    /// [`ReadError::File`], which names the file and the error.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::Snapshot;
    ///
    /// let error = Snapshot::read_json_file("no/such/file.json").unwrap_err();
    /// assert!(error.to_string().starts_with("no/such/file.json: "));
    /// ```
    pub fn read_json_file(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        read::in_file(path.as_ref(), Self::from_json_slice)
    }
}

/// Checks the document's format and schema. Passes only [`FORMAT`] in a schema that we read.
fn check_envelope(text: &str) -> Result<(), ReadError> {
    // serde would also accept an array for a struct.
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
        // serde_json calls a number that ends after its `e` invalid, not cut off.
        let is_cut = message == "invalid number" && text.ends_with(['e', 'E', '+', '-', '.']);
        let category = match error.classify() {
            Category::Syntax if is_cut => Category::Eof,
            category => category,
        };
        match category {
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
            // Io cannot happen with a string.
            Category::Syntax | Category::Io => ReadError::Syntax {
                line,
                column,
                message,
            },
        }
    })
}
