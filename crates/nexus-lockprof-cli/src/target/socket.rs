//! HTTP over a Unix socket.

use super::trust::Trust;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt,
};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

/// Connects to one socket, whatever the address.
#[derive(Debug)]
pub(super) struct ToSocket(pub(super) PathBuf, pub(super) Trust);

impl Connector for ToSocket {
    type Out = OverSocket;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<OverSocket>, Error> {
        let limit = details.timeout.not_zero().map(|limit| *limit);
        let stream =
            open(&self.0, self.1, limit).map_err(|error| timely(error, details.timeout))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(OverSocket { stream, buffers }))
    }
}

/// Connects, or gives up after `limit`. [`UnixStream::connect`] waits for ever for a stopped
/// process once its backlog is full.
///
/// The listener must be trusted. The connection itself proves that, because a path may change hands
/// before the connect.
pub(super) fn open(path: &Path, trust: Trust, limit: Option<Duration>) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // On a Unix socket, this also limits `connect`.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, limit)?;
    connect(&socket, &address)?;
    let stream = socket.into();
    trust.check_peer(&stream, path)?;
    Ok(stream)
}

pub(super) struct OverSocket {
    stream: UnixStream,
    buffers: LazyBuffers,
}

impl Transport for OverSocket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let left = timeout.not_zero().map(|left| *left);
        self.stream.set_write_timeout(left)?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        let written = self.stream.write_all(output);
        written.map_err(|error| timely(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let left = timeout.not_zero().map(|left| *left);
        self.stream.set_read_timeout(left)?;
        let input = self.buffers.input_append_buf();
        let amount = loop {
            match self.stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| timely(error, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// Each request has its own connection.
    fn is_open(&mut self) -> bool {
        false
    }
}

/// Turns a timeout of the socket into a timeout error.
fn timely(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl fmt::Debug for OverSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverSocket").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{bind, listen};

    #[test]
    fn who_does_not_accept_is_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.sock");
        let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
        let listener = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&listener, 0).unwrap();
        let limit = Some(Duration::from_millis(20));
        let mut waiting = Vec::new();
        let error = loop {
            match open(&path, Trust::default(), limit) {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100, "as many as like may wait");
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
    }
}
