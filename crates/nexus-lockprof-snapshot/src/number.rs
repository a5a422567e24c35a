//! Numbers for people: three significant digits and a unit.

use crate::Durations;

/// A duration of `ns` nanoseconds in `ns`, `µs`, `ms` or `s`. From 1000 s on, in whole seconds.
#[must_use]
pub fn duration(ns: u64) -> String {
    let scaled = scale(ns, &["ns", "µs", "ms", "s"]);
    scaled.unwrap_or_else(|| format!("{}s", ns.saturating_add(NS_PER_S / 2) / NS_PER_S))
}

/// How long something has been there: `4.20s`, `1m 05s`, `3h 07m`, `2d 04h`.
#[must_use]
pub fn age(ns: u64) -> String {
    let seconds = ns / NS_PER_S;
    match seconds {
        0..60 => duration(ns),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// The sum of counts or times; saturates at [`u64::MAX`]. A file may claim more than fits.
///
/// ```
/// use nexus_lockprof_snapshot::number::sum;
///
/// assert_eq!(sum([1, 2]), 3);
/// assert_eq!(sum([1, u64::MAX]), u64::MAX);
/// ```
#[must_use]
pub fn sum(figures: impl IntoIterator<Item = u64>) -> u64 {
    figures.into_iter().fold(0, u64::saturating_add)
}

/// A count, plain or in `k`, `M`, `G`, `T`, `P` or `E`.
#[must_use]
pub fn count(n: u64) -> String {
    let scaled = scale(n, &["", "k", "M", "G", "T", "P", "E"]);
    scaled.unwrap_or_else(|| n.to_string())
}

/// A count and its noun: `1 point`, `45.6k points`.
#[must_use]
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A count a second, not negative.
#[must_use]
pub fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        rate if rate < 0.095 => "<0.1".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}"),
        // Saturates.
        rate => count(rate.round() as u64),
    }
}

/// A number of threads on average.
#[must_use]
pub fn threads(threads: f64) -> String {
    match threads {
        0.0 => "0".to_owned(),
        threads if threads < 0.0005 => "<.001".to_owned(),
        threads if threads < 0.0995 => format!("{threads:.3}"),
        threads => three_digits(threads),
    }
}

/// `part` of `whole` in percent, with at most one decimal. Only nothing is 0 %, and only all is 100
/// %. `-` of nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let share = part as f64 / whole as f64;
    if whole == 0 {
        "-".to_owned()
    } else if part < whole && share >= 0.995 {
        ">99%".to_owned()
    } else {
        percent_of(share)
    }
}

/// A share in percent, with at most one decimal. Only nothing is 0 %.
#[must_use]
pub fn percent_of(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0%".to_owned(),
        percent if percent < 0.1 => "<0.1%".to_owned(),
        percent if percent < 9.95 => format!("{percent:.1}%"),
        percent => format!("{percent:.0}%"),
    }
}

/// A share in percent with three digits, to be compared with another one.
#[must_use]
pub fn share(share: f64) -> String {
    match 100.0 * share {
        0.0 => "0%".to_owned(),
        percent if percent < 0.005 => "<0.01%".to_owned(),
        percent => format!("{}%", three_digits(percent)),
    }
}

/// A share that somebody has set, in percent with all its digits.
#[must_use]
pub fn setting(share: f64) -> String {
    // Through f32, so that 0.07 * 100 shows as 7 and not as 7.000000000000001.
    format!("{}%", (100.0 * share) as f32)
}

/// A percentile of `durations`: `-` without one, and with a `~` if it is estimated.
#[must_use]
pub fn quantile(durations: &Durations, q: f64) -> String {
    match durations.quantile(q) {
        None => "-".to_owned(),
        Some(ns) => estimated(ns, durations.is_estimate()),
    }
}

/// A duration, with a `~` if it is estimated.
#[must_use]
pub fn estimated(ns: u64, is_estimate: bool) -> String {
    let mark = if is_estimate { "~" } else { "" };
    format!("{mark}{}", duration(ns))
}

/// A share in whole percent.
#[must_use]
pub fn whole_percent(share: f64) -> String {
    format!("{:.0}%", 100.0 * share)
}

/// A relative error. Above 100 %, it says only that.
#[must_use]
pub fn error(share: f64) -> String {
    if share <= 1.0 {
        whole_percent(share)
    } else {
        ">100%".to_owned()
    }
}

const NS_PER_S: u64 = 1_000_000_000;

