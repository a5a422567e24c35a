//! Values as text.

use std::fmt;

use crate::series::{NANOS_PER_SECOND, Value};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Nanos(ns) => {
                write!(f, "{}", ns / NANOS_PER_SECOND)?;
                match ns % NANOS_PER_SECOND {
                    0 => Ok(()),
                    part => {
                        // As decimals, not through a float: sums over series must be right to the
                        // nanosecond.
                        let digits = format!("{part:09}");
                        write!(f, ".{}", digits.trim_end_matches('0'))
                    }
                }
            }
            Self::Error(ns) => write!(f, "{}", ns / NANOS_PER_SECOND as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
