//! `key=value key="a value"` lines. The rules are in
//! [`HotLine`](crate::HotLine#the-line-an-interface).

use std::fmt;

use crate::is_printable;

/// Writes a value, quoted if it could not be read back otherwise.
pub(crate) fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let must_quote = |c: char| c.is_whitespace() || !is_printable(c) || matches!(c, '"' | '=');
    if !value.is_empty() && !value.contains(must_quote) {
        return f.write_str(value);
    }
    f.write_str("\"")?;
    for c in value.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if is_printable(c) => write!(f, "{c}")?,
            // As in JSON: two units above U+FFFF.
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
        }
    }
    f.write_str("\"")
}

/// The fields of a line. A malformed line yields the byte offset as an error, which ends the
/// iteration.
pub(crate) struct Fields<'a> {
    line: &'a str,
    rest: &'a str,
}

impl<'a> Fields<'a> {
    /// The fields of `line` from byte `start`.
    pub(crate) fn new(line: &'a str, start: usize) -> Self {
        let rest = line.get(start..).unwrap_or_default();
        Self { line, rest }
    }

    fn next_field(&mut self) -> Option<(&'a str, String)> {
        let (key, value) = self.rest.split_once('=')?;
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || c == '"') {
            return None;
        }
        if let Some(quoted) = value.strip_prefix('"') {
            self.rest = quoted;
            let value = self.unquote()?;
            // A closing quote must precede a space or the end.
            if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                return None;
            }
            return Some((key, value));
        }
        let end = value.find(char::is_whitespace).unwrap_or(value.len());
        let (bare, rest) = value.split_at(end);
        self.rest = rest;
        (!bare.is_empty() && !bare.contains(['"', '='])).then(|| (key, bare.to_owned()))
    }

    /// Takes the rest of a quoted value and its closing quote.
    fn unquote(&mut self) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.chars();
        loop {
            match chars.next()? {
                '"' => {
                    self.rest = chars.as_str();
                    return Some(value);
                }
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    same @ ('"' | '\\') => same,
                    'u' => {
                        let first = unit(&mut chars)?;
                        let mut units = vec![first];
                        // A high surrogate: the first of two units.
                        if (0xD800..0xDC00).contains(&first) {
                            chars = chars.as_str().strip_prefix("\\u")?.chars();
                            units.push(unit(&mut chars)?);
                        }
                        let decoded: Result<Vec<char>, _> = char::decode_utf16(units).collect();
                        *decoded.ok()?.first()?
                    }
                    _ => return None,
                }),
                c => value.push(c),
            }
        }
    }
}

/// Takes the four hexadecimal digits of an escape.
fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let hex = chars.as_str().get(..4)?;
    let digits = hex.bytes().all(|b| b.is_ascii_hexdigit());
    *chars = chars.as_str().get(4..)?.chars();
    digits.then(|| u16::from_str_radix(hex, 16).ok())?
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(&'a str, String), usize>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches(' ');
        if self.rest.is_empty() {
            return None;
        }
        let at = self.line.len() - self.rest.len();
        let field = self.next_field().ok_or(at);
        if field.is_err() {
            self.rest = "";
        }
        Some(field)
    }
}
