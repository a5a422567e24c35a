//! What a client may take.

use std::time::Duration;

/// Bounds of a server: what its clients may send, how long they may take, and how many of them
/// there may be.
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
    /// Connections at one time; at least 1. When one more comes, the one that has been idle for
    /// longest is closed. More wait in the system's queue until there is room.
    pub connections: usize,
    /// Requests with `?seconds=N` that wait at one time; at least 1. More are refused with 503. At
    /// most all connections but one may wait, whatever is here.
    pub waits: usize,
    /// Requests on one connection, which is closed after the last.
    pub requests: usize,
    /// How long a request's head may take to come: from the begin of the connection, or from the
    /// end of the answer before.
    pub idle: Duration,
    /// How long a request's body may take.
    pub body: Duration,
    /// How long a client may take to read an answer.
    pub answer: Duration,
    /// The longest `?seconds=N`; more is refused.
    pub delta: Duration,
    /// Most bytes of a request's line and headers together.
    pub head_bytes: usize,
    /// Most headers of a request.
    pub headers: usize,
    /// Most bytes of a request's body.
    pub body_bytes: usize,
}

impl Default for Limits {
    /// 16 connections of at most 1,000 requests, of which 4 may wait for the end of `?seconds`; 10
    /// s for a request's head and for its body, 30 s to take the answer; 5 minutes for `?seconds`;
    /// heads of 16 KiB with 64 headers, bodies of 1 KiB.
    fn default() -> Self {
        Limits {
            connections: 16,
            waits: 4,
            requests: 1000,
            idle: Duration::from_secs(10),
            body: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            delta: Duration::from_secs(300),
            head_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 1024,
        }
    }
}
