//! Reads requests. httparse parses heads and the sizes of chunks; this module does the rest.

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, TRANSFER_ENCODING,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use super::Limits;
use super::client::{Client, End};
use super::reply::{Failure, Refusal};

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

fn bad(status: StatusCode, message: impl Into<String>) -> Failure {
    Refusal::new(status, message.into()).into()
}

impl Request {
    /// Whether the client wants to keep the connection.
    pub(super) fn goes_on(&self) -> bool {
        self.version == Version::HTTP_11 && !self.has(&CONNECTION, "close")
    }

    /// Whether the client wants no answer that was made for another request.
    pub(super) fn wants_new(&self) -> bool {
        self.has(&CACHE_CONTROL, "no-cache")
    }

    /// Whether a header's list has this word.
    fn has(&self, header: &HeaderName, word: &str) -> bool {
        let values = self.headers.get_all(header).into_iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|other| other.trim().eq_ignore_ascii_case(word))
    }
}

/// Reads the next request. A refusal is the last thing that its client gets: nothing more is read.
pub(super) fn read(client: &mut Client<'_>, limits: &Limits) -> Result<Request, Failure> {
    client.allow(limits.idle);
    let mut request = loop {
        match head(client.unread(), limits)? {
            Some((request, bytes)) => {
                client.used(bytes);
                break request;
            }
            None if client.unread().len() >= limits.head_bytes => {
                return Err(too_large(limits));
            }
            None => more(client)?,
        }
    };
    client.allow(limits.body);
    request.body = match framing(&request)? {
        Framing::None => Vec::new(),
        Framing::Length(length) if length > limits.body_bytes as u64 => {
            return Err(too_much(limits));
        }
        framing => {
            let expects = request.headers.get(EXPECT);
            if expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
                client.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            match framing {
                Framing::Chunked => chunks(client, limits)?,
                Framing::Length(length) => plain(client, usize::try_from(length).unwrap_or(0))?,
                Framing::None => Vec::new(),
            }
        }
    };
    Ok(request)
}

/// Reads more. The end of the client's data inside a request ends the connection.
fn more(client: &mut Client<'_>) -> Result<(), End> {
    if client.read()? {
        Ok(())
    } else {
        Err(End::Gone)
    }
}

/// The request at the beginning of `bytes`, and the length of its head. `None` if more must come.
fn head(bytes: &[u8], limits: &Limits) -> Result<Option<(Request, usize)>, Failure> {
    let mut headers = vec![httparse::EMPTY_HEADER; limits.headers];
    let mut parsed = httparse::Request::new(&mut headers);
    let no_http = |what: &dyn std::fmt::Display| {
        bad(StatusCode::BAD_REQUEST, format!("this is no HTTP: {what}"))
    };
    let length = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(too_large(limits)),
        Err(error) => return Err(no_http(&error)),
    };
    if length > limits.head_bytes {
        return Err(too_large(limits));
    }
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes());
    let uri = parsed.path.unwrap_or_default().parse();
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        map.append(
            name.map_err(|error| no_http(&error))?,
            value.map_err(|error| no_http(&error))?,
        );
    }
    let request = Request {
        method: method.map_err(|error| no_http(&error))?,
        uri: uri.map_err(|error| no_http(&error))?,
        version: match parsed.version {
            Some(1) => Version::HTTP_11,
            _ => Version::HTTP_10,
        },
        headers: map,
        body: Vec::new(),
    };
    Ok(Some((request, length)))
}

/// How a body's end is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
}

/// Strict: refuses what two readers could interpret differently.
fn framing(request: &Request) -> Result<Framing, Failure> {
    let lengths: Vec<_> = request
        .headers
        .get_all(CONTENT_LENGTH)
        .into_iter()
        .collect();
    let codings: Vec<_> = request
        .headers
        .get_all(TRANSFER_ENCODING)
        .into_iter()
        .collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(Framing::None),
        ([length], []) => {
            let digits = length.to_str().unwrap_or_default();
            // `parse` alone would accept a sign.
            let digits =
                Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let length = digits.and_then(|digits| digits.parse().ok());
            length
                .map(Framing::Length)
                .ok_or_else(|| bad(StatusCode::BAD_REQUEST, "Content-Length is not a length"))
        }
        ([], [coding]) if request.version == Version::HTTP_11 => {
            if coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                let message = format!("Transfer-Encoding {coding:?} is not known here");
                Err(bad(StatusCode::NOT_IMPLEMENTED, message))
            }
        }
        _ => Err(bad(
            StatusCode::BAD_REQUEST,
            "the body has more than one length",
        )),
    }
}

