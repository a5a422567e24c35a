//! A client of the endpoint: one request per connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// The address of an endpoint.
#[derive(Clone, Debug)]
pub enum At {
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// A port.
    Tcp(SocketAddr),
}

/// What can be read and written.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Longer than an answer takes on any machine. A server that does not answer fails the test instead
/// of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);

impl At {
    /// Connects.
    ///
    /// # Errors
    /// The system's error.
    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            At::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
            At::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
        }
    }

    /// The status and body of the answer to a request.
    ///
    /// # Errors
    /// The system's error, or `InvalidData` for an invalid answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = self.connect()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nCache-Control: no-cache\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| {
            let text = String::from_utf8_lossy(&answer).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {text:?}"))
        })
    }

    /// The body of a GET that must succeed.
    ///
    /// # Errors
    /// As for [`ask`](Self::ask), and `InvalidData` for a status other than 200.
    pub fn get(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.ask("GET", path, "")? {
            (200, body) => Ok(body),
            (status, _) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{path}: {status}"),
            )),
        }
    }
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|piece| piece == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}
