//! Output to a terminal: nothing in it controls the terminal except our own colours.
//!
//! Names come from programs, files and endpoints, which may belong to another user. Code that puts
//! a name into a line makes it [printable](nexus_lockprof_snapshot::printable). All output also
//! goes through here, in case somebody forgot that.

use nexus_lockprof_snapshot::{is_printable, printable};
use std::fmt;
use std::io::{self, Write};

/// Lines to read, which may contain our colours.
pub(crate) struct Shown<W> {
    to: W,
    line: String,
}

impl<W: Write> Shown<W> {
    pub(crate) fn new(to: W) -> Self {
        Self {
            to,
            line: String::new(),
        }
    }

    /// Writes `text` and a line end.
    pub(crate) fn line(mut self, text: &dyn fmt::Display) -> io::Result<()> {
        use fmt::Write;
        let mut failed = None;
        if writeln!(Lines(&mut self, &mut failed), "{text}").is_err() {
            return Err(failed.unwrap_or_else(|| io::Error::other("it cannot be displayed")));
        }
        self.to.flush()
    }
}

/// Receives a displayed text.
struct Lines<'a, W>(&'a mut Shown<W>, &'a mut Option<io::Error>);

impl<W: Write> fmt::Write for Lines<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Self(shown, failed) = self;
        for part in text.split_inclusive('\n') {
            shown.line.push_str(part);
            // A colour never spans lines, so each is complete.
            if let Some(line) = shown.line.strip_suffix('\n') {
                let written = write_styled(&mut shown.to, line);
                let written = written.and_then(|()| shown.to.write_all(b"\n"));
                shown.line.clear();
                if let Err(error) = written {
                    **failed = Some(error);
                    return Err(fmt::Error);
                }
            }
        }
        Ok(())
    }
}

fn write_styled(to: &mut impl Write, line: &str) -> io::Result<()> {
    for (index, part) in line.split('\u{1b}').enumerate() {
        let rest = match (index, style(part)) {
            (0, _) => part,
            (_, Some(style)) => {
                let (style, rest) = part.split_at(style);
                write!(to, "\u{1b}{style}")?;
                rest
            }
            (_, None) => {
                write!(to, "\\u{{1b}}")?;
                part
            }
        };
        to.write_all(printable(rest).as_bytes())?;
    }
    Ok(())
}

/// The length of a colour or another style, without its ESC: `[1m`.
fn style(text: &str) -> Option<usize> {
    let codes = text.strip_prefix('[')?;
    let end = codes.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    codes.get(end..)?.starts_with('m').then_some(end + 2)
}

/// Machine-readable output that goes to a terminal anyway. Control characters are escaped as in
/// JSON, so JSON keeps its meaning.
pub(crate) struct Escaped<W>(pub(crate) W);

impl<W: Write> Write for Escaped<W> {
    /// Takes whole characters, because each piece is a text.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        for text in piece.utf8_chunks() {
            for part in text.valid().split_inclusive(|c| !is_safe(c)) {
                match part.chars().next_back().filter(|&c| !is_safe(c)) {
                    None => self.0.write_all(part.as_bytes())?,
                    Some(c) => {
                        let good = part.len() - c.len_utf8();
                        self.0
                            .write_all(part.as_bytes().get(..good).unwrap_or_default())?;
                        for unit in c.encode_utf16(&mut [0; 2]) {
                            write!(self.0, "\\u{unit:04x}")?;
                        }
                    }
                }
            }
            for byte in text.invalid() {
                write!(self.0, "\\x{byte:02x}")?;
            }
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// CSV's lines end in CR LF.
fn is_safe(c: char) -> bool {
    is_printable(c) || matches!(c, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        Shown::new(&mut out).line(&text).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_colours_pass() {
        for (text, expected) in [
            ("a\nb", "a\nb\n"),
            ("\u{1b}[1mbold\u{1b}[0m", "\u{1b}[1mbold\u{1b}[0m\n"),
            ("\u{1b}[38;5;3mx", "\u{1b}[38;5;3mx\n"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}\n"),
            (
                "\u{1b}[2J\u{1b}[?25lx\u{1b}",
                "\\u{1b}[2J\\u{1b}[?25lx\\u{1b}\n",
            ),
            ("\u{1b}\u{1b}[1m\u{9b}1m", "\\u{1b}\u{1b}[1m\\u{9b}1m\n"),
            ("a\rb\u{202e}c\u{200b}", "a\\rb\\u{202e}c\\u{200b}\n"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn json_means_the_same() {
        let hostile = "a\u{9b}31m\u{202e}b\u{e0041}\u{200d}\u{1b}é日";
        let json = serde_json::to_string(hostile).unwrap();
        let mut out = Vec::new();
        Escaped(&mut out).write_all(json.as_bytes()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.chars().all(is_printable), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
