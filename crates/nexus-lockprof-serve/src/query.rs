//! The queries that select what an answer covers.

use std::time::Duration;

/// The `seconds` of a query; `None` without one, or for 0. More than `most` is an error.
pub(super) fn seconds(query: Option<&str>, most: Duration) -> Result<Option<Duration>, String> {
    let query = query.unwrap_or_default().as_bytes();
    let Some((_, value)) = form_urlencoded::parse(query).find(|(name, _)| name == "seconds") else {
        return Ok(None);
    };
    let seconds = value
        .parse()
        .map_err(|_| format!("seconds={value:?} is not a whole number of seconds"))?;
    let time = Duration::from_secs(seconds);
    if time > most {
        return Err(format!(
            "seconds={seconds} is more than {}",
            most.as_secs_f64()
        ));
    }
    Ok((!time.is_zero()).then_some(time))
}

/// How a client wants the interval of the series that it names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `interval=NAME`: the interval alone.
    Interval(String),
    /// `recent=NAME`: all, with samples of the interval.
    Recent(String),
}

/// The `interval` or `recent` of a query; `None` without either.
pub(super) fn series(query: Option<&str>) -> Result<Option<Wanted>, String> {
    const LONGEST: usize = 64;
    let (mut wanted, mut seconds) = (None, false);
    for (key, name) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let one = match &*key {
            "interval" => Wanted::Interval(name.to_string()),
            "recent" => Wanted::Recent(name.to_string()),
            other => {
                seconds |= other == "seconds";
                continue;
            }
        };
        if name.is_empty() || name.len() > LONGEST {
            return Err(format!(
                "{key}={name:?} is not a name of 1 to {LONGEST} bytes"
            ));
        }
        if wanted.replace(one).is_some() {
            return Err(ONE_OF_THEM.to_owned());
        }
    }
    if seconds && wanted.is_some() {
        return Err(ONE_OF_THEM.to_owned());
    }
    Ok(wanted)
}

const ONE_OF_THEM: &str = "only one of seconds, interval and recent has a meaning";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_a_name() {
        let long = format!("interval={}", "a".repeat(65));
        let too_long = format!("{long:?} is not").replace("interval=", "");
        for (query, expected) in [
            (None, Ok(None)),
            (Some("a=b&seconds=3"), Ok(None)),
            (
                Some("interval=a%20b"),
                Ok(Some(Wanted::Interval("a b".into()))),
            ),
            (Some("x&recent=top"), Ok(Some(Wanted::Recent("top".into())))),
            (
                Some("recent"),
                Err(r#"recent="" is not a name of 1 to 64 bytes"#),
            ),
            (
                Some(&*long),
                Err(&*format!("interval={too_long} a name of 1 to 64 bytes")),
            ),
            (Some("interval=a&recent=a"), Err(ONE_OF_THEM)),
            (Some("seconds=1&interval=a"), Err(ONE_OF_THEM)),
        ] {
            assert_eq!(series(query), expected.map_err(str::to_owned), "{query:?}");
        }
    }

    #[test]
    fn seconds_are_bounded() {
        let most = Duration::from_secs(60);
        for (query, expected) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("debug=1"), Ok(None)),
            (Some("seconds=0"), Ok(None)),
            (Some("debug=0&seconds=7"), Ok(Some(7))),
            (Some("seconds=60"), Ok(Some(60))),
            (Some("seconds=61"), Err("seconds=61 is more than 60")),
            (
                Some("seconds=18446744073709551615"),
                Err("seconds=18446744073709551615 is more than 60"),
            ),
            (
                Some("seconds=-1"),
                Err(r#"seconds="-1" is not a whole number of seconds"#),
            ),
            (
                Some("seconds=1.5"),
                Err(r#"seconds="1.5" is not a whole number of seconds"#),
            ),
            (
                Some("seconds"),
                Err(r#"seconds="" is not a whole number of seconds"#),
            ),
            (
                Some("seconds=%0A"),
                Err(r#"seconds="\n" is not a whole number of seconds"#),
            ),
        ] {
            let expected = expected
                .map(|s| s.map(Duration::from_secs))
                .map_err(str::to_owned);
            assert_eq!(seconds(query, most), expected, "{query:?}");
        }
    }
}
