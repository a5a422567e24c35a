//! Output paths that are not regular files: standard output, a terminal, a named pipe, `/dev/null`.
//! Each process with such a path writes to it and does not replace it. A write does not wait for a
//! reader to come, and waits only for a limited time for one that does not read.

use nexus_lockprof_snapshot::{Snapshot, WriteError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Whether a path is one. Standard output stays one even if it is redirected to a file.
pub(super) fn is_one(path: &Path) -> bool {
    const STANDARD: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"];
    STANDARD.iter().any(|standard| path.starts_with(standard))
        || fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// Writes a snapshot there.
pub(super) fn write(path: &Path, snapshot: &Snapshot) -> Result<(), WriteError> {
    let bytes = bytes(path, snapshot)?;
    write_bytes(path, &bytes, PATIENCE_MS).map_err(|error| WriteError::File {
        path: path.to_owned(),
        error: Box::new(WriteError::Io(error)),
    })
}

/// Whether a file with this name has the `.lockprof` format.
#[cfg(feature = "json")]
pub(super) fn is_binary(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "lockprof")
}

#[cfg(feature = "json")]
fn bytes(path: &Path, snapshot: &Snapshot) -> Result<Vec<u8>, WriteError> {
    if is_binary(path) {
        return snapshot.to_bytes();
    }
    let mut line = snapshot.to_json()?;
    line.push('\n');
    Ok(line.into_bytes())
}

#[cfg(not(feature = "json"))]
fn bytes(_: &Path, snapshot: &Snapshot) -> Result<Vec<u8>, WriteError> {
    snapshot.to_bytes()
}

/// How long a pipe's reader may do nothing, in milliseconds.
const PATIENCE_MS: i32 = 5_000;

fn write_bytes(path: &Path, mut rest: &[u8], patience_ms: i32) -> io::Result<()> {
    let mut file = open(path)?;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !has_room_within(&file, patience_ms) {
                    return Err(io::Error::new(
                        ErrorKind::TimedOut,
                        "full, and nobody reads it: the snapshot is cut off",
                    ));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Appends, because a program's own output may be there. Without `O_NONBLOCK`, opening a pipe
    // would wait for a reader.
    let opened = OpenOptions::new()
        .append(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => io::Error::new(
            ErrorKind::BrokenPipe,
            "nobody reads it: the snapshot is not written",
        ),
        _ => error,
    })
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

#[cfg(unix)]
fn has_room_within(file: &File, ms: i32) -> bool {
    use std::os::fd::AsRawFd;
    let mut poll = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    loop {
        // SAFETY: the pointer is to one `pollfd`.
        let ready = unsafe { libc::poll(&raw mut poll, 1, ms) };
        let is_interrupted =
            ready < 0 && io::Error::last_os_error().kind() == ErrorKind::Interrupted;
        if !is_interrupted {
            return ready > 0;
        }
    }
}

#[cfg(not(unix))]
fn has_room_within(_: &File, _: i32) -> bool {
    false
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::path::PathBuf;

    /// A named pipe, removed at the end.
    struct Pipe(PathBuf);

    impl Pipe {
        fn new(name: &str) -> Self {
            let name = format!("lockprof-pipe-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let text = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
            // SAFETY: the path ends with 0.
            assert_eq!(unsafe { libc::mkfifo(text.as_ptr(), 0o600) }, 0);
            Pipe(path)
        }

        /// Opens it for reading, without waiting for a writer.
        fn reader(&self) -> File {
            use std::os::unix::fs::OpenOptionsExt;
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&self.0)
                .unwrap()
        }
    }

    impl Drop for Pipe {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn what_is_one() {
        let pipe = Pipe::new("what");
        for path in ["/dev/stdout", "/dev/fd/3", "/dev/null"] {
            assert!(is_one(Path::new(path)), "{path}");
        }
        assert!(is_one(&pipe.0));
        for path in ["/dev/shm/locks.json", "/dev", "/nonexistent", "/etc/passwd"] {
            assert!(!is_one(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_not_waited_for() {
        let pipe = Pipe::new("unread");
        let error = write_bytes(&pipe.0, b"x", 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nobody reads it: the snapshot is not written"
        );
        // There is a reader, but it does not read.
        let _reader = pipe.reader();
        let error = write_bytes(&pipe.0, &[0; 1 << 20], 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_reader_gets_all_of_it() {
        let pipe = Pipe::new("read");
        let bytes = vec![7; 1 << 20];
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut read = Vec::new();
                File::open(&pipe.0).unwrap().read_to_end(&mut read).unwrap();
                read
            });
            // The other thread opens the pipe at some time.
            while let Err(error) = write_bytes(&pipe.0, &bytes, i32::MAX) {
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                std::thread::yield_now();
            }
            assert!(reader.join().unwrap() == bytes);
        });
    }
}
