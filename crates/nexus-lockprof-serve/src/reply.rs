//! Answers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{
    AGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    DATE, HeaderName, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};

use super::client::{Client, End};

/// An answer to a client. Copies share its body.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, Cow<'static, str>)>,
    body: Arc<Vec<u8>>,
    closes: bool,
}

/// No other page may embed what is served, even if it cannot read it.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

impl Reply {
    /// 200 with a body.
    pub(super) fn content(media_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status: StatusCode::OK,
            headers: vec![
                (CONTENT_TYPE, media_type.into()),
                (X_CONTENT_TYPE_OPTIONS, "nosniff".into()),
                (CACHE_CONTROL, "no-store".into()),
                (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin".into()),
            ],
            body: Arc::new(body.into()),
            closes: false,
        }
    }

    /// 200 with a page, whose own policy limits what it fetches. A header must say that no other
    /// page may frame it.
    pub(super) fn page(html: String) -> Self {
        let mut reply = Reply::content("text/html; charset=utf-8", html);
        let policy = "frame-ancestors 'none'".into();
        reply.headers.push((CONTENT_SECURITY_POLICY, policy));
        reply
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Reply {
            status: StatusCode::NO_CONTENT,
            headers: Vec::new(),
            body: Arc::default(),
            closes: false,
        }
    }

    /// The same, given again this long after it was made.
    pub(super) fn of_age(&self, age: Duration) -> Self {
        let mut reply = self.clone();
        reply.headers.push((AGE, age.as_secs().to_string().into()));
        reply
    }

    #[cfg(test)]
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Seconds since it was made, if it is given again.
    #[cfg(test)]
    pub(super) fn age(&self) -> Option<u64> {
        let age = self.headers.iter().find(|(name, _)| *name == AGE);
        age.and_then(|(_, seconds)| seconds.parse().ok())
    }

    /// Whether it ends the connection.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    /// Sends it. After the `last` one the connection is closed.
    pub(super) fn send(&self, client: &Client<'_>, head_only: bool, last: bool) -> Result<(), End> {
        /// Up to this size, one piece is cheaper than two.
        const SMALL: usize = 8 * 1024;
        let mut head = format!("HTTP/1.1 {}\r\n", self.status);
        let mut line = |name: &HeaderName, value: &str| {
            head.extend([name.as_str(), ": ", value, "\r\n"]);
        };
        line(&DATE, &httpdate::fmt_http_date(SystemTime::now()));
        for (name, value) in &self.headers {
            line(name, value);
        }
        if self.status != StatusCode::NO_CONTENT {
            line(&CONTENT_LENGTH, &self.body.len().to_string());
        }
        if last {
            line(&CONNECTION, "close");
        }
        head += "\r\n";
        let mut head = head.into_bytes();
        let mut body = if head_only { &[] } else { &self.body[..] };
        if body.len() <= SMALL {
            head.extend_from_slice(std::mem::take(&mut body));
        }
        client.write(&head)?;
        client.write(body)
    }
}

/// Why a request has no answer, or another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused(Refusal),
    /// The connection is over.
    Closed(End),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        Failure::Closed(end)
    }
}

/// Why a request is refused, in one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// A header of the refusal: the allowed methods, or when to retry.
    header: Option<(HeaderName, Cow<'static, str>)>,
    closes: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: String) -> Self {
        Refusal {
            status,
            message,
            header: None,
            closes: false,
        }
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let message = format!("there is only {allow} here");
        let mut refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message);
        refusal.header = Some((ALLOW, allow.into()));
        refusal
    }

    /// Too many of these at once: there is room again after `time`.
    pub(super) fn busy(time: Duration, message: String) -> Self {
        // Rounded up, so that a retry is not too early.
        let seconds = time.as_secs().saturating_add(1);
        let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
        refusal.header = Some((RETRY_AFTER, seconds.to_string().into()));
        refusal
    }

    /// Makes it end the connection.
    pub(super) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = Reply::content("text/plain; charset=utf-8", refusal.message + "\n");
        reply.status = refusal.status;
        reply.headers.extend(refusal.header);
        reply.closes = refusal.closes;
        reply
    }
}
