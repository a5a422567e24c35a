//! Numbers for people: three significant digits and a unit.
//!
//! ```
//! use nexus_lockprof_snapshot::unit;
//!
//! assert_eq!(unit::duration(1_234_567), "1.23ms");
//! assert_eq!(unit::count(45_600), "45.6k");
//! assert_eq!(unit::percent(25, 1_000), "2.5%");
//! assert_eq!(unit::threads(2.714), "2.71");
//! ```

/// A duration of `ns` nanoseconds in `ns`, `µs`, `ms` or `s`. From 1000 s on, in whole seconds.
#[must_use]
pub fn duration(ns: u64) -> String {
    let scaled = scale(ns, &["ns", "µs", "ms", "s"]);
    scaled.unwrap_or_else(|| format!("{}s", ns.saturating_add(NS_PER_S / 2) / NS_PER_S))
}

/// A count, plain or in `k`, `M`, `G`, `T`, `P` or `E`.
#[must_use]
pub fn count(n: u64) -> String {
    let scaled = scale(n, &["", "k", "M", "G", "T", "P", "E"]);
    scaled.unwrap_or_else(|| n.to_string())
}

/// `part` of `whole` in percent, with at most one decimal. Only nothing is 0 %, and only all is 100
/// %.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    let of_all = 100.0 * part as f64 / whole as f64;
    match part < whole && of_all >= 99.5 {
        true => ">99%".to_owned(),
        false => share(part as f64 / whole as f64),
    }
}

/// A share in percent, with at most one decimal. Only nothing is 0 %.
#[must_use]
pub fn share(share: f64) -> String {
    let percent = 100.0 * share;
    if percent == 0.0 {
        "0%".to_owned()
    } else if percent < 0.1 {
        "<0.1%".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
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

/// How many threads do something on average, such as waiting: with two decimals below 10, with one
/// below 100. Only nothing is 0.
#[must_use]
pub fn threads(threads: f64) -> String {
    if threads == 0.0 {
        "0".to_owned()
    } else if threads < 0.01 {
        "<0.01".to_owned()
    } else if threads < 9.995 {
        format!("{threads:.2}")
    } else if threads < 99.95 {
        format!("{threads:.1}")
    } else {
        format!("{threads:.0}")
    }
}

const NS_PER_S: u64 = 1_000_000_000;

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
        ] {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
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

    #[test]
    fn threads_that_wait() {
        for (share, text) in [
            (0.0, "0"),
            (0.009_9, "<0.01"),
            (0.01, "0.01"),
            (2.714, "2.71"),
            (9.994, "9.99"),
            (9.995, "10.0"),
            (99.94, "99.9"),
            (99.95, "100"),
        ] {
            assert_eq!(threads(share), text, "{share}");
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
