//! Arbitrary bytes sent to the endpoint.
#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nexus_lockprof_serve::{Limits, Listen, Serve, Server, Settings, Source};
use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};

/// An empty source, which counts its resets.
struct Empty;

static RESETS: AtomicU64 = AtomicU64::new(0);

impl Source for Empty {
    fn snapshot(&self) -> Snapshot {
        Snapshot::from_parts(SnapshotParts::default())
    }

    fn reset(&self) {
        RESETS.fetch_add(1, Relaxed);
    }

    fn settings(&self) -> Settings {
        Settings {
            mode: ProfilerMode::Exact,
        }
    }

    fn configure(&self, _: &Settings) -> Result<(), String> {
        Ok(())
    }
}

fn server() -> &'static PathBuf {
    static SERVER: OnceLock<(Server, PathBuf)> = OnceLock::new();
    let (_, path) = SERVER.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("lockprof-fuzz-{}.sock", std::process::id()));
        let limits = Limits {
            idle: Duration::from_millis(200),
            body: Duration::from_millis(200),
            delta: Duration::from_millis(1),
            ..Limits::default()
        };
        match Serve::new(Empty).limits(limits).on(&Listen::UnixAt(path.clone())) {
            Ok(server) => (server, path),
            Err(error) => panic!("{error}"),
        }
    });
    path
}

/// The whole answer to these bytes.
fn ask(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(server())?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // The server may have had enough before the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let before = RESETS.load(Relaxed);
    let answer = match ask(bytes) {
        Ok(answer) => answer,
        Err(error) => panic!("it does not end: {error}"),
    };
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "{answer:?}");
    if RESETS.load(Relaxed) != before {
        assert!(bytes.windows(6).any(|text| text == b"/reset"));
    }
    // The next request still gets an answer.
    let Ok(next) = ask(b"GET /config HTTP/1.0\r\n\r\n") else {
        panic!("nothing after {bytes:?}");
    };
    assert!(next.starts_with(b"HTTP/1.") && next.ends_with(b"{\"mode\":\"exact\"}"), "{next:?}");
    if cfg!(feature = "planted") {
        assert!(!answer.starts_with(b"HTTP/1.1 405") , "planted");
    }
});
