//! Checks the origin of a request by a browser's headers. A page of another origin must neither
//! read what a port serves, nor change it, nor use up its connections.

use std::net::IpAddr;

use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{Method, StatusCode, Uri, Version};

use super::reply::Refusal;
use super::request::Request;

/// How a connection came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// A Unix socket, whose mode says who may connect.
    Unix,
    /// A loopback address.
    Loopback,
    /// An explicitly requested address.
    Remote,
}

/// Refuses requests that a browser sends for a page of another origin. The refusal ends the
/// connection.
pub(super) fn check(transport: Transport, request: &Request) -> Result<(), Refusal> {
    if transport == Transport::Unix {
        return Ok(());
    }
    let headers = &request.headers;
    let host = host(request)?;
    if transport == Transport::Loopback {
        for name in [host.as_ref(), request.uri.authority()]
            .into_iter()
            .flatten()
        {
            if !is_this_machine(name.host()) {
                return Err(forbidden(format!(
                    "Host {:?} is not a loopback address or localhost",
                    name.as_str()
                )));
            }
        }
    }
    // A browser hides the answer from a page of another origin. But by then a reset has had its
    // effect, and `?seconds=` has used a connection for that long. So reads are refused like
    // changes.
    for origin in headers.get_all(ORIGIN) {
        if !is_same(origin, host.as_ref()) {
            return Err(forbidden(format!(
                "Origin {origin:?} is not this endpoint's"
            )));
        }
    }
    // Another page's image or script has no Origin. For addresses that they trust, such as loopback
    // ones, browsers send this header instead.
    let stranger = headers.get_all(SEC_FETCH_SITE).into_iter();
    let mut stranger = stranger.filter(|site| *site != "same-origin" && *site != "none");
    if let Some(site) = stranger.next()
        && !is_visit(request)
    {
        return Err(forbidden(format!(
            "Sec-Fetch-Site {site:?}: a page of another origin may only link to /"
        )));
    }
    Ok(())
}

const SEC_FETCH_SITE: &str = "sec-fetch-site";

fn forbidden(message: String) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, message).closing()
}

/// The single `Host` that is required. HTTP/1.0 clients may omit it, but no browser uses HTTP/1.0.
fn host(request: &Request) -> Result<Option<Authority>, Refusal> {
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message).closing();
    let mut hosts = request.headers.get_all(HOST).into_iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version > Version::HTTP_10 => {
            Err(bad("there is no Host header".into()))
        }
        (None, _) => Ok(None),
        (Some(host), None) => {
            let parsed = host
                .to_str()
                .ok()
                .and_then(|host| host.parse::<Authority>().ok());
            let parsed = parsed.ok_or_else(|| bad(format!("{host:?} is not a Host")))?;
            Ok(Some(parsed))
        }
        (Some(_), Some(_)) => Err(bad("there are two Host headers".into())),
    }
}

/// Whether a user follows a link to the live page in a tab. The page is the same for everybody and
/// costs nothing, and no other page can show it in a frame.
fn is_visit(request: &Request) -> bool {
    matches!(request.method, Method::GET | Method::HEAD)
        && request.uri.path() == "/"
        && only(&request.headers, "sec-fetch-mode", "navigate")
        && only(&request.headers, "sec-fetch-dest", "document")
}

/// Whether there is exactly one such header, with this value.
fn only(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut values = headers.get_all(name).into_iter();
    values.next().is_some_and(|found| found == value) && values.next().is_none()
}

