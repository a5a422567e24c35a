//! Answers.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

pub(super) type Reply = Response<Full<Bytes>>;

/// Why a request is not granted, in one line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// The methods that there are, of a 405.
    allow: Option<&'static str>,
    /// Whether what is left of the request is not worth reading.
    last: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: String) -> Self {
        Refusal {
            status,
            message,
            allow: None,
            last: false,
        }
    }

    pub(super) fn method(allow: &'static str) -> Self {
        Refusal {
            allow: Some(allow),
            ..Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("there is only {allow} here"),
            )
        }
    }

    /// The same, and the end of the connection.
    pub(super) fn and_close(self) -> Self {
        Refusal { last: true, ..self }
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = content("text/plain; charset=utf-8", refusal.message + "\n");
        *reply.status_mut() = refusal.status;
        if let Some(allow) = refusal.allow {
            set(&mut reply, ALLOW, allow);
        }
        if refusal.last {
            set(&mut reply, CONNECTION, "close");
        }
        reply
    }
}

/// 200 with a body.
pub(super) fn content(media_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    set(&mut reply, CONTENT_TYPE, media_type);
    set(&mut reply, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut reply, CACHE_CONTROL, "no-store");
    reply
}

/// 204.
pub(super) fn no_content() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

pub(super) fn set(reply: &mut Reply, name: HeaderName, value: &'static str) {
    reply
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}
