//! The profiles that a run has left.

use crate::graph::Unseen;
use crate::{say, tell};
use anyhow::{Context, Result};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::Snapshot;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What a report shows.
pub(crate) struct Shown<'a> {
    pub(crate) top: usize,
    pub(crate) callers: usize,
    pub(crate) unseen: &'a BTreeSet<Unseen>,
}

/// The profile of one process.
struct Profile {
    path: PathBuf,
    pid: String,
    program: String,
    written: SystemTime,
}

/// Prints a report of each profile in `folder`, or moves them to `out`.
pub(crate) fn present(
    folder: &Path,
    out: Option<&Path>,
    shown: &Shown<'_>,
    succeeded: bool,
) -> Result<()> {
    let profiles = list(folder)?;
    if profiles.is_empty() {
        if succeeded {
            say(format_args!(
                "no profile: no program was run to its end that has used one of the locks that are seen"
            ));
        }
        tell_unseen(shown.unseen);
        return Ok(());
    }
    let mut failed = None;
    for (index, profile) in profiles.iter().enumerate() {
        let done = match out {
            Some(out) => keep(profile, out, index == 0),
            None => print(profile, shown),
        };
        // The others are to be had all the same.
        if let Err(error) = done {
            failed.get_or_insert(error);
        }
    }
    tell_unseen(shown.unseen);
    failed.map_or(Ok(()), Err)
}

/// In order of their last writing: the process that ended last was most likely the one that was asked for.
fn list(folder: &Path) -> Result<Vec<Profile>> {
    let unread = || format!("{} cannot be listed", folder.display());
    let mut profiles = Vec::new();
    for entry in fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // PID.PROGRAM.json, or of a forked child PID.PROGRAM.json.PID; a further copy of the profiler in it adds -N.
        let Some((parent, rest)) = name.split_once('.') else {
            continue;
        };
        let Some((program, child)) = rest.rsplit_once(".json") else {
            continue;
        };
        let pid = child.strip_prefix('.').unwrap_or(parent).to_owned();
        let program = program.to_owned();
        if !pid.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            continue; // being written when its process was killed
        }
        let written = fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .with_context(|| format!("{} cannot be looked at", path.display()))?;
        profiles.push(Profile {
            path,
            pid,
            program,
            written,
        });
    }
    profiles.sort_by_key(|profile| std::cmp::Reverse(profile.written));
    Ok(profiles)
}

/// Moves a profile to where it was asked for: the first to `out`, others beside it.
fn keep(profile: &Profile, out: &Path, first: bool) -> Result<()> {
    let mut to = out.to_owned();
    if !first {
        to.as_mut_os_string().push(format!(".{}", profile.pid));
    }
    fs::copy(&profile.path, &to)
        .with_context(|| format!("the profile cannot be written to {}", to.display()))?;
    say(format_args!(
        "profile of {} (pid {}): {}",
        profile.program,
        profile.pid,
        to.display()
    ));
    Ok(())
}

fn print(profile: &Profile, shown: &Shown<'_>) -> Result<()> {
    let snapshot = Snapshot::read_file(&profile.path)
        .with_context(|| format!("the profile of {} cannot be read", profile.program))?;
    let snapshot = snapshot.portable();
    let table = text::table(&snapshot)
        .top(shown.top)
        .callers(shown.callers)
        .width(width());
    tell(&format!(
        "\nprofile of {} (pid {}):\n{table}\n",
        profile.program, profile.pid
    ));
    Ok(())
}

/// Says whose locks no profile has.
pub(crate) fn tell_unseen(unseen: &BTreeSet<Unseen>) {
    let list: Vec<String> = unseen.iter().map(ToString::to_string).collect();
    if list.is_empty() {
        say(format_args!(
            "locks not seen: those of std and tokio themselves"
        ));
    } else {
        say(format_args!(
            "locks not seen: those of std and tokio themselves, and of crates {}",
            list.join(", ")
        ));
    }
}

/// Of the terminal, if there is one.
fn width() -> usize {
    const NO_TERMINAL: usize = 160;
    terminal_size::terminal_size_of(std::io::stderr())
        .map_or(NO_TERMINAL, |(terminal_size::Width(width), _)| {
            usize::from(width)
        })
}
