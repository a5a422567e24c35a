//! The `Accept` header: which form of an answer a client wants most.

use http::header::{ACCEPT, HeaderMap};

/// A form of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// Prometheus' text.
    Text,
    OpenMetrics,
    /// Prometheus' messages, each after its length.
    Protobuf,
}

/// Whether `Accept` names exactly this type, and does not refuse it with `q=0`.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    quality(headers, |range| range.is(media_type)).is_some_and(|q| q > 0.0)
}

impl Format {
    /// The form that the client wants most. Of equals, it is the richer one. Only text is served to
    /// a wildcard such as `*/*`, and to a client that wants none of the forms.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let of = |format: Self| quality(headers, |range| format.is_named_by(range));
        let (protobuf, open) = (of(Self::Protobuf), of(Self::OpenMetrics));
        let text = of(Self::Text)
            .or_else(|| quality(headers, |range| range.is("text/*")))
            .or_else(|| quality(headers, |range| range.is("*/*")));
        let mut best = (0.0, Self::Text);
        for (q, format) in [
            (protobuf, Self::Protobuf),
            (open, Self::OpenMetrics),
            (text, Self::Text),
        ] {
            let q = q.unwrap_or(0.0);
            if q > best.0 {
                best = (q, format);
            }
        }
        best.1
    }

    /// Whether a range names this form. A parameter that it lacks may have any value.
    fn is_named_by(self, range: &Range<'_>) -> bool {
        let has = |name, values: &[&str]| {
            let value = range.parameter(name);
            value.is_none_or(|value| values.iter().any(|of| value.eq_ignore_ascii_case(of)))
        };
        match self {
            Self::Text => range.is("text/plain") && has("version", &["0.0.4"]),
            Self::OpenMetrics => {
                range.is("application/openmetrics-text") && has("version", &["0.0.1", "1.0.0"])
            }
            Self::Protobuf => {
                range.is("application/vnd.google.protobuf")
                    && has("proto", &["io.prometheus.client.MetricFamily"])
                    && has("encoding", &["delimited"])
            }
        }
    }
}

/// The largest quality, from 0 to 1, of the ranges that match; `None` if no range does.
fn quality(headers: &HeaderMap, matches: impl Fn(&Range<'_>) -> bool) -> Option<f32> {
    let lines = headers.get_all(ACCEPT).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| pieces(line, ','))
        .map(Range)
        .filter(matches)
        .map(|range| range.quality())
        .reduce(f32::max)
}

/// One range of types with its parameters: `text/plain; version=0.0.4; q=0.5`.
struct Range<'a>(&'a str);

impl<'a> Range<'a> {
    fn is(&self, media_type: &str) -> bool {
        let named = pieces(self.0, ';').next().unwrap_or_default();
        named.trim().eq_ignore_ascii_case(media_type)
    }

    /// The value of a parameter, without quotes.
    fn parameter(&self, name: &str) -> Option<&'a str> {
        pieces(self.0, ';').skip(1).find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            let is_it = key.trim().eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().trim_matches('"'))
        })
    }

    /// From 0 to 1; 1 without a `q`, and 0 if it is no such number.
    fn quality(&self) -> f32 {
        let Some(value) = self.parameter("q") else {
            return 1.0;
        };
        let q = value.parse().ok();
        q.filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0)
    }
}

/// The pieces between separators outside of quoted strings.
fn pieces(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '"' if !was_escaped => quoted = !quoted,
            '\\' if quoted => escaped = !was_escaped,
            _ => {}
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(ACCEPT, line.parse().unwrap());
        }
        headers
    }

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
            (&["a/b;q=x"], false),
            (&[r#"c/d;x=",a/b""#], false),
            (&[r#"c/d;x="\",a/b,", a/b"#], true),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(accepts(&headers(accept), "a/b"), named, "{accept:?}");
        }
    }

    #[test]
    fn the_form_of_metrics_that_is_wanted_most() {
        use Format::{OpenMetrics, Protobuf, Text};
        const PROTO: &str = "application/vnd.google.protobuf";
        const OPEN: &str = "application/openmetrics-text";
        let family = "proto=io.prometheus.client.MetricFamily";
        for (accept, expected) in [
            (String::new(), Text),
            ("*/*".into(), Text),
            ("text/html".into(), Text),
            (OPEN.into(), OpenMetrics),
            (PROTO.into(), Protobuf),
            // Equals: the richer one.
            (format!("{OPEN}, {PROTO}"), Protobuf),
            (format!("text/plain, {OPEN}"), OpenMetrics),
            // By quality, that of text too.
            (format!("{PROTO};q=0.4, {OPEN};q=0.5"), OpenMetrics),
            (format!("text/plain;q=0.6, {OPEN};q=0.5"), Text),
            (format!("text/plain, {PROTO};q=0.9"), Text),
            (format!("text/*;q=0.8, {OPEN};q=0.7"), Text),
            (format!("*/*;q=0.8, {OPEN};q=0.7"), Text),
            // The quality of a named type, not of the wildcard.
            (format!("text/plain;q=0.1, */*, {OPEN};q=0.2"), OpenMetrics),
            (format!("{OPEN};q=0, {PROTO};q=0"), Text),
            (format!("text/plain;q=0, {OPEN};q=0.1"), OpenMetrics),
            (format!("{OPEN};q=2, text/plain;q=0.1"), Text),
            // Forms of the same types that we do not write.
            (
                format!("{PROTO};{family};encoding=text, {OPEN};q=0.1"),
                OpenMetrics,
            ),
            (format!("{PROTO};encoding=compact-text"), Text),
            (format!("{PROTO};proto=other.Message"), Text),
            (format!("{PROTO};{family};encoding=\"delimited\""), Protobuf),
            (format!("{OPEN};version=2.0.0, text/plain;q=0.1"), Text),
            (format!("{OPEN};version=0.0.1"), OpenMetrics),
            (
                format!("text/plain;version=1.0.0, {OPEN};q=0.5"),
                OpenMetrics,
            ),
            // Prometheus 2 and 3, without and with native histograms.
            (
                format!(
                    "{OPEN};version=1.0.0;q=0.5,{OPEN};version=0.0.1;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
                ),
                OpenMetrics,
            ),
            (
                format!(
                    "{PROTO};{family};encoding=delimited;q=0.6,\
                     {OPEN};version=1.0.0;escaping=allow-utf-8;q=0.5,\
                     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
                ),
                Protobuf,
            ),
        ] {
            assert_eq!(Format::wanted(&headers(&[&accept])), expected, "{accept:?}");
        }
    }
}