/// A number above 0 with three digits, or more before the point.
fn three_digits(value: f64) -> String {
    let decimals = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// Scales `n` to the first of `units` in which it has at most three digits before the point; each
/// unit is a thousand of the previous one. `None` if there is no such unit. Rounds half up.
fn scale(n: u64, units: &[&str]) -> Option<String> {
    let (first, larger) = units.split_first()?;
    if n < 1_000 {
        return Some(format!("{n}{first}"));
    }
    let mut size: u128 = 1;
    for unit in larger {
        size *= 1_000;
        // Two, one or no decimals: the next choice if rounding makes a fourth digit.
        for decimals in [2, 1, 0] {
            let tens = 10_u128.pow(decimals);
            let digits = (u128::from(n) * tens + size / 2) / size;
            if digits < 1_000 {
                let (whole, part) = (digits / tens, digits % tens);
                return Some(match decimals {
                    0 => format!("{whole}{unit}"),
                    _ => format!("{whole}.{part:0width$}{unit}", width = decimals as usize),
                });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (ns, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.00µs"),
            (1_004, "1.00µs"),
            (1_005, "1.01µs"),
            (9_994, "9.99µs"),
            (9_995, "10.0µs"),
            (99_949, "99.9µs"),
            (99_950, "100µs"),
            (999_499, "999µs"),
            (999_500, "1.00ms"),
            (1_234_567, "1.23ms"),
            (59_000_000_000, "59.0s"),
            (999_499_999_999, "999s"),
            (999_500_000_000, "1000s"),
            (12_345_678_901_234, "12346s"),
            (u64::MAX, "18446744073s"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
    }

    #[test]
    fn counts() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.00k"),
            (45_600, "45.6k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (7_890_000_000, "7.89G"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(n), text, "{n}");
        }
    }

    #[test]
    fn percents() {
        for (part, whole, text) in [
            (0, 1_000, "0%"),
            (1, 1_000_000, "<0.1%"),
            (1, 1_000, "0.1%"),
            (25, 1_000, "2.5%"),
            (99, 1_000, "9.9%"),
            (999, 10_000, "10%"),
            (994, 1_000, "99%"),
            (999, 1_000, ">99%"),
            (1_000, 1_000, "100%"),
            (3, 2, "150%"),
            (3, 0, "-"),
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn shares() {
        for (number, text) in [
            (0.0, "0%"),
            (0.000_01, "<0.01%"),
            (0.000_54, "0.05%"),
            (0.02, "2.00%"),
            (0.1, "10.0%"),
            (0.1234, "12.3%"),
            (1.0, "100%"),
            (12.345, "1234%"),
        ] {
            assert_eq!(share(number), text, "{number}");
        }
        assert_eq!(setting(0.001), "0.1%");
        assert_eq!(setting(0.07), "7%");
    }

    #[test]
    fn numbers_of_threads() {
        for (number, text) in [
            (0.0, "0"),
            (0.0001, "<.001"),
            (0.0005, "0.001"),
            (0.0123, "0.012"),
            (0.0994, "0.099"),
            (0.0996, "0.10"),
            (2.714, "2.71"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (1234.0, "1234"),
        ] {
            assert_eq!(threads(number), text, "{number}");
        }
    }

    #[test]
    fn rates() {
        for (number, text) in [
            (0.0, "0"),
            (0.01, "<0.1"),
            (0.5, "0.5"),
            (9.94, "9.9"),
            (9.96, "10"),
            (1_230.4, "1.23k"),
            (f64::INFINITY, "18.4E"),
        ] {
            assert_eq!(rate(number), text, "{number}");
        }
    }

    #[test]
    fn ages() {
        for (seconds, text) in [
            (4, "4.00s"),
            (65, "1m 05s"),
            (3_600 * 3 + 7 * 60, "3h 07m"),
            (86_400 * 2 + 4 * 3_600, "2d 04h"),
        ] {
            assert_eq!(age(seconds * NS_PER_S), text, "{seconds}");
        }
    }

    #[test]
    fn errors() {
        for (share, text) in [
            (0.101, "10%"),
            (0.745, "74%"),
            (0.999, "100%"),
            (1.0, "100%"),
            (1.01, ">100%"),
            (f64::INFINITY, ">100%"),
        ] {
            assert_eq!(error(share), text, "{share}");
        }
    }

    /// No scaled duration and no count is wider than its column expects.
    #[test]
    fn at_most_three_digits() {
        let mut n: u64 = 1;
        while let Some(next) = n.checked_mul(3) {
            let digits = count(n).bytes().filter(u8::is_ascii_digit).count();
            assert!(digits <= 3, "{n}: {}", count(n));
            n = next;
        }
    }
}
