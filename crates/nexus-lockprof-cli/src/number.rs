//! Formats numbers with three significant digits and a unit.

/// A time in nanoseconds.
pub(crate) fn duration(ns: f64) -> String {
    scaled(ns, &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")])
}

/// A count.
pub(crate) fn count(n: f64) -> String {
    scaled(
        n,
        &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")],
    )
}

/// A share, in percent.
pub(crate) fn percent(share: f64) -> String {
    format!("{}%", digits(100.0 * share))
}

/// A configured share, in percent, with all its digits.
pub(crate) fn setting(share: f64) -> String {
    // Through f32, so that 0.07 * 100 shows as 7 and not as 7.000000000000001.
    format!("{}%", (100.0 * share) as f32)
}

/// In the largest of `units` that fits at least once.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let mut best = String::new();
    for (index, &(size, unit)) in units.iter().enumerate() {
        let scaled = value / size;
        // A value that rounds to a thousand takes the next unit.
        if index > 0 && scaled.abs() < 0.9995 {
            break;
        }
        best = format!("{}{unit}", digits(scaled));
    }
    best
}

/// Three significant digits, but all digits before the point. A whole number below a thousand gets
/// no decimals.
fn digits(value: f64) -> String {
    let size = value.abs();
    if size < 1e3 && value.fract() == 0.0 {
        return format!("{}", value + 0.0); // no -0
    }
    let decimals = match size {
        _ if size < 0.005 => return "<0.01".to_owned(),
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (ns, text) in [
            (0.0, "0ns"),
            (0.5, "0.50ns"),
            (999.0, "999ns"),
            (999.6, "1.00µs"),
            (1_234.0, "1.23µs"),
            (99_960.0, "100µs"),
            (5e9, "5s"),
            (123_456e9, "123456s"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
        assert_eq!(count(45_600.0), "45.6k");
        assert_eq!(count(7.0), "7");
        assert_eq!(percent(0.123), "12.3%");
        assert_eq!(setting(0.001), "0.1%");
        assert_eq!(setting(0.07), "7%");
        assert_eq!(percent(0.00001), "<0.01%");
    }
}
