//! Which file belongs to this process.
//!
//! Processes with the same environment get the same file name: a program, those that it starts, and
//! another copy of the profiler in it. The first has the file, and the others get `FILE.PID`. Two
//! things keep them apart. A [claim] says who comes first, even before anything is written. A
//! process that has no claim, or has lost it, still does not replace what another has written since
//! this process started. An older file is from an earlier run, and is replaced.

use super::claim::{self, Claim};
use super::device;
use crate::process::env::OUT;
use crate::process::stderr::say;
use nexus_lockprof_snapshot::{Snapshot, WriteError};
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where a process writes.
#[derive(Debug)]
pub(super) struct OutFile {
    /// The path from the environment.
    base: PathBuf,
    pid: u32,
    /// Which of the names it is: 0 is `FILE`, 1 is `FILE.PID`, others are `FILE.PID-N`.
    number: u32,
    path: PathBuf,
    claim: Option<Claim>,
    /// What this process has written there.
    written: Option<Version>,
    /// When this process started: nanoseconds since 1970, or 0.
    started: i64,
}

/// A file's state after it was written. The inode alone is not enough: the next file may get that
/// of the last but one.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    inode: (u64, u64),
}

/// Number of names to try.
const MOST: u32 = 64;

impl OutFile {
    /// The file of a process that started at `started`. `is_beside`: not `FILE`, even if that is
    /// free.
    pub(super) fn new(base: PathBuf, pid: u32, is_beside: bool, started: i64) -> Self {
        let mut place = OutFile {
            path: base.clone(),
            base,
            pid,
            number: 0,
            claim: None,
            written: None,
            started,
        };
        if !device::is_one(&place.base) {
            if is_beside {
                place.next();
            }
            place.choose();
        }
        place
    }

    fn next(&mut self) {
        self.number += 1;
        self.written = None;
        let mut path = self.base.clone().into_os_string();
        path.push(format!(".{}", self.pid));
        if self.number > 1 {
            path.push(format!("-{}", self.number));
        }
        self.path = path.into();
    }

    /// Takes the first free name, starting from this one, and reports it if it is another.
    fn choose(&mut self) {
        let wanted = self.path.clone();
        while self.number < MOST && !self.is_free() {
            self.next();
        }
        if self.path != wanted {
            say(format_args!(
                "{OUT}: {} is another's: writing to {}",
                wanted.display(),
                self.path.display()
            ));
        }
    }

    fn is_free(&mut self) -> bool {
        self.claim = None;
        match claim::claim(&self.path) {
            Ok(claim) => self.claim = claim,
            Err(claim::Taken) => return false,
        }
        !self.is_anothers()
    }

    /// Whether another process has written the file since this process started.
    fn is_anothers(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(meta) if meta.is_file() => {
                self.written != Some(version(&meta)) && is_later(&meta, self.started)
            }
            _ => false,
        }
    }

    pub(super) fn write(&mut self, snapshot: &Snapshot) -> Result<(), WriteError> {
        if device::is_one(&self.base) {
            return device::write(&self.base, snapshot);
        }
        // A process with a claim is alone.
        let _turn = if self.claim.is_none() {
            FolderLock::take(&self.path)
        } else {
            None
        };
        if self.is_anothers() {
            self.choose();
        }
        write_file(&self.path, snapshot)?;
        self.written = fs::metadata(&self.path).ok().as_ref().map(version);
        Ok(())
    }
}

/// Writes JSON, unless the name asks for another format.
#[cfg(feature = "json")]
fn write_file(path: &Path, snapshot: &Snapshot) -> Result<(), WriteError> {
    if device::is_binary(path) {
        snapshot.write_file(path)
    } else {
        snapshot.write_json_file(path)
    }
}

/// Writes the `.lockprof` format, whatever the name.
#[cfg(not(feature = "json"))]
fn write_file(path: &Path, snapshot: &Snapshot) -> Result<(), WriteError> {
    snapshot.write_file(path)
}

fn is_later(meta: &Metadata, started: i64) -> bool {
    let modified = meta.modified().ok();
    let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    // Later, and not in the same tick of the clock: a run that follows another at once must not
    // take the earlier run's file for a child's.
    started > 0 && since.is_some_and(|since| since > Duration::from_nanos(started.unsigned_abs()))
}

