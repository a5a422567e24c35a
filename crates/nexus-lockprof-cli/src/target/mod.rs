//! Sources of snapshots: a [`Target`] is what the user typed, and a [`Source`] is the connected
//! target.

mod file;
mod http;
mod pid;
mod port;
#[cfg(unix)]
mod socket;
mod source;
mod trust;

pub(crate) use pid::{Endpoint, is_stale, runtime_directories};
pub use source::Source;
pub(crate) use trust::Trust;

use anyhow::{Context, Result, bail};
use nexus_lockprof_snapshot::Snapshot;
use std::convert::Infallible;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A place to get snapshots from: a process, a socket, a URL, a file, or standard input.
///
/// Any text is accepted. Only [connecting](Self::connect) shows whether it exists.
///
/// ```
/// use nexus_lockprof_cli::target::Target;
///
/// let target = |text: &str| text.parse::<Target>().unwrap_or(Target::Stdin);
/// assert_eq!(target("4711"), Target::Pid(4711));
/// assert_eq!(target("./4711"), Target::Path("./4711".into()));
/// assert_eq!(target("http://127.0.0.1:9464"), Target::Url("http://127.0.0.1:9464".into()));
/// assert_eq!(target("unix:/tmp/app.sock"), Target::Socket("/tmp/app.sock".into()));
/// assert_eq!(target("-"), Target::Stdin);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process, which serves on the socket with its number in the runtime directory.
    Pid(u32),
    /// A Unix socket: `unix:PATH`.
    Socket(PathBuf),
    /// A text that begins with `http://` or `https://`, or an address and a port: `127.0.0.1:9464`.
    Url(String),
    /// A socket or a file, whichever exists.
    Path(PathBuf),
    /// Standard input: `-`.
    Stdin,
}

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match (text, text.parse()) {
            ("-", _) => Self::Stdin,
            // A number that no process can have is a file name.
            (_, Ok(pid)) if digits && pid > 0 => Self::Pid(pid),
            _ if text.starts_with("http://") || text.starts_with("https://") => {
                Self::Url(text.to_owned())
            }
            _ if is_address(text) => Self::Url(text.to_owned()),
            _ => match text.strip_prefix("unix:") {
                Some(path) => Self::Socket(path.into()),
                None => Self::Path(text.into()),
            },
        })
    }
}

/// Whether it is an address with a port, as in `LOCKPROF_SERVE`: users have that at hand.
fn is_address(text: &str) -> bool {
    let port = text.strip_prefix("localhost:").map(str::parse::<u16>);
    text.parse::<SocketAddr>().is_ok() || port.is_some_and(|port| port.is_ok())
}

/// As the user typed it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "{pid}"),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
            Self::Url(url) => f.write_str(url),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("-"),
        }
    }
}

impl Target {
    /// Returns whether it never changes: a file or standard input. A path where nothing exists yet
    /// counts as a file.
    #[must_use]
    pub fn is_static(&self) -> bool {
        match self {
            Self::Pid(_) | Self::Socket(_) | Self::Url(_) => false,
            Self::Path(path) => !is_socket(path),
            Self::Stdin => true,
        }
    }

    /// Connects to it.
    ///
    /// # Errors
    ///
    /// If it does not exist, or is something else. The error says what kind of target the text was
    /// taken for, and what is wrong with it.
    ///
    /// ```
    /// use nexus_lockprof_cli::target::Target;
    ///
    /// let target = Target::Path("no/such.lockprof".into());
    /// let error = target.connect().err().map(|error| format!("{error:#}")).unwrap_or_default();
    /// assert!(error.starts_with("no/such.lockprof: no such file"), "{error}");
    /// ```
    pub fn connect(&self) -> Result<Box<dyn Source>> {
        match self {
            Self::Pid(pid) => pid::connect(*pid)
                .with_context(|| format!("process {pid} (for a file, write ./{pid})")),
            Self::Socket(path) => http::connect_socket(path, Trust::default())
                .with_context(|| format!("socket {}", path.display())),
            Self::Url(url) => {
                let client = http::Client::url(url);
                let client = client.with_context(|| format!("URL {url}"))?;
                Ok(Box::new(client))
            }
            Self::Path(path) if is_socket(path) => http::connect_socket(path, Trust::default())
                .with_context(|| format!("socket {}", path.display())),
            Self::Path(path) => {
                if let Err(error) = std::fs::metadata(path) {
                    match error.kind() {
                        ErrorKind::NotFound => bail!("{self}: no such file or socket"),
                        _ => bail!("{self}: {error}"),
                    }
                }
                Ok(Box::new(file::File(Some(path.clone()))))
            }
            Self::Stdin => Ok(Box::new(file::File(None))),
        }
    }

    /// The current snapshot, or with `interval` what happens during that time.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect) and [`Source::snapshot`]; also if `interval` is given for
    /// a target that never changes.
    pub fn snapshot(&self, interval: Option<Duration>) -> Result<Snapshot> {
        let mut source = self.connect()?;
        let Some(interval) = interval else {
            return source.snapshot();
        };
        anyhow::ensure!(
            !self.is_static(),
            "--seconds needs a running process, and {self} is a file"
        );
        source.follow();
        let earlier = source.snapshot()?;
        std::thread::sleep(interval);
        let later = source.snapshot()?;
        later
            .since(&earlier)
            .with_context(|| format!("{}: no interval", source.describe()))
    }
}

#[cfg(unix)]
fn is_socket(path: &std::path::Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

#[cfg(not(unix))]
fn is_socket(_: &std::path::Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_is_taken_for() {
        for (text, target) in [
            ("1", Target::Pid(1)),
            ("4294967295", Target::Pid(u32::MAX)),
            ("4294967296", Target::Path("4294967296".into())),
            ("0", Target::Path("0".into())),
            ("+1", Target::Path("+1".into())),
            ("", Target::Path("".into())),
            ("-", Target::Stdin),
            ("a.lockprof", Target::Path("a.lockprof".into())),
            ("/run/1.sock", Target::Path("/run/1.sock".into())),
            ("unix:a", Target::Socket("a".into())),
            ("https://h/", Target::Url("https://h/".into())),
            ("127.0.0.1:9464", Target::Url("127.0.0.1:9464".into())),
            ("[::1]:9464", Target::Url("[::1]:9464".into())),
            ("localhost:9464", Target::Url("localhost:9464".into())),
            ("localhost:http", Target::Path("localhost:http".into())),
            ("a:1", Target::Path("a:1".into())),
        ] {
            assert_eq!(text.parse(), Ok(target.clone()), "{text}");
            assert_eq!(target.to_string(), text);
        }
    }
}
