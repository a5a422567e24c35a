//! Files in a directory that others can write to: we do not follow what they put there. Tests that
//! need another user are skipped unless root runs them.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::Path;

use nexus_lockprof_snapshot::{Snapshot, WriteError};

use crate::file::Directory;
use crate::support::{TestResult, everything, snapshot};

const OTHER: u32 = 12_345;

fn shared(name: &str) -> std::io::Result<Directory> {
    let dir = Directory::new(name)?;
    fs::set_permissions(&dir.0, Permissions::from_mode(0o1777))?;
    Ok(dir)
}

/// The error names the user, and no file is left behind.
#[track_caller]
fn check_refused(result: Result<(), WriteError>, path: &Path) {
    let error = result.err().map(|error| error.to_string());
    let expected = format!(
        "{}: it is no regular file, but was put there by user {OTHER}, in a directory that everybody can write to",
        path.display()
    );
    assert_eq!(error, Some(expected));
}

#[test]
fn a_link_of_another_user_is_not_followed() -> TestResult {
    let (dir, mine) = (shared("strangers-link")?, Directory::new("mine")?);
    let precious = mine.0.join("precious");
    fs::write(&precious, "precious")?;
    for target in [precious.clone(), mine.0.join("new")] {
        let link = dir.0.join("lock.json");
        symlink(&target, &link)?;
        if lchown(&link, Some(OTHER), None).is_err() {
            return Ok(());
        }
        check_refused(snapshot(Vec::new()).write_json_file(&link), &link);
        check_refused(snapshot(Vec::new()).write_file(&link), &link);
        fs::remove_file(&link)?;
    }
    assert_eq!(fs::read_to_string(&precious)?, "precious");
    assert_eq!(mine.names()?, ["precious"]);
    assert_eq!(dir.names()?, [""; 0]);
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_of_another_user_is_not_written_to() -> TestResult {
    let dir = shared("strangers-pipe")?;
    let path = dir.0.join("lock.json");
    let made = std::process::Command::new("mkfifo").arg(&path).status()?;
    assert!(made.success(), "{made}");
    if chown(&path, Some(OTHER), None).is_err() {
        return Ok(());
    }
    // If the code did write to it, the write would not block for lack of a reader.
    let _reader = fs::OpenOptions::new().read(true).write(true).open(&path)?;
    check_refused(snapshot(Vec::new()).write_json_file(&path), &path);
    assert_eq!(dir.names()?, ["lock.json"]);
    Ok(())
}

#[test]
fn a_link_of_ones_own_is_followed() -> TestResult {
    let dir = shared("own-link")?;
    let (target, link) = (dir.0.join("target.json"), dir.0.join("link.json"));
    fs::write(&target, "old")?;
    symlink(&target, &link)?;
    // The directory may belong to another user: the link is still ours.
    let _ = chown(&dir.0, Some(OTHER), None);
    let whole = Snapshot::from_parts(everything());
    whole.write_json_file(&link)?;
    assert_eq!(Snapshot::read_json_file(&target)?, whole);
    assert_eq!(dir.names()?, ["link.json", "target.json"]);
    Ok(())
}

/// Others know our process's number and can count up.
#[test]
fn names_that_somebody_has_taken() -> TestResult {
    let dir = shared("taken")?;
    let process = std::process::id();
    for serial in 0..1000 {
        fs::write(dir.0.join(format!(".lockprof-{process}-{serial}.tmp")), "")?;
    }
    snapshot(Vec::new()).write_json_file(dir.0.join("lock.json"))?;
    assert_eq!(dir.names()?.len(), 1001);
    Ok(())
}

#[test]
fn permissions_that_are_not_taken_over() -> TestResult {
    let dir = Directory::new("bits")?;
    let path = dir.0.join("lock.json");
    let replaced = |owner: Option<u32>, mode: u32| -> Result<u32, Box<dyn std::error::Error>> {
        fs::write(&path, "old")?;
        chown(&path, owner, None)?;
        fs::set_permissions(&path, Permissions::from_mode(mode))?;
        snapshot(Vec::new()).write_json_file(&path)?;
        let mode = fs::metadata(&path)?.mode() & 0o7777;
        fs::remove_file(&path)?;
        Ok(mode)
    };
    assert_eq!(replaced(None, 0o4766)?, 0o766);
    assert_eq!(replaced(None, 0o2644)?, 0o644);
    if fs::metadata(&dir.0)?.uid() == 0 {
        // Another user's file that everybody can write to must not stay so when it becomes ours.
        assert_eq!(replaced(Some(OTHER), 0o6666)?, 0o644);
    }
    Ok(())
}
