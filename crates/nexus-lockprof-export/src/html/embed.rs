//! JSON inside HTML.

use std::fmt;
use std::io;

use nexus_lockprof_snapshot::Snapshot;

/// A snapshot's JSON, escaped so that neither HTML nor an old script parser reads any of it as
/// markup.
pub(super) struct Embedded<'a>(pub(super) &'a Snapshot);

impl fmt::Display for Embedded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A dry run: an error must show before the first byte is written.
        match self.0.write_json(io::sink()) {
            Ok(()) => self.0.write_json(Escaping(f)).map_err(|_| fmt::Error),
            // Write a page that states the error. A `Display` that fails would panic in
            // `to_string`.
            Err(error) => {
                let text = error.to_string().replace('\\', r"\\").replace('"', r#"\""#);
                f.write_str(r#"{"error":""#)?;
                escape(&text.replace(char::is_control, " "), f)?;
                f.write_str(r#""}"#)
            }
        }
    }
}

/// Writes JSON piece by piece, each of whole characters. A large snapshot is thus never in memory
/// as one text.
struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl io::Write for Escaping<'_, '_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(piece).map_err(io::Error::other)?;
        escape(text, self.0).map_err(io::Error::other)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes JSON and escapes these characters. They occur only in its strings, where an escape means
/// the same.
fn escape(json: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = json;
    while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let (before, from) = rest.split_at(at);
        f.write_str(before)?;
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            write!(f, "\\u{:04x}", u32::from(c))?;
        }
        rest = chars.as_str();
    }
    f.write_str(rest)
}
