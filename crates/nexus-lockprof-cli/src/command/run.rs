//! `lockprof run`: the waits of a program that is already built.

use crate::exit::Outcome;
use anyhow::Result;
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof run -- ./target/release/server --port 8080
  lockprof run --out waits.lockprof ./server && lockprof report waits.lockprof

The program is run as it is: nothing is built. Its waits for locks of Rust's std, parking_lot, pthreads and GLib are recorded, and
those of the processes that it starts. Acquisitions that do not wait, and for how long locks are held, are not known.
For those, build it with `cargo lockprof run`. Exits with the program's own code.";

#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "it says that it is for Linux")
)]
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Write the profile to FILE instead of printing the report: as JSON, or in lockprof's own form
    /// if FILE ends in `.lockprof`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Number of rows in the report.
    #[arg(short = 'n', long, value_name = "ROWS", default_value_t = 25, value_parser = crate::values::at_least_one())]
    pub(crate) top: usize,
    /// Number of callers to show of each point.
    #[arg(long, value_name = "CALLERS", default_value_t = 3)]
    pub(crate) callers: usize,
    /// The program, with its arguments.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        required = true,
        value_name = "PROGRAM"
    )]
    pub(crate) program: Vec<OsString>,
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &Options) -> Result<Outcome> {
    anyhow::bail!("`lockprof run` is for Linux")
}

#[cfg(target_os = "linux")]
pub(crate) use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use super::{Options, Outcome, Result};
    use crate::waits::library::Folder;
    use crate::waits::profile::{self, Profile};
    use crate::waits::program;
    use anyhow::Context;
    use nexus_lockprof_command::child::{self, Signals};
    use nexus_lockprof_command::{out, terminal};
    use nexus_lockprof_export::readable::number::duration;
    use nexus_lockprof_export::text;
    use nexus_lockprof_snapshot::{printable_lines, printable_message};
    use std::io::Write;
    use std::path::Path;
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    pub(crate) fn run(options: &Options) -> Result<Outcome> {
        let (name, arguments) = options.program.split_first().context("no program")?;
        out::check(options.out.as_deref())?;
        let unseen = program::unseen(name)?;
        let mut command = Command::new(name);
        command.args(arguments);
        if let Some(why) = unseen {
            say(format_args!(
                "no waits of {} can be seen: {why}. It runs unprofiled",
                name.display()
            ));
            let status = child::wait(spawn(&mut command)?, Signals::All)?;
            return Ok(Outcome::Exit(child::exit_code(status)));
        }
        let folder = Folder::new()?;
        command.env("LD_PRELOAD", folder.preload());
        command.env("LOCKPROF_WAITS", folder.variable());
        let begin = Instant::now();
        let status = child::wait(spawn(&mut command)?, Signals::All)?;
        if let Err(error) = present(&folder, begin.elapsed(), options) {
            say(format_args!("{error:#}"));
        }
        Ok(Outcome::Exit(child::exit_code(status)))
    }

    fn spawn(command: &mut Command) -> Result<Child> {
        let child = command.spawn();
        child.with_context(|| format!("{} cannot be run", command.get_program().display()))
    }

    fn present(folder: &Folder, elapsed: Duration, options: &Options) -> Result<()> {
        let Some(profile) = profile::read(folder.path(), elapsed)? else {
            say(format_args!(
                "no profile: the library was not loaded into the program, or could not make a file of 14 MB, which is sparse, in {}",
                folder.path().display()
            ));
            return Ok(());
        };
        // The name as typed: a script's program is its interpreter.
        let name = options.program.first().map(Path::new);
        let name = name.and_then(Path::file_name).unwrap_or_default();
        let title = match profile.processes {
            1 => name.display().to_string(),
            more => format!("{} ({more} processes)", name.display()),
        };
        if let Some(out) = &options.out {
            out::write(&profile.snapshot, out, out)?;
            say(format_args!("waits of {title}: {}", out.display()));
        } else {
            let table = if profile.snapshot.points().is_empty() {
                "No thread waited for a lock.".to_owned()
            } else {
                let snapshot = profile.snapshot.clone().portable();
                text::table(&snapshot)
                    .top(options.top)
                    .callers(options.callers)
                    .width(terminal::stderr_width())
                    .to_string()
            };
            tell(&format!("\nwaits of {title}:\n{table}\n"));
        }
        tell(&notes(&profile));
        Ok(())
    }

    /// Waits for anything but locks, and unknown waits.
    fn notes(profile: &Profile) -> String {
        const SITES: usize = 3;
        let mut notes = String::new();
        let mut note = |line: String| {
            notes.push_str(&line);
            notes.push('\n');
        };
        if profile.unfinished > 0 {
            let (noun, verb) = match profile.unfinished {
                1 => ("thread", "was"),
                _ => ("threads", "were"),
            };
            note(format!(
                "{} {noun} {verb} still waiting for a lock when the process ended.",
                profile.unfinished
            ));
        }
        if !profile.others.is_empty() {
            let list = profile
                .others
                .iter()
                .map(|(what, sums)| format!("{what} {} ({})", sums.waits, duration(sums.wait_ns)));
            note(format!(
                "Waits that are not for locks: {}.",
                list.collect::<Vec<_>>().join(", ")
            ));
        }
        if let [_, ..] = profile.unknown.as_slice() {
            let all = profile.unknown.iter().map(|(_, sums)| sums.waits);
            let waits = all.fold(0, u64::saturating_add);
            let sites =
                profile.unknown.iter().take(SITES).map(|(site, sums)| {
                    format!("{site} {} ({})", sums.waits, duration(sums.wait_ns))
                });
            let more = profile.unknown.len().saturating_sub(SITES);
            let more = match more {
                0 => String::new(),
                more => format!(", and {more} more places"),
            };
            note(format!(
                "Waits that may be for locks or not: {waits}, at {}{more}.",
                sites.collect::<Vec<_>>().join(", ")
            ));
        }
        if !profile.without_symbols.is_empty() {
            let names: Vec<&str> = profile.without_symbols.iter().map(String::as_str).collect();
            note(format!(
                "{}: no symbols (stripped), so places are addresses, and locks are told from other waits by their futex alone.",
                names.join(", ")
            ));
        }
        notes
    }

    /// Tells the user something on stderr, because standard output is the program's. Carries on if
    /// stderr is closed.
    fn say(message: std::fmt::Arguments<'_>) {
        tell(&format!("lockprof: {}\n", printable_message(message)));
    }

    fn tell(text: &str) {
        let _ = write!(std::io::stderr(), "{}", printable_lines(text));
    }
}
