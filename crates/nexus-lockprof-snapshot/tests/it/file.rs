//! Snapshots in files: atomic, and errors that name the file.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_lockprof_snapshot::{Durations, Point, ReadError, Sample, Snapshot, WriteError};

use crate::support::{TestResult, everything, named, snapshot};

/// An empty directory of the test's own, removed at its end.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(test: &str) -> std::io::Result<Self> {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn names(&self) -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn unwritable() -> Snapshot {
    let reservoir = vec![Sample {
        value_ns: 1,
        weight: f64::NAN,
    }];
    let hold = Durations {
        reservoir: reservoir.into(),
        ..Durations::default()
    };
    snapshot(vec![Point {
        hold,
        ..named("l", 1)
    }])
}

#[test]
fn written_replaced_and_read() -> TestResult {
    let dir = Directory::new("replaced")?;
    let path = dir.0.join("lock.json");
    snapshot(Vec::new()).write_json_file(&path)?;
    let whole = Snapshot::from_parts(everything());
    whole.write_json_file(&path)?;
    assert_eq!(Snapshot::read_json_file(&path)?, whole);
    assert_eq!(fs::read_to_string(&path)?, whole.to_json()? + "\n");
    assert_eq!(dir.names()?, ["lock.json"]);
    Ok(())
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() -> TestResult {
    let dir = Directory::new("failed")?;
    let path = dir.0.join("lock.json");
    let old = Snapshot::from_parts(everything());
    old.write_json_file(&path)?;
    let result = unwritable().write_json_file(&path);
    let Err(WriteError::File { path: named, error }) = result else {
        return Err(format!("{result:?}").into());
    };
    assert_eq!(named, path);
    assert!(matches!(*error, WriteError::Value { .. }));
    assert_eq!(Snapshot::read_json_file(&path)?, old);
    assert_eq!(dir.names()?, ["lock.json"]);
    Ok(())
}

#[test]
fn errors_name_the_file() -> TestResult {
    let dir = Directory::new("errors")?;
    let missing = dir.0.join("no").join("lock.json");
    for message in [
        snapshot(Vec::new())
            .write_json_file(&missing)
            .err()
            .map(|e| e.to_string()),
        snapshot(Vec::new())
            .write_json_file(&dir.0)
            .err()
            .map(|e| e.to_string()),
        Snapshot::read_json_file(&missing)
            .err()
            .map(|e| e.to_string()),
        Snapshot::read_json_file(&dir.0)
            .err()
            .map(|e| e.to_string()),
    ] {
        let message = message.ok_or("it must fail")?;
        assert!(
            message.starts_with(&dir.0.display().to_string()),
            "{message}"
        );
    }
    assert!(snapshot(Vec::new()).write_json_file("").is_err());
    assert_eq!(dir.names()?, [""; 0]);

    let path = dir.0.join("cut.json");
    fs::write(&path, "{\"format\":")?;
    let result = Snapshot::read_json_file(&path);
    let Err(ReadError::File { path: named, error }) = result else {
        return Err(format!("{result:?}").into());
    };
    assert_eq!(named, path);
    assert!(
        matches!(
            *error,
            ReadError::Truncated {
                line: 1,
                column: 10,
                ..
            }
        ),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_name_alone_is_in_the_current_directory() -> TestResult {
    // Relative to the package's directory, where cargo runs the test.
    let path = format!("lock-{}.json", std::process::id());
    let result = snapshot(Vec::new()).write_json_file(&path);
    let read = Snapshot::read_json_file(&path);
    fs::remove_file(&path)?;
    result?;
    assert_eq!(read?, snapshot(Vec::new()));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() -> TestResult {
    let dir = Directory::new("link")?;
    let (target, link) = (dir.0.join("target.json"), dir.0.join("link.json"));
    fs::write(&target, "old")?;
    std::os::unix::fs::symlink("target.json", &link)?;
    let whole = Snapshot::from_parts(everything());
    whole.write_json_file(&link)?;
    assert!(fs::symlink_metadata(&link)?.is_symlink());
    assert_eq!(Snapshot::read_json_file(&target)?, whole);
    assert_eq!(dir.names()?, ["link.json", "target.json"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_replaced_file_keeps_its_permissions() -> TestResult {
    use std::os::unix::fs::PermissionsExt;

    let dir = Directory::new("permissions")?;
    let path = dir.0.join("lock.json");
    // Two modes, so that at least one differs from a new file's default.
    for mode in [0o600, 0o640] {
        snapshot(Vec::new()).write_json_file(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        let whole = Snapshot::from_parts(everything());
        whole.write_json_file(&path)?;
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o7777, mode);
        assert_eq!(Snapshot::read_json_file(&path)?, whole);
    }
    assert_eq!(dir.names()?, ["lock.json"]);
    Ok(())
}

/// Uses a directory of our own instead of `/dev/null`: a bug, run as root, would remove that from
/// the machine.
#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_written_to_and_stays_one() -> TestResult {
    use std::io::Read;
    use std::os::unix::fs::FileTypeExt;

    let dir = Directory::new("pipe")?;
    let path = dir.0.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status()?;
    assert!(made.success(), "{made}");
    // Linux lets one process open both ends without waiting.
    let mut pipe = fs::OpenOptions::new().read(true).write(true).open(&path)?;
    let whole = Snapshot::from_parts(everything());
    whole.write_json_file(&path)?;
    assert!(fs::metadata(&path)?.file_type().is_fifo());
    assert_eq!(dir.names()?, ["pipe"]);
    let mut text = vec![0; whole.to_json()?.len() + 1];
    pipe.read_exact(&mut text)?;
    assert_eq!(Snapshot::from_json_slice(&text)?, whole);
    Ok(())
}
