//! Parses the values of options.

use clap::builder::RangedU64ValueParser;
use nexus_lockprof_snapshot::parse_duration;
use std::time::Duration;

/// Parses a number of rows or columns.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Parses a time: a number of seconds, or a number with ms, s or m.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(86_400);
    let time = parse_duration(text).or_else(|| parse_duration(&format!("{text}s")));
    match time {
        Some(time) if time > Duration::ZERO && time <= LONGEST => Ok(time),
        _ => Err("expected a number of seconds above 0, at most 86400".to_owned()),
    }
}

/// Parses an option's share in percent: `2%` and `2` are 0.02.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent >= 0.0 => Ok(percent / 100.0),
        _ => Err("expected a percentage, such as 10%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_and_seconds() {
        assert_eq!(percent("25%"), Ok(0.25));
        assert_eq!(percent("0"), Ok(0.0));
        for bad in ["", "%", "-1", "NaN", "inf", "ten"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(seconds("10s"), Ok(Duration::from_secs(10)));
        for bad in ["", "0", "-1", "86401", "NaN", "1h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