fn is_this_machine(host: &str) -> bool {
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address = literal.unwrap_or(host).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_same(origin: &HeaderValue, host: Option<&Authority>) -> bool {
    let origin = origin
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    authority.is_some() && authority == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str, version: Version, headers: &[(&str, &str)]) -> Request {
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        Request {
            method,
            uri: uri.parse().unwrap(),
            version,
            headers: map,
            body: Vec::new(),
        }
    }

    #[track_caller]
    fn check_one(
        transport: Transport,
        method: Method,
        headers: &[(&str, &str)],
        expected: Result<(), u16>,
    ) {
        let request = request(method, "/reset", Version::HTTP_11, headers);
        let got = check(transport, &request).map_err(|refusal| refusal.status().as_u16());
        assert_eq!(got, expected, "{transport:?} {headers:?}");
    }

    #[test]
    fn a_name_that_was_bound_to_this_machine_is_refused() {
        for (host, expected) in [
            ("localhost", Ok(())),
            ("LocalHost:9100", Ok(())),
            ("127.0.0.1:9100", Ok(())),
            ("127.1.2.3", Ok(())),
            ("[::1]:9100", Ok(())),
            ("[::ffff:127.0.0.1]", Ok(())),
            ("evil.example", Err(403)),
            ("localhost.evil.example:80", Err(403)),
            ("127.0.0.1.evil.example", Err(403)),
            ("127.0.0.1@evil.example", Err(403)),
            ("10.0.0.1", Err(403)),
            ("0.0.0.0", Err(403)),
            ("", Err(400)),
            ("a b", Err(400)),
        ] {
            check_one(
                Transport::Loopback,
                Method::GET,
                &[("host", host)],
                expected,
            );
        }
        check_one(Transport::Loopback, Method::GET, &[], Err(400));
        let two = [("host", "localhost"), ("host", "evil.example")];
        check_one(Transport::Loopback, Method::GET, &two, Err(400));
        check_one(
            Transport::Remote,
            Method::GET,
            &[("host", "box.example")],
            Ok(()),
        );
        check_one(
            Transport::Unix,
            Method::GET,
            &[("host", "evil.example")],
            Ok(()),
        );
        check_one(Transport::Unix, Method::GET, &[], Ok(()));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        for (origin, expected) in [
            ("http://localhost:9100", Ok(())),
            ("http://localhost:9101", Err(403)),
            ("http://localhost", Err(403)),
            ("https://evil.example", Err(403)),
            ("null", Err(403)),
            ("", Err(403)),
        ] {
            let headers = [("host", "localhost:9100"), ("origin", origin)];
            check_one(Transport::Loopback, Method::POST, &headers, expected);
            check_one(Transport::Remote, Method::POST, &headers, expected);
            check_one(Transport::Unix, Method::POST, &headers, Ok(()));
            check_one(Transport::Loopback, Method::GET, &headers, expected);
            check_one(Transport::Remote, Method::GET, &headers, expected);
            check_one(Transport::Loopback, Method::OPTIONS, &headers, expected);
        }
        check_one(
            Transport::Loopback,
            Method::POST,
            &[("host", "localhost:9100")],
            Ok(()),
        );
    }

    /// The headers of another page's image, script or frame, and those of a link that a user
    /// follows.
    #[test]
    fn what_another_page_embeds_is_refused() {
        let visit = [("navigate", "document")];
        let embeds = [
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("cors", "empty"),
            ("navigate", "iframe"),
            ("navigate", "object"),
            ("websocket", "websocket"),
            ("", ""),
        ];
        let status = |site: &str, mode: &str, dest: &str, method: Method, path: &str| {
            let headers = [
                ("host", "localhost:9100"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            let asked = request(method, path, Version::HTTP_11, &headers);
            let statuses =
                [Transport::Loopback, Transport::Remote, Transport::Unix].map(|transport| {
                    check(transport, &asked).map_err(|refusal| refusal.status().as_u16())
                });
            assert_eq!(statuses[0], statuses[1]);
            assert_eq!(statuses[2], Ok(()));
            statuses[0]
        };
        for (mode, dest) in embeds.into_iter().chain(visit) {
            for site in ["same-origin", "none"] {
                assert_eq!(status(site, mode, dest, Method::GET, "/snapshot"), Ok(()));
            }
            for site in ["cross-site", "same-site", "", "what comes later"] {
                let got = status(site, mode, dest, Method::GET, "/snapshot?seconds=300");
                assert_eq!(got, Err(403), "{site} {mode} {dest}");
                let got = status(site, mode, dest, Method::GET, "/");
                let expected = if mode == "navigate" && dest == "document" {
                    Ok(())
                } else {
                    Err(403)
                };
                assert_eq!(got, expected, "{site} {mode} {dest}");
                let got = status(site, mode, dest, Method::POST, "/");
                assert_eq!(got, Err(403), "{site} {mode} {dest}");
            }
        }
    }

    #[test]
    fn one_good_header_does_not_hide_a_bad_one() {
        let local = ("host", "localhost");
        let origin = |value| ("origin", value);
        let site = |value| ("sec-fetch-site", value);
        for headers in [
            [
                local,
                origin("http://localhost"),
                origin("http://evil.example"),
            ],
            [local, site("same-origin"), site("cross-site")],
        ] {
            check_one(Transport::Loopback, Method::GET, &headers, Err(403));
        }
    }

    #[test]
    fn an_address_in_the_request_line_counts_too() {
        let local = [("host", "localhost")];
        let asked = request(
            Method::GET,
            "http://evil.example/snapshot",
            Version::HTTP_11,
            &local,
        );
        let refusal = check(Transport::Loopback, &asked).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        // An old client has no Host, but no browser is that old.
        let asked = request(Method::GET, "/snapshot", Version::HTTP_10, &[]);
        assert_eq!(check(Transport::Loopback, &asked), Ok(()));
    }
}
