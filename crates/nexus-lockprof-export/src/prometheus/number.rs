//! Values as text.

use std::fmt;

use crate::series::{NANOS_PER_SECOND, Value};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => whole(f, count),
            Self::Nanos(ns) => {
                let (seconds, mut part) = match u64::try_from(ns) {
                    Ok(ns) => ((ns / NANOS).into(), ns % NANOS),
                    Err(_) => (ns / NANOS_PER_SECOND, (ns % NANOS_PER_SECOND) as u64),
                };
                whole(f, seconds)?;
                if part == 0 {
                    return Ok(());
                }
                // As decimals, not through a float: sums over series must be right to the
                // nanosecond.
                let mut digits = 9;
                while part.is_multiple_of(10) {
                    part /= 10;
                    digits -= 1;
                }
                write!(f, ".{part:0digits$}")
            }
            Self::Error(ns) => write!(f, "{}", ns / NANOS_PER_SECOND as f64),
        }
    }
}

/// Nanoseconds of a second, as a word.
const NANOS: u64 = NANOS_PER_SECOND as u64;

/// Writes a whole number. Division by 10 is much faster for a single word.
fn whole(f: &mut fmt::Formatter<'_>, number: u128) -> fmt::Result {
    match u64::try_from(number) {
        Ok(number) => fmt::Display::fmt(&number, f),
        Err(_) => fmt::Display::fmt(&number, f),
    }
}

/// A bound as Prometheus itself writes it, so that it is the same label in all formats.
pub(super) fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    match scientific.split_once("e-") {
        Some((digits, exponent)) if exponent.parse().is_ok_and(|exponent: u32| exponent > 4) => {
            format!("{digits}e-{exponent:0>2}")
        }
        _ => format!("{number:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        for (number, text) in [
            (0.000_000_059_604_644_775_390_63, "5.960464477539063e-08"),
            (0.000_061_035_156_25, "6.103515625e-05"),
            (0.000_244_140_625, "0.000244140625"),
            (0.25, "0.25"),
            (1.0, "1.0"),
            (16.0, "16.0"),
        ] {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn seconds() {
        for (ns, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (1_500_000_000, "1.5"),
            (61_000_000_000, "61"),
            (u64::MAX.into(), "18446744073.709551615"),
            (u128::from(u64::MAX) * 2, "36893488147.41910323"),
        ] {
            assert_eq!(Value::Nanos(ns).to_string(), text);
        }
        assert_eq!(Value::Error(1.5e3).to_string(), "0.0000015");
        assert_eq!(Value::Count(7).to_string(), "7");
    }
}
