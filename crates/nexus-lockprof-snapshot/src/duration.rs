//! Durations as people write them.

use std::time::Duration;

/// Reads a number with its unit, `ms`, `s` or `m`: `250ms`, `1.5s`, ` 2 m `. `None` if the text is
/// anything else, or negative.
///
/// ```
/// use nexus_lockprof_snapshot::parse_duration;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1_500)));
/// assert_eq!(parse_duration("1"), None);
/// ```
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    let number: f64 = number.trim_end().parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}
