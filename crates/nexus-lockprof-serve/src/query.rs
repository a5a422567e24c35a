//! The parts of a request that select the kind of answer.

use std::time::Duration;

use http::header::{ACCEPT, HeaderMap};

/// Whether `Accept` names exactly this type, and does not refuse it with `q=0`.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    preference(headers, media_type) > 0.0
}

/// How much a client wants exactly this type, from 0 to 1.
pub(super) fn preference(headers: &HeaderMap, media_type: &str) -> f32 {
    let lines = headers.get_all(ACCEPT).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let named = parts.next().unwrap_or_default();
            let is_it = named.eq_ignore_ascii_case(media_type);
            is_it.then(|| parts.find_map(quality).unwrap_or(1.0))
        })
        .fold(0.0, f32::max)
}

/// The number of `q=`.
fn quality(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    let is_quality = name.trim().eq_ignore_ascii_case("q");
    is_quality.then(|| value.trim().parse().ok()).flatten()
}

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
    fn a_type_is_named_or_not() {
        for (accept, named) in [
            (&["a/b"][..], true),
            (&["A/B"], true),
            (&["text/html, a/b;q=0.5, */*"], true),
            (&["text/html", "a/b"], true),
            (&["a/b; version=1.0.0; charset=utf-8"], true),
            (&["*/*"], false),
            (&["a/*"], false),
            (&["a/bc"], false),
            (&["a/b;q=0"], false),
            (&["a/b; Q=0.000"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in accept {
                headers.append(ACCEPT, line.parse().unwrap());
            }
            assert_eq!(accepts(&headers, "a/b"), named, "{accept:?}");
        }
    }

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
