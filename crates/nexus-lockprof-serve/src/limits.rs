//! Limits on clients.

use std::time::Duration;

/// Limits of a server: what its clients may send, how long they may take, and how many there may
/// be.
///
/// ```
/// use nexus_lockprof_serve::Limits;
/// use std::time::Duration;
///
/// let limits = Limits { idle: Duration::from_secs(2), ..Limits::default() };
/// assert_eq!(limits.connections, 16);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of connections; at least 1. When one more comes, the one that has been idle
    /// longest is closed. Others wait in the system's queue until there is room.
    pub connections: usize,
    /// Maximum number of waiting requests with `?seconds=N`; at least 1. More get 503. One
    /// connection never waits, whatever this is.
    pub waits: usize,
    /// Maximum number of requests on one connection, which closes after the last.
    pub requests: usize,
    /// How long a request's head may take, from the start of the connection or the end of the
    /// previous answer.
    pub idle: Duration,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long a client may take to read an answer.
    pub answer: Duration,
    /// The longest `?seconds=N`; longer ones are refused.
    pub delta: Duration,
    /// How much processor time of each second new answers to `/snapshot`, `/metrics` and profiles
    /// may take, in the long run. While more is asked, the last answer is given again, with `Age`.
    /// A request with a query always gets a new one, and so does one with
    /// `Cache-Control: no-cache`.
    pub answering: Duration,
    /// Maximum size of a request's line and headers together, in bytes.
    pub head_bytes: usize,
    /// Maximum number of headers in a request.
    pub headers: usize,
    /// Maximum size of a request's body, in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    /// 16 connections with at most 1,000 requests each; 4 requests may wait for the end of
    /// `?seconds`. 10 s for a request's head and for its body, 30 s to read the answer, 5 minutes
    /// for `?seconds`. 5 ms of each second for new answers. Heads of 16 KiB with 64 headers, bodies
    /// of 1 KiB.
    fn default() -> Self {
        Limits {
            connections: 16,
            waits: 4,
            requests: 1000,
            idle: Duration::from_secs(10),
            body: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            delta: Duration::from_secs(300),
            answering: Duration::from_millis(5),
            head_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 1024,
        }
    }
}
