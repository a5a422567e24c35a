//! Parsing marker lines: the text form of events.

use std::str::FromStr;

use thiserror::Error;

use crate::logfmt::Fields;

/// Why a line is not an event's marker line. Returned by the [`FromStr`] of
/// [`HotLine`](crate::HotLine) and [`SlowLine`](crate::SlowLine).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseEventError {
    /// It does not begin with the event's name and a space.
    #[error("not a {event} line")]
    NotThis {
        /// The event's name.
        event: &'static str,
    },
    /// The rest is not `key=value`, or a quote or an escape is wrong.
    #[error("malformed field at byte {at}")]
    Malformed {
        /// Offset in the line, in bytes from 0.
        at: usize,
    },
    /// A field is missing.
    #[error("no field {key}")]
    Missing {
        /// The field.
        key: &'static str,
    },
    /// A field occurs twice.
    #[error("field {key} is there twice")]
    Repeated {
        /// The field.
        key: &'static str,
    },
    /// A field has an invalid value.
    #[error("field {key} cannot be {value:?}")]
    BadValue {
        /// The field.
        key: &'static str,
        /// Its value, unquoted.
        value: String,
    },
}

/// The values of these fields in the line of `event`. Skips fields that are not asked for.
pub(crate) fn fields<const N: usize>(
    event: &'static str,
    line: &str,
    keys: [&'static str; N],
) -> Result<[Option<String>; N], ParseEventError> {
    let line = line.trim_end_matches(['\n', '\r']);
    let has_fields = |rest: &str| rest.starts_with(' ');
    if !line.strip_prefix(event).is_some_and(has_fields) {
        return Err(ParseEventError::NotThis { event });
    }
    let mut values = [const { None }; N];
    for field in Fields::new(line, event.len() + 1) {
        let (key, value) = field.map_err(|at| ParseEventError::Malformed { at })?;
        for (known, slot) in keys.into_iter().zip(&mut values) {
            if known == key && slot.replace(value.clone()).is_some() {
                return Err(ParseEventError::Repeated { key: known });
            }
        }
    }
    Ok(values)
}

/// Reads a value that must be there.
pub(crate) fn required<T>(
    key: &'static str,
    value: Option<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, ParseEventError> {
    let value = value.ok_or(ParseEventError::Missing { key })?;
    read(&value).ok_or(ParseEventError::BadValue { key, value })
}

/// Reads a value that may be missing.
pub(crate) fn optional<T>(
    key: &'static str,
    value: Option<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, ParseEventError> {
    let Some(value) = value else { return Ok(None) };
    required(key, Some(value), read).map(Some)
}

/// Parses `FILE:LINE`.
pub(crate) fn site(site: &str) -> Option<(String, u32)> {
    let (file, line) = site.rsplit_once(':')?;
    Some((file.to_owned(), number(line)?))
}

/// Parses a decimal number without a sign; `str::parse` alone would accept a `+`.
pub(crate) fn number<N: FromStr>(digits: &str) -> Option<N> {
    let decimal = digits.bytes().all(|b| b.is_ascii_digit());
    decimal.then(|| digits.parse().ok()).flatten()
}