fn plain(client: &mut Client<'_>, length: usize) -> Result<Vec<u8>, Failure> {
    while client.unread().len() < length {
        more(client)?;
    }
    let body = client.unread()[..length].to_vec();
    client.used(length);
    Ok(body)
}

fn chunks(client: &mut Client<'_>, limits: &Limits) -> Result<Vec<u8>, Failure> {
    /// The line with a chunk's size may have extensions, which nobody uses.
    const LINE: usize = 256;
    let broken = || bad(StatusCode::BAD_REQUEST, "the chunks of the body are broken");
    let mut body = Vec::new();
    loop {
        let (line, size) = match httparse::parse_chunk_size(client.unread()) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) if client.unread().len() < LINE => {
                more(client)?;
                continue;
            }
            _ => return Err(broken()),
        };
        client.used(line);
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > limits.body_bytes - body.len() {
            return Err(too_much(limits));
        }
        body.extend(plain(client, size)?);
        if plain(client, 2)? != b"\r\n" {
            return Err(broken());
        }
    }
    // Trailing headers may follow the last chunk. They have no use here.
    loop {
        let mut trailers = vec![httparse::EMPTY_HEADER; limits.headers];
        match httparse::parse_headers(client.unread(), &mut trailers) {
            Ok(httparse::Status::Complete((length, _))) => {
                client.used(length);
                return Ok(body);
            }
            Ok(httparse::Status::Partial) if client.unread().len() < limits.head_bytes => {
                more(client)?
            }
            _ => return Err(broken()),
        }
    }
}

fn too_large(limits: &Limits) -> Failure {
    let message = format!(
        "the head is larger than {} bytes, or has more than {} headers",
        limits.head_bytes, limits.headers
    );
    bad(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, message)
}

fn too_much(limits: &Limits) -> Failure {
    let message = format!("the body is larger than {} bytes", limits.body_bytes);
    bad(StatusCode::PAYLOAD_TOO_LARGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing_of(headers: &str) -> Result<Framing, u16> {
        let text = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
        let (request, _) = head(text.as_bytes(), &Limits::default()).unwrap().unwrap();
        framing(&request).map_err(|failure| match failure {
            Failure::Refused(refusal) => refusal.status().as_u16(),
            Failure::Closed(end) => panic!("{end:?}"),
        })
    }

    #[test]
    fn where_a_body_ends() {
        for (headers, expected) in [
            ("A: b", Ok(Framing::None)),
            ("Content-Length: 0", Ok(Framing::Length(0))),
            (
                "Content-Length: 18446744073709551615",
                Ok(Framing::Length(u64::MAX)),
            ),
            ("Content-Length: 18446744073709551616", Err(400)),
            ("Content-Length: +1", Err(400)),
            ("Content-Length: -1", Err(400)),
            ("Content-Length: 1, 1", Err(400)),
            ("Content-Length:", Err(400)),
            ("Content-Length: 0x1", Err(400)),
            ("Content-Length: 1\r\nContent-Length: 1", Err(400)),
            ("Transfer-Encoding: chunked", Ok(Framing::Chunked)),
            ("Transfer-Encoding: Chunked", Ok(Framing::Chunked)),
            ("Transfer-Encoding: gzip, chunked", Err(501)),
            ("Transfer-Encoding: identity", Err(501)),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                Err(400),
            ),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1", Err(400)),
        ] {
            assert_eq!(framing_of(headers), expected, "{headers}");
        }
    }

    #[test]
    fn whether_it_goes_on() {
        for (first, header, expected) in [
            ("GET / HTTP/1.1", "A: b", true),
            ("GET / HTTP/1.1", "Connection: keep-alive", true),
            ("GET / HTTP/1.1", "Connection: close", false),
            ("GET / HTTP/1.1", "Connection: TE, Close", false),
            ("GET / HTTP/1.0", "A: b", false),
            ("GET / HTTP/1.0", "Connection: keep-alive", false),
        ] {
            let text = format!("{first}\r\n{header}\r\n\r\nrest");
            let (request, length) = head(text.as_bytes(), &Limits::default()).unwrap().unwrap();
            assert_eq!(request.goes_on(), expected, "{text}");
            assert_eq!(&text[length..], "rest");
        }
    }
}
