//! The HTTP endpoint of the lock profiler nexus-lockprof. It serves what a [`Source`] has, such as
//! an engine, on a Unix socket or a loopback port.
//!
//! You probably want `nexus-lockprof` with its feature `serve`, which brings this crate.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | the [live page](nexus_lockprof_export::html::live) |
//! | `GET /snapshot` | the snapshot: `.lockprof` if `Accept` names that type, else JSON |
//! | `GET /metrics` | OpenMetrics if `Accept` names it, else Prometheus' text |
//! | `GET /debug/pprof/mutex`, `/debug/pprof/block` | a gzipped profile in Go's form: the waiting by who caused it, and by who waited |
//! | `GET /config` | the settings, as JSON |
//! | `POST /config` | changes `mode=exact`, `budget=2%`, or both joined by `&`; answers with the new settings, or 400 and what is wrong |
//! | `POST /reset` | starts again from 0: 204 |
//!
//! With `?seconds=N`, a snapshot or profile covers the next N seconds, and the answer comes at
//! their end. With `?interval=NAME`, it covers the time since the last request with this name, and
//! with `?recent=NAME` only its [`recent`](nexus_lockprof_snapshot::Durations::recent) samples do:
//! see [`Series`]. `HEAD` works where `GET` does. An error is one line of text that says what is
//! wrong.
//!
//! # How it runs
//! One thread accepts, and each connection has a thread while it lasts; [`Limits::connections`]
//! limits their number. [`Limits`] also limits what a client may send and how long it may take:
//! each wait is a `poll(2)` with a deadline. When there is no room for one more connection, the one
//! that has been idle for longest is closed. There is no async runtime, and none in the
//! dependencies. Locks and threads are std's, so nothing here uses a lock that a program could have
//! replaced.
//!
//! # Who may ask
//! A Unix socket belongs to its owner alone, by its mode and that of its directory. A loopback port
//! is open to everybody on this machine, but not to pages of other origins in their browsers. The
//! `Host` header must name this machine, so a page that has bound its own name to 127.0.0.1 gets
//! nothing. And `Origin` and `Sec-Fetch-Site`, if present, must be those of this endpoint's own
//! page. To use any other address, ask for [`Listen::Remote`]; it is open to everybody who reaches
//! it.
//!
//! # Fork
//! A forked child has none of the threads, and does not answer. The socket file stays its parent's:
//! the child does not remove it.
//!
//! ```
//! use nexus_lockprof_serve::{Listen, Serve, Settings, Source};
//! use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! struct Nothing;
//! impl Source for Nothing {
//!     fn snapshot(&self) -> Snapshot {
//!         Snapshot::from_parts(SnapshotParts::default())
//!     }
//!     fn reset(&self) {}
//!     fn settings(&self) -> Settings {
//!         Settings { mode: ProfilerMode::Exact }
//!     }
//!     fn configure(&self, _: &Settings) -> Result<(), String> {
//!         Err("nothing can be changed".into())
//!     }
//! }
//!
//! let server = Serve::new(Nothing).on(&"127.0.0.1:0".parse::<Listen>()?)?;
//! let mut client = TcpStream::connect(server.local_addr().ok_or("no port")?)?;
//! client.write_all(b"GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//! assert!(answer.ends_with(r#"{"mode":"exact"}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg(unix)]
#![deny(unsafe_code)]

mod accept;
mod client;
mod connection;
mod connections;
mod directory;
mod engine;
mod error;
mod files;
mod limits;
mod listen;
mod named_series;
mod origin;
mod query;
mod repeats;
mod reply;
mod request;
mod routes;
mod series;
mod server;
mod settings;
mod socket;
mod source;
mod unix;
mod waits;

pub use directory::runtime_directory;
pub use engine::ServeEngine;
pub use error::ServeError;
pub use limits::Limits;
pub use listen::{Listen, ListenError};
pub use series::Series;
pub use server::{Serve, Server};
pub use settings::{Change, Settings, SettingsError};
pub use source::Source;