fn version(meta: &Metadata) -> Version {
    Version {
        modified: meta.modified().ok(),
        inode: inode(meta),
    }
}

#[cfg(unix)]
fn inode(meta: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (meta.dev(), meta.ino())
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// One process's turn to look at a file and replace it. Others wait for it, but not for long.
struct FolderLock(#[allow(dead_code, reason = "locked until it is closed")] File);

impl FolderLock {
    fn take(path: &Path) -> Option<Self> {
        const TRIES: u32 = 100;
        const STEP: Duration = Duration::from_millis(10);
        let folder = File::open(path.parent()?).ok()?;
        for _ in 0..TRIES {
            match folder.try_lock() {
                Ok(()) => return Some(FolderLock(folder)),
                Err(fs::TryLockError::WouldBlock) => std::thread::sleep(STEP),
                Err(fs::TryLockError::Error(error))
                    if error.kind() == io::ErrorKind::Interrupted => {}
                Err(fs::TryLockError::Error(_)) => break,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_lockprof_snapshot::SnapshotParts;

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("lockprof-place-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).unwrap();
            Folder(folder)
        }

        fn files(&self) -> Vec<String> {
            let names = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<_> = names
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn snapshot(pid: u32) -> Snapshot {
        Snapshot::from_parts(SnapshotParts {
            pid,
            ..SnapshotParts::default()
        })
    }

    /// The place of a process that started at `started`, with or without a claim.
    fn place(folder: &Folder, pid: u32, started: i64, has_claim: bool) -> OutFile {
        let mut place = OutFile::new(folder.0.join("x.json"), pid, false, started);
        if !has_claim {
            place.claim = None;
        }
        place
    }

    /// Before every file of a test.
    const LONG_AGO: i64 = 1;
    /// After every file of a test.
    const TO_COME: i64 = i64::MAX;

    #[test]
    fn the_file_of_an_earlier_run_is_replaced() {
        let folder = Folder::new("earlier");
        for pid in [7, 8] {
            let mut place = place(&folder, pid, TO_COME, true);
            for _ in 0..2 {
                place.write(&snapshot(pid)).unwrap();
            }
        }
        assert_eq!(folder.files(), ["x.json"]);
        let read = Snapshot::read_file(folder.0.join("x.json")).unwrap();
        assert_eq!(read.pid(), 8);
    }

    #[test]
    fn what_was_written_meanwhile_is_kept_also_without_a_claim() {
        let folder = Folder::new("meanwhile");
        let mut places: Vec<_> = [7, 8, 8]
            .map(|pid| place(&folder, pid, LONG_AGO, false))
            .into();
        for round in 0..3 {
            for (place, pid) in places.iter_mut().zip([7, 8, 8]) {
                place.write(&snapshot(pid)).unwrap();
            }
            let names = ["x.json", "x.json.8", "x.json.8-2"];
            assert_eq!(folder.files(), names, "{round}");
        }
    }

    #[test]
    fn who_writes_at_the_same_time_has_a_file_of_its_own() {
        let folder = Folder::new("same-time");
        let mut places: Vec<_> = (1..=8)
            .map(|pid| place(&folder, pid, LONG_AGO, false))
            .collect();
        std::thread::scope(|scope| {
            for place in &mut places {
                scope.spawn(|| place.write(&snapshot(place.pid)).unwrap());
            }
        });
        assert_eq!(folder.files().len(), 8, "{:?}", folder.files());
        let mut written: Vec<_> = places.iter().map(|place| &place.path).collect();
        written.sort();
        written.dedup();
        assert_eq!(written.len(), 8);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_claims_the_file_first_has_it_though_another_ends_first() {
        let folder = Folder::new("claim");
        let mut first = place(&folder, 7, LONG_AGO, true);
        let mut second = place(&folder, 8, LONG_AGO, true);
        second.write(&snapshot(8)).unwrap();
        assert_eq!(folder.files(), ["x.json.8"]);
        first.write(&snapshot(7)).unwrap();
        assert_eq!(folder.files(), ["x.json", "x.json.8"]);
    }
}
