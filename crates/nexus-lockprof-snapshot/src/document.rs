//! The JSON document, schema 2: its content and form, for any of serde's formats. `json_text` turns
//! it into text.
//!
//! **Invariant:** every later version reads a document of schema N. A schema may gain fields that
//! have a default; any other change makes schema N + 1. `tests/golden/` keeps a file of each
//! schema.
//!
//! `utilisation`, `findings` and `rwlocks` are derived from the rest: they are written for readers
//! that do not compute them, and ignored when read.
//!
//! Schema 1 called `profiler_mode` `mode`, and `peek` `glance`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::head::Document;
use crate::point::Point;
use crate::rwlock;
use crate::snapshot::Snapshot;
use crate::text;
use crate::utilisation::Busy;

/// The value of `format` in each of our documents.
pub(crate) const FORMAT: &str = "lockprof-snapshot";

/// The schema that we write, and the newest that we read.
pub(crate) const SCHEMA: u32 = 2;

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = Document::new(FORMAT, SCHEMA, &self.head, &self.points, &self.edges);
        document.utilisation = Busy::of(self);
        document.findings = self.findings();
        document.rwlocks = rwlock::listed(self);
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document: Document<'_, Vec<Point>> =
            text::sharing(|| Document::deserialize(deserializer))?;
        Self::try_from(document).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Document<'_, Vec<Point>>> for Snapshot {
    type Error = String;

    fn try_from(document: Document<'_, Vec<Point>>) -> Result<Self, String> {
        let Document { format, schema, .. } = &document;
        if format != FORMAT || !(1..=SCHEMA).contains(schema) {
            return Err(format!(
                "format {format:?}, schema {schema}, where {FORMAT:?}, schema 1 to {SCHEMA} was expected"
            ));
        }
        let (head, points, edges) = document.into_head();
        let snapshot = Self::new(head, points, edges);
        match snapshot.merged() == 0 && snapshot.has_anything() {
            true => Err(FROM_NOTHING.to_owned()),
            false => Ok(snapshot),
        }
    }
}

/// The error for a non-empty snapshot that claims to be a merge of 0 others.
pub(crate) const FROM_NOTHING: &str = "a snapshot merged from 0 snapshots that is not empty";
