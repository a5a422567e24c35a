//! The parts of a request that say what kind of answer is wanted.

use std::time::Duration;

/// The `seconds` of a query, at most `most`: `None` if there is none, or it is 0.
pub(super) fn seconds(query: Option<&str>, most: Duration) -> Result<Option<Duration>, String> {
    let query = query.unwrap_or_default().as_bytes();
    let Some((_, value)) = form_urlencoded::parse(query).find(|(name, _)| name == "seconds") else {
        return Ok(None);
    };
    let seconds = value
        .parse()
        .map_err(|_| format!("seconds={value:?} is not a whole number of seconds"))?;
    let time = Duration::from_secs(seconds).min(most);
    Ok((!time.is_zero()).then_some(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_bounded() {
        let most = Duration::from_secs(60);
        for (query, expected) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("debug=1"), Ok(None)),
            (Some("seconds=0"), Ok(None)),
            (Some("debug=0&seconds=7"), Ok(Some(7))),
            (Some("seconds=61"), Ok(Some(60))),
            (Some("seconds=18446744073709551615"), Ok(Some(60))),
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
