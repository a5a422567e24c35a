//! The client of the pull endpoint: HTTP over a Unix socket or a port.

use super::port::Checked;
use super::source::{PATIENCE, Source};
use super::trust::Trust;
use crate::files;
use anyhow::{Context, Result, anyhow, bail};
use nexus_lockprof_snapshot::{MEDIA_TYPE, Snapshot};
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use ureq::Agent;
use ureq::Body;
use ureq::config::Config;
use ureq::http::Response;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

/// The largest snapshot to read, in bytes.
const LARGEST: u64 = 256 << 20;
/// The path of the snapshot of everything.
const SNAPSHOTS: &str = "/snapshot";
/// How much of a refusal's text to show, in bytes.
const LONGEST_REFUSAL: u64 = 1 << 10;

pub(super) struct Client {
    agent: Agent,
    /// The URL before the path, without a final slash.
    base: String,
    name: String,
    /// The path of snapshots.
    snapshots: String,
}

impl Client {
    /// A client for a URL.
    pub(super) fn url(url: &str) -> Result<Self> {
        if url.starts_with("https://") {
            bail!(
                "the endpoint speaks http, not https: put a proxy that ends TLS before it, and lockprof behind that"
            );
        }
        let full = match url.starts_with("http://") {
            true => url.to_owned(),
            false => format!("http://{url}"),
        };
        let uri: ureq::http::Uri = full.parse().map_err(|error| anyhow!("no URL: {error}"))?;
        if uri.host().is_none_or(str::is_empty) {
            bail!("no URL: there is no host in it");
        }
        if uri.query().is_some() {
            bail!(
                "the URL is of the endpoint, not of one of its pages: leave `?` and what follows out"
            );
        }
        let base = full.trim_end_matches('/');
        // People copy the URL that the browser shows.
        let base = base.strip_suffix("/snapshot").unwrap_or(base);
        Ok(Self {
            agent: config().new_agent(),
            base: base.to_owned(),
            name: url.to_owned(),
            snapshots: SNAPSHOTS.to_owned(),
        })
    }

    /// A client for a port of this machine at which a trusted user must listen.
    pub(super) fn port(address: SocketAddr, trust: Trust) -> Self {
        let base = format!("http://{address}");
        let checked = Checked(address, trust);
        let connector = checked.chain(TcpConnector::default()).chain(checked);
        Self {
            agent: Agent::with_parts(config(), connector, DefaultResolver::default()),
            name: base.clone(),
            base,
            snapshots: SNAPSHOTS.to_owned(),
        }
    }

    /// A client for a Unix socket. Tries to connect: a socket without a listener, or with an
    /// untrusted one, is an error.
    #[cfg(unix)]
    pub(super) fn socket(path: &std::path::Path, trust: Trust) -> Result<Self> {
        if path.as_os_str().is_empty() {
            bail!("unix: names no path");
        }
        super::socket::open(path, trust, Some(PATIENCE)).map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                anyhow!(error).context("nobody listens there: the process that made it is gone")
            }
            std::io::ErrorKind::WouldBlock => silent(),
            _ => anyhow!(error),
        })?;
        let connector = super::socket::ToSocket(path.to_owned(), trust);
        Ok(Self {
            agent: Agent::with_parts(config(), connector, DefaultResolver::default()),
            // An IP address, so that no name is looked up.
            base: "http://127.0.0.1".to_owned(),
            name: path.display().to_string(),
            snapshots: SNAPSHOTS.to_owned(),
        })
    }

    fn get(&self, path: &str) -> Result<Response<Body>> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let accept = format!("{MEDIA_TYPE}, application/json;q=0.5");
        // An endpoint that is asked all the time may have an older answer.
        let request = request.header("Cache-Control", "no-cache");
        self.answered("GET", path, request.header("Accept", accept).call())
    }

    fn post(&self, path: &str, form: &str) -> Result<Response<Body>> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.content_type("application/x-www-form-urlencoded");
        // In a form, `%` starts an escaped byte, so 2% is written 2%25.
        self.answered("POST", path, request.send(form.replace('%', "%25")))
    }

    /// The answer, if it is a success.
    fn answered(
        &self,
        method: &str,
        path: &str,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>> {
        let mut answer = answer.map_err(|error| self.failed(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.body_mut().with_config().limit(LONGEST_REFUSAL);
        let text = text.lossy_utf8(true).read_to_string().unwrap_or_default();
        let text = nexus_lockprof_snapshot::printable(text.trim()).into_owned();
        match status.as_u16() {
            400 if !text.is_empty() => Err(self.error(text)),
            404 => Err(self.error(format!(
                "there is no {path}: is this a lockprof endpoint? (404 {text})"
            ))),
            _ => Err(self.error(format!("{method} {path} was refused: {status} {text}"))),
        }
    }

    fn failed(&self, error: ureq::Error) -> anyhow::Error {
        match error {
            ureq::Error::Timeout(_) => self.error(silent()),
            ureq::Error::BodyExceedsLimit(limit) => {
                self.error(format_args!("the answer is larger than {limit} bytes"))
            }
            // Without the library's prefix. `ps` looks at the cause.
            ureq::Error::Io(error) => anyhow::Error::new(error).context(self.name.clone()),
            error => self.error(error),
        }
    }

    fn error(&self, what: impl Display) -> anyhow::Error {
        anyhow!("{}: {what}", self.name)
    }
}

/// The error for an endpoint that did not answer.
fn silent() -> anyhow::Error {
    anyhow!(
        "no answer in {} s: is the process stopped?",
        PATIENCE.as_secs()
    )
}

fn config() -> Config {
    Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        // A refusal's text says what is wrong.
        .http_status_as_error(false)
        // Our endpoints never redirect. And a proxy would use this machine's addresses, not its
        // own.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("lockprof/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl Source for Client {
    fn snapshot(&mut self) -> Result<Snapshot> {
        let mut answer = self.get(&self.snapshots)?;
        let body = answer.body_mut().with_config().limit(LARGEST);
        let bytes = body.read_to_vec().map_err(|error| self.failed(error))?;
        files::parse(&bytes).with_context(|| format!("{}: the answer is not a snapshot", self.name))
    }

    fn follow(&mut self) {
        // Endpoints of earlier versions take no notice of the name.
        let random = RandomState::new().hash_one(0);
        self.snapshots = format!(
            "/snapshot?recent=lockprof-{}-{random:x}",
            std::process::id()
        );
    }

    fn reset(&mut self) -> Result<()> {
        self.post("/reset", "").map(drop)
    }

    fn set(&mut self, changes: &str) -> Result<()> {
        self.post("/config", changes).map(drop)
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

#[cfg(unix)]
/// Connects to a Unix socket.
pub(super) fn connect_socket(path: &std::path::Path, trust: Trust) -> Result<Box<dyn Source>> {
    Ok(Box::new(Client::socket(path, trust)?))
}

#[cfg(not(unix))]
/// Connects to a Unix socket.
pub(super) fn connect_socket(_: &std::path::Path, _: Trust) -> Result<Box<dyn Source>> {
    anyhow::bail!("there are no Unix sockets on this system")
}
