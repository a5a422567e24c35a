//! A client of the endpoint: one request on a connection of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where an endpoint is.
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

/// Longer than an answer takes on any machine: a server that does not answer fails the test and does not hang it.
const PATIENCE: Duration = Duration::from_secs(60);

impl At {
    /// A connection.
    ///
    /// # Errors
    /// The system's.
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

    /// Status and body of a request's answer.
    ///
    /// # Errors
    /// The system's, and `InvalidData` for what is no answer.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = self.connect()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| {
            let text = String::from_utf8_lossy(&answer).into_owned();
            io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {text:?}"))
        })
    }

    /// The body of a GET that must be granted.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and `InvalidData` for another status than 200.
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
