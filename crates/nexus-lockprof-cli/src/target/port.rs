//! Checks who listens on a port of this machine. Any user may get the port of a process that has
//! ended.

use super::trust::Trust;
use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, UdpSocket};
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};

/// Checks the listener at each connection: before it is made, and again before anything is sent. A
/// port may change hands at any time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked(pub(super) SocketAddr, pub(super) Trust);

impl<In: Transport> Connector<In> for Checked {
    type Out = In;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> std::result::Result<Option<In>, ureq::Error> {
        check_address(self.0)?;
        check_listeners(self.0, self.1)?;
        Ok(chained)
    }
}

/// Whoever writes a link must not have us talk to other machines.
fn check_address(address: SocketAddr) -> Result<()> {
    let ip = address.ip();
    let mut any_port = address;
    any_port.set_port(0);
    // The system binds only to its own addresses.
    if ip.to_canonical().is_loopback() || UdpSocket::bind(any_port).is_ok() {
        return Ok(());
    }
    let what = format!("{ip} is no address of this machine");
    Err(Error::new(ErrorKind::AddrNotAvailable, what))
}

#[cfg(target_os = "linux")]
fn check_listeners(address: SocketAddr, trust: Trust) -> Result<()> {
    let mut users = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match std::fs::File::open(table) {
            Ok(file) => users.extend(listeners(std::io::BufReader::new(file), address)?),
            // The system has no IPv6.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if users.is_empty() {
        return Err(Error::new(
            ErrorKind::ConnectionRefused,
            "nobody listens there: the process that made it is gone",
        ));
    }
    users
        .into_iter()
        .try_for_each(|user| trust.check_user(user))
}

/// The system does not say who listens.
#[cfg(not(target_os = "linux"))]
fn check_listeners(_: SocketAddr, _: Trust) -> Result<()> {
    Ok(())
}

/// The users whose sockets in a table, as in `/proc/net/tcp`, may accept a connection to `address`.
#[cfg(target_os = "linux")]
fn listeners(table: impl std::io::BufRead, address: SocketAddr) -> Result<Vec<u32>> {
    use procfs::FromBufReadSI;
    use procfs::net::{TcpNetEntries, TcpState};
    let table = TcpNetEntries::from_buf_read(table, procfs::current_system_info());
    let sockets = table.map_err(Error::other)?.0.into_iter();
    let accepting = sockets.filter(|socket| {
        socket.state == TcpState::Listen && accepts(socket.local_address, address)
    });
    Ok(accepting.map(|socket| socket.uid).collect())
}

/// Whether a socket that is bound to `bound` may accept a connection to `address`. One at `[::]`
/// may also accept those to IPv4 addresses.
#[cfg(target_os = "linux")]
fn accepts(bound: SocketAddr, address: SocketAddr) -> bool {
    let (at, to) = (bound.ip().to_canonical(), address.ip().to_canonical());
    let is_any = at.is_unspecified() && (at.is_ipv6() || to.is_ipv4());
    bound.port() == address.port() && (is_any || at == to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    #[cfg_attr(
        target_endian = "big",
        ignore = "the table has the machine's byte order"
    )]
    fn listeners_of_a_table() {
        const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:24F8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 50 1 0000000000000000 100 0 0 10 0
   1: 0200007F:24F8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 51 1 0000000000000000 100 0 0 10 0
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 52 1 0000000000000000 100 0 0 10 0
   3: 0100007F:0016 0100007F:24F8 01 00000000:00000000 00:00000000 00000000  1002        0 53 1 0000000000000000 100 0 0 10 0
   4: 0100007F:0017 00000000:0000 07 00000000:00000000 00:00000000 00000000  1003        0 54 1 0000000000000000 100 0 0 10 0
";
        const TABLE_6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:24F8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1004        0 55 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1005        0 56 1 0000000000000000 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1006        0 57 1 0000000000000000 100 0 0 10 0
";
        for (address, users) in [
            ("127.0.0.1:9464", &[1000][..]),
            ("127.0.0.2:9464", &[1001]),
            ("127.0.0.3:9464", &[]),
            ("127.0.0.1:22", &[0]),
            ("[::ffff:127.0.0.1]:22", &[0]),
            ("[::1]:22", &[]),
            ("127.0.0.1:23", &[]),
            ("[::1]:9464", &[1004]),
            ("[::1]:80", &[1005]),
            ("127.0.0.1:80", &[1005]),
            ("127.0.0.1:81", &[1006]),
            ("[::1]:81", &[]),
        ] {
            let address = address.parse().unwrap();
            let mut found = listeners(TABLE.as_bytes(), address).unwrap();
            found.extend(listeners(TABLE_6.as_bytes(), address).unwrap());
            assert_eq!(found, users, "{address}");
        }
        let address = "127.0.0.1:9464".parse().unwrap();
        listeners("\n 0: x".as_bytes(), address).unwrap_err();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_listeners_user_counts() {
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = getsockname(&socket).unwrap().try_into().unwrap();
        let error = check_listeners(address, Trust::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}");
        listen(&socket, 1).unwrap();
        check_listeners(address, Trust::default()).unwrap();
    }

    #[test]
    fn other_machines() {
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            check_address(address.parse().unwrap()).unwrap();
        }
        // Of networks that are for documentation.
        for address in ["192.0.2.1:80", "[2001:db8::1]:80"] {
            let error = check_address(address.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrNotAvailable, "{error}");
        }
    }
}
