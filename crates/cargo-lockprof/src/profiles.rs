//! The profiles that a run has left.

use crate::args::Options;
use crate::{endings, say, symbols, tell};
use anyhow::{Context, Result};
use nexus_lockprof_command::{out, terminal};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Merge, Snapshot};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The profile of one process.
pub(crate) struct Profile {
    path: PathBuf,
    pub(crate) pid: String,
    pub(crate) program: String,
    written: SystemTime,
    /// Its acquisitions, if it is not the one that is written at the exit.
    cut_off: Option<u64>,
}

impl Profile {
    /// Whether its process has not ended by an exit, or not yet.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.is_some()
    }

    /// Whether the process with this number has written it. Further copies of the profiler in it have `-2` and so on.
    fn is_of(&self, pid: &str) -> bool {
        self.pid.split('-').next() == Some(pid)
    }

    /// Whether there is nothing in it but that its process was there.
    pub(crate) fn is_empty(&self) -> bool {
        self.cut_off == Some(0)
    }
}

/// Prints a report of the profiles in `folder`, or writes them to the file that was asked for. Whether programs in `build` go on
/// that will write there.
pub(crate) fn present(
    (folder, build): (&Path, &Path),
    options: &Options,
    unseen: &BTreeSet<String>,
    succeeded: bool,
) -> Result<bool> {
    let all = list(folder)?;
    let (empty, profiles): (Vec<Profile>, Vec<Profile>) =
        all.into_iter().partition(Profile::is_empty);
    let running = endings::running(folder, build);
    let tell_rest = || {
        let ended = |profile: &&Profile| running.iter().all(|running| !profile.is_of(&running.pid));
        endings::tell_cut_off(profiles.iter().chain(&empty).filter(ended));
        endings::tell_running(&running, folder);
        tell_unseen(unseen);
        !running.is_empty()
    };
    if profiles.is_empty() {
        if succeeded && empty.is_empty() && running.is_empty() {
            say(format_args!(
                "no profile: no program was run to its end that has used one of the locks that are seen"
            ));
        }
        return Ok(tell_rest());
    }
    let result = if options.per_process {
        let mut failed = None;
        for (index, profile) in profiles.iter().enumerate() {
            let of_one = read(profile).and_then(|snapshot| {
                let title = format!("{} (pid {})", profile.program, profile.pid);
                let suffix = if index == 0 {
                    String::new()
                } else {
                    format!(".{}", profile.pid)
                };
                show(snapshot, &title, &suffix, options)
            });
            // The others are shown all the same.
            if let Err(error) = of_one {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    } else {
        merged(&profiles).and_then(|snapshot| show(snapshot, &title(&profiles), "", options))
    };
    let goes_on = tell_rest();
    result.map(|()| goes_on)
}

/// In order of their last writing: the process that ended last was most likely the one that was asked for.
fn list(folder: &Path) -> Result<Vec<Profile>> {
    let unread = || format!("{} cannot be listed", folder.display());
    let mut profiles = Vec::new();
    for entry in fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // PID.PROGRAM.lockprof, or of a forked child PID.PROGRAM.lockprof.PID; a further copy of the profiler in it adds -N.
        let Some((parent, rest)) = name.split_once('.') else {
            continue;
        };
        let Some((program, child)) = rest.rsplit_once(".lockprof") else {
            continue;
        };
        let pid = child.strip_prefix('.').unwrap_or(parent).to_owned();
        let program = program.to_owned();
        if !pid.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            continue; // being written when its process was killed
        }
        // A part of the build.
        if ["build-script-", "build_script_"]
            .iter()
            .any(|script| program.starts_with(script))
        {
            continue;
        }
        let written = fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .with_context(|| format!("{} cannot be looked at", path.display()))?;
        // A file that cannot be read is reported when it is shown.
        let cut_off = Snapshot::read_file(&path)
            .ok()
            .and_then(|snapshot| snapshot.is_glance().then(|| snapshot.table().acquisitions));
        profiles.push(Profile {
            path,
            pid,
            program,
            written,
            cut_off,
        });
    }
    profiles.sort_by_key(|profile| std::cmp::Reverse(profile.written));
    Ok(profiles)
}

/// `server (pid 7)`, or `server and 2 others (3 processes)`.
fn title(profiles: &[Profile]) -> String {
    let Some(first) = profiles.first() else {
        return String::new();
    };
    // A test's program has a hash in its name.
    let programs: BTreeSet<&str> = profiles
        .iter()
        .map(|profile| profile.program.as_str())
        .collect();
    match (profiles.len(), programs.len()) {
        (1, _) => format!("{} (pid {})", first.program, first.pid),
        (processes, 1) => format!("{} ({processes} processes)", first.program),
        (processes, 2) => format!(
            "{} and 1 other program ({processes} processes)",
            first.program
        ),
        (processes, programs) => format!(
            "{} and {} other programs ({processes} processes)",
            first.program,
            programs - 1
        ),
    }
}

fn read(profile: &Profile) -> Result<Snapshot> {
    Snapshot::read_file(&profile.path)
        .with_context(|| format!("the profile of {} cannot be read", profile.program))
}

fn merged(profiles: &[Profile]) -> Result<Snapshot> {
    if let [one] = profiles {
        return read(one);
    }
    let mut merge = Merge::new();
    for profile in profiles {
        merge
            .add_file(&profile.path)
            .with_context(|| format!("the profile of {} cannot be read", profile.program))?;
    }
    Ok(merge.finish())
}

/// Prints a report, or writes the file.
fn show(snapshot: Snapshot, title: &str, suffix: &str, options: &Options) -> Result<()> {
    let snapshot = symbols::named(snapshot);
    if let Some(out) = &options.out {
        let mut to = out.clone();
        to.as_mut_os_string().push(suffix);
        out::write(&snapshot, out, &to)?;
        say(format_args!("profile of {title}: {}", to.display()));
        return Ok(());
    }
    let snapshot = snapshot.portable();
    let table = text::table(&snapshot)
        .top(options.top)
        .callers(options.callers)
        .width(terminal::stderr_width());
    tell(&format!("\nprofile of {title}:\n{table}\n"));
    Ok(())
}

/// Says whose locks no profile has.
pub(crate) fn tell_unseen(unseen: &BTreeSet<String>) {
    const ALWAYS: &str = "waits in std's Once, OnceLock, LazyLock, Barrier and mpsc";
    if unseen.is_empty() {
        say(format_args!("not seen: {ALWAYS}"));
    } else {
        let list: Vec<&str> = unseen.iter().map(String::as_str).collect();
        say(format_args!(
            "not seen: {ALWAYS}, and locks of {}",
            list.join(", ")
        ));
    }
}
