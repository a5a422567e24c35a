//! A client that sends bytes and reads answers.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nexus_lockprof_serve::Server;

/// Longer than an answer takes on any machine: a server that does not answer fails the test and does not hang it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn to(server: &Server) -> Self {
        match (server.local_addr(), server.path()) {
            (Some(address), _) => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Socket::Tcp(stream)
            }
            (None, path) => {
                let stream = UnixStream::connect(path.unwrap()).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Socket::Unix(stream)
            }
        }
    }

    /// What is sent and not taken is an error from now on.
    pub(super) fn do_not_wait(&self) {
        match self {
            Socket::Tcp(stream) => stream.set_nonblocking(true).unwrap(),
            Socket::Unix(stream) => stream.set_nonblocking(true).unwrap(),
        }
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Says that nothing more comes.
    pub(super) fn finish(&self) {
        match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write).unwrap(),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write).unwrap(),
        }
    }

    /// All that comes until the server closes.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }

    /// Whether the server has closed, or broken, the connection: waits until it has.
    pub(super) fn is_closed(&mut self) -> bool {
        match self.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    /// The next answer; of a HEAD it has no body.
    pub(super) fn answer(&mut self, head_only: bool) -> Answer {
        // One byte at a time: what follows is the next answer's.
        let mut reader = BufReader::with_capacity(1, self);
        let mut line = || {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first = line();
        let status = first
            .split(' ')
            .nth(1)
            .unwrap_or_else(|| panic!("{first:?}"));
        let status = status.parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; if head_only { 0 } else { length }];
        reader.read_exact(&mut body).unwrap();
        Answer {
            status,
            headers,
            length,
            body,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(to),
            Socket::Unix(stream) => stream.read(to),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            Socket::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HashMap<String, String>,
    pub(super) length: usize,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One request on a connection of its own.
pub(super) fn ask(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let mut socket = Socket::to(server);
    socket.send(request(method, path, headers, body));
    socket.answer(method == "HEAD")
}

pub(super) fn request(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for header in headers {
        request += header;
        request += "\r\n";
    }
    if !body.is_empty() {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    request + "\r\n" + body
}
