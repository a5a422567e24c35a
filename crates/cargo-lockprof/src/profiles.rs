//! The profiles of a run.

use crate::args::Options;
use crate::profile::Profile;
use crate::say::{say, tell};
use crate::{endings, programs};
use anyhow::{Context, Result};
use nexus_lockprof_command::{names, out, terminal};
use nexus_lockprof_export::text;
use nexus_lockprof_snapshot::{Merge, Snapshot};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Prints a report of the profiles in `folder`, or writes them to the file that the user asked for.
/// Returns whether programs in `build` still run and will write there.
pub(crate) fn present(
    (folder, build): (&Path, &Path),
    options: &Options,
    unseen: &BTreeSet<String>,
    succeeded: bool,
) -> Result<bool> {
    let mut failed = None;
    let mut reports = Reports::new(options);
    let (mut empty, mut profiles) = (Vec::new(), Vec::new());
    for mut profile in list(folder, build)? {
        match profile.read() {
            Ok(_) if profile.is_empty() => {
                empty.push(profile);
                continue;
            }
            // The other profiles are still shown.
            read => {
                if let Err(error) = read.and_then(|snapshot| reports.add(&profile, snapshot)) {
                    failed.get_or_insert(error);
                }
            }
        }
        profiles.push(profile);
    }
    let running = endings::running(folder, build);
    if profiles.is_empty() && succeeded && empty.is_empty() && running.is_empty() {
        say(format_args!(
            "no profile: no program was run to its end that has used one of the locks that are seen"
        ));
    }
    if let Err(error) = reports.finish(&title(&profiles)) {
        failed.get_or_insert(error);
    }
    let ended = |profile: &&Profile| running.iter().all(|running| !profile.is_of(&running.pid));
    endings::tell_cut_off(profiles.iter().chain(&empty).filter(ended));
    endings::tell_running(&running, folder);
    tell_unseen(unseen);
    failed.map_or(Ok(!running.is_empty()), Err)
}

/// Shows each profile by itself, or all merged into one. Reads each file once, and keeps few of
/// them in memory at a time.
struct Reports<'a> {
    options: &'a Options,
    shown: usize,
    /// The first profile, while there is no other.
    only: Option<Snapshot>,
    merge: Option<Merge>,
}

impl<'a> Reports<'a> {
    fn new(options: &'a Options) -> Self {
        Reports {
            options,
            shown: 0,
            only: None,
            merge: None,
        }
    }

    fn add(&mut self, profile: &Profile, snapshot: Snapshot) -> Result<()> {
        if self.options.per_process {
            let title = format!("{} (pid {})", profile.program, profile.pid);
            let suffix = match self.shown {
                0 => String::new(),
                _ => format!(".{}", profile.pid),
            };
            self.shown += 1;
            return show(snapshot, &title, &suffix, self.options);
        }
        if self.only.is_none() && self.merge.is_none() {
            self.only = Some(snapshot);
            return Ok(());
        }
        let merge = self.merge.get_or_insert_with(Merge::new);
        if let Some(first) = self.only.take() {
            merge.add(&first);
        }
        merge.add(&snapshot);
        Ok(())
    }

    /// Shows the merged profile, if there is one.
    fn finish(self, title: &str) -> Result<()> {
        match self.only.or_else(|| Some(self.merge?.finish())) {
            Some(snapshot) => show(snapshot, title, "", self.options),
            None => Ok(()),
        }
    }
}

/// The profiles in `folder`, last written first: the process that ended last is most likely the one
/// that the user wants.
fn list(folder: &Path, build: &Path) -> Result<Vec<Profile>> {
    let unread = || format!("{} cannot be listed", folder.display());
    let mut profiles = Vec::new();
    for entry in fs::read_dir(folder).with_context(unread)? {
        let path = entry.with_context(unread)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // PID.PROGRAM.lockprof, or PID.PROGRAM.lockprof.PID for a forked child. A further copy of
        // the profiler in the process adds -N.
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
        if programs::is_of_the_build(build, &program) {
            continue;
        }
        let written = fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .with_context(|| format!("{} cannot be looked at", path.display()))?;
        profiles.push(Profile {
            path,
            pid,
            program,
            written,
            cut_off: None,
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

/// Prints a report, or writes the file.
fn show(snapshot: Snapshot, title: &str, suffix: &str, options: &Options) -> Result<()> {
    let snapshot = names::named(snapshot);
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

/// Says which locks no profile has.
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
