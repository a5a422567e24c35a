//! Who asks, as far as a browser's headers tell: a page of elsewhere that a user of this machine looks at must not get
//! at a port that only this machine reaches.

use std::net::IpAddr;

use http::header::{HOST, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{Method, StatusCode, Uri, Version};

use super::reply::Refusal;
use super::request::Request;

/// How a connection came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Road {
    /// A Unix socket: its mode says who may.
    Unix,
    /// A loopback address.
    Loopback,
    /// An address that was asked for.
    Remote,
}

/// Refuses what a browser sends for somebody else's page.
pub(super) fn check(road: Road, request: &Request) -> Result<(), Refusal> {
    let Request {
        method,
        uri,
        version,
        headers,
        ..
    } = request;
    if road == Road::Unix {
        return Ok(());
    }
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
    let forbidden = |message: String| Refusal::new(StatusCode::FORBIDDEN, message);
    let mut hosts = headers.get_all(HOST).into_iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) if *version > Version::HTTP_10 => {
            return Err(bad("there is no Host header".into()));
        }
        (None, _) => None,
        (Some(host), None) => {
            let parsed = host
                .to_str()
                .ok()
                .and_then(|host| host.parse::<Authority>().ok());
            Some(parsed.ok_or_else(|| bad(format!("{host:?} is not a Host")))?)
        }
        (Some(_), Some(_)) => return Err(bad("there are two Host headers".into())),
    };
    if road == Road::Loopback {
        for name in [host.as_ref(), uri.authority()].into_iter().flatten() {
            if !is_this_machine(name.host()) {
                return Err(forbidden(format!(
                    "Host {:?} is not a loopback address or localhost",
                    name.as_str()
                )));
            }
        }
    }
    // Browsers do not let a page see the answer to a GET of another origin; but a POST has had its effect by then.
    if *method == Method::POST
        && let Some(origin) = headers.get(ORIGIN)
        && !is_same(origin, host.as_ref())
    {
        return Err(forbidden(format!(
            "Origin {origin:?} is not this endpoint's"
        )));
    }
    Ok(())
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
    fn check_one(road: Road, method: Method, headers: &[(&str, &str)], expected: Result<(), u16>) {
        let request = request(method, "/reset", Version::HTTP_11, headers);
        let got = check(road, &request).map_err(|refusal| refusal.status().as_u16());
        assert_eq!(got, expected, "{road:?} {headers:?}");
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
            check_one(Road::Loopback, Method::GET, &[("host", host)], expected);
        }
        check_one(Road::Loopback, Method::GET, &[], Err(400));
        let two = [("host", "localhost"), ("host", "evil.example")];
        check_one(Road::Loopback, Method::GET, &two, Err(400));
        check_one(
            Road::Remote,
            Method::GET,
            &[("host", "box.example")],
            Ok(()),
        );
        check_one(Road::Unix, Method::GET, &[("host", "evil.example")], Ok(()));
        check_one(Road::Unix, Method::GET, &[], Ok(()));
    }

    #[test]
    fn a_form_of_another_page_is_refused() {
        for (origin, expected) in [
            ("http://localhost:9100", Ok(())),
            ("http://localhost:9101", Err(403)),
            ("http://localhost", Err(403)),
            ("https://evil.example", Err(403)),
            ("null", Err(403)),
            ("", Err(403)),
        ] {
            let headers = [("host", "localhost:9100"), ("origin", origin)];
            check_one(Road::Loopback, Method::POST, &headers, expected);
            check_one(Road::Remote, Method::POST, &headers, expected);
            check_one(Road::Unix, Method::POST, &headers, Ok(()));
            check_one(Road::Loopback, Method::GET, &headers, Ok(()));
        }
        check_one(
            Road::Loopback,
            Method::POST,
            &[("host", "localhost:9100")],
            Ok(()),
        );
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
        let refusal = check(Road::Loopback, &asked).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::FORBIDDEN);
        // An old client has no Host, and no browser is one.
        let asked = request(Method::GET, "/snapshot", Version::HTTP_10, &[]);
        assert_eq!(check(Road::Loopback, &asked), Ok(()));
    }
}
