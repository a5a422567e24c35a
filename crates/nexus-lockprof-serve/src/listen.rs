//! Where to serve, in the syntax of `LOCKPROF_SERVE`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// Where to serve.
///
/// Displays in the syntax of `LOCKPROF_SERVE`: `unix`, `unix:PATH`, `127.0.0.1:PORT` or
/// `remote:ADDR:PORT`.
///
/// ```
/// use nexus_lockprof_serve::Listen;
///
/// assert_eq!("unix".parse(), Ok(Listen::Unix));
/// assert_eq!("unix:/run/me.sock".parse(), Ok(Listen::UnixAt("/run/me.sock".into())));
/// let everybody = "0.0.0.0:9100".parse::<Listen>().unwrap_err();
/// assert!(everybody.to_string().ends_with("say remote:0.0.0.0:9100 if that is wanted"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket in the [runtime directory](super::runtime_directory), named after the process:
    /// `PID.sock`.
    #[default]
    Unix,
    /// A Unix socket at this path.
    UnixAt(PathBuf),
    /// A port of a loopback address; 0 takes a free one. Any other address is refused.
    Loopback(SocketAddr),
    /// A port of any address. Whoever reaches it may query, reset and configure the profiler.
    Remote(SocketAddr),
}

/// Text that is not a [`Listen`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Not one of the known forms.
    #[error("{} is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT", .0.display())]
    Unknown(OsString),
    /// `unix:` without a path.
    #[error("unix: names no path")]
    NoPath,
    /// An address that is not loopback, without `remote:`.
    #[error("{0} can be reached from other machines: say remote:{0} if that is wanted")]
    NotLoopback(SocketAddr),
}

impl Listen {
    /// Parses a value of the environment: paths need not be Unicode.
    ///
    /// # Errors
    /// [`ListenError`] says what is wrong with the text.
    pub fn from_os(text: &OsStr) -> Result<Self, ListenError> {
        let unknown = || ListenError::Unknown(text.to_owned());
        if let Some(path) = text.as_bytes().strip_prefix(b"unix:") {
            return match path {
                [] => Err(ListenError::NoPath),
                path => Ok(Listen::UnixAt(OsStr::from_bytes(path).into())),
            };
        }
        let text = text.to_str().ok_or_else(unknown)?.trim();
        if text == "unix" {
            return Ok(Listen::Unix);
        }
        if let Some(address) = text.strip_prefix("remote:") {
            return address.parse().map(Listen::Remote).map_err(|_| unknown());
        }
        let address = text.parse().map_err(|_| unknown())?;
        if !is_loopback(&address) {
            return Err(ListenError::NotLoopback(address));
        }
        Ok(Listen::Loopback(address))
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        Listen::from_os(OsStr::new(text))
    }
}

/// The text that parses to it.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Unix => f.write_str("unix"),
            Listen::UnixAt(path) => write!(f, "unix:{}", path.display()),
            Listen::Loopback(address) => write!(f, "{address}"),
            Listen::Remote(address) => write!(f, "remote:{address}"),
        }
    }
}

/// Includes an IPv4 address written as an IPv6 one.
pub(super) fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written() {
        for text in [
            "unix",
            "unix:/run/x.sock",
            "unix:relative path",
            "127.0.0.1:0",
            "127.8.9.1:65535",
            "[::1]:80",
            "[::ffff:127.0.0.1]:80",
            "remote:0.0.0.0:9",
            "remote:[::]:9",
            "remote:127.0.0.1:9",
        ] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        assert_eq!(" unix\n".parse(), Ok(Listen::Unix));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, message) in [
            (
                "",
                " is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT",
            ),
            (
                "localhost:80",
                "localhost:80 is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT",
            ),
            (
                "127.0.0.1",
                "127.0.0.1 is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT",
            ),
            (
                "127.0.0.1:65536",
                "127.0.0.1:65536 is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT",
            ),
            (
                "remote:here:80",
                "remote:here:80 is not one of unix, unix:PATH, 127.0.0.1:PORT, remote:ADDR:PORT",
            ),
            ("unix:", "unix: names no path"),
            (
                "10.0.0.7:80",
                "10.0.0.7:80 can be reached from other machines: say remote:10.0.0.7:80 if that is wanted",
            ),
            (
                "[::]:80",
                "[::]:80 can be reached from other machines: say remote:[::]:80 if that is wanted",
            ),
        ] {
            assert_eq!(text.parse::<Listen>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_path_need_not_be_unicode() {
        let path = OsStr::from_bytes(b"unix:/run/\xFF");
        let expected = Listen::UnixAt(OsStr::from_bytes(b"/run/\xFF").into());
        assert_eq!(Listen::from_os(path), Ok(expected));
        let error = Listen::from_os(OsStr::from_bytes(b"\xFF")).unwrap_err();
        assert!(matches!(error, ListenError::Unknown(_)));
    }
}
