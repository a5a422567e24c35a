//! `lockprof ps`: lists the processes that serve on this machine.

use crate::output;
use crate::target::{self, Endpoint, Source, Trust};
use crate::terminal::Color;
use anyhow::{Result, anyhow};
use nexus_lockprof_export::readable::columns::Columns;
use nexus_lockprof_export::readable::number;
use nexus_lockprof_snapshot::{printable, printable_message};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

pub(crate) const EXAMPLES: &str = "\
Examples:
  lockprof ps
  lockprof ps --stale

A process is listed if it was started with LOCKPROF_SERVE=unix or LOCKPROF_SERVE=127.0.0.1:PORT, or
calls nexus_lockprof::serve.";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Also list sockets and ports at which their process no longer listens.
    #[arg(long)]
    pub(crate) stale: bool,
}

/// A socket, or the link to a port, in a runtime directory.
struct Found {
    pid: u32,
    name: PathBuf,
    place: Endpoint,
}

/// A process in the list.
struct Row {
    cells: [String; 6],
    answered: bool,
}

pub(crate) fn run(options: &Options, color: Color) -> Result<()> {
    let mut table = Columns::new(
        [
            "pid",
            "program",
            "profiler mode",
            "profiled",
            "acquisitions",
            "uptime",
        ],
        |column| matches!(column, 0 | 3..),
    );
    let (rows, stale) = sorted_out(answers(&sockets()));
    rows.into_iter().for_each(|row| table.push(row));
    let mut lines = Vec::new();
    if !table.is_empty() {
        lines.extend(table.lines());
    } else {
        lines.push("No process of yours serves. Start one with LOCKPROF_SERVE=unix.".to_owned());
    }
    if options.stale {
        lines.extend(stale.iter().map(|error| format!("stale: {error}")));
    } else if !stale.is_empty() {
        lines.push(format!("{} that do not answer: see --stale", stale.len()));
    }
    output::print(color, &lines.join("\n"))
}

/// Collects the answer of each. Asks several at the same time, so that a stopped process does not
/// hold up the others.
fn answers(found: &[Found]) -> Vec<(u32, Result<Row>)> {
    const AT_ONCE: usize = 16;
    let mut answers = Vec::new();
    for group in found.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let threads: Vec<_> = group
                .iter()
                .map(|found| scope.spawn(|| row(found)))
                .collect();
            answers.extend(group.iter().zip(threads).map(|(found, thread)| {
                let answer = thread.join();
                let row = answer.unwrap_or_else(|_| Err(anyhow!("a thread has panicked")));
                (found.pid, row)
            }));
        });
    }
    answers
}

/// The rows, one for each process, and what is stale. A process may serve at several places, and an
/// earlier one with its number may have left some. Those that answer come first.
fn sorted_out(mut answers: Vec<(u32, Result<Row>)>) -> (Vec<[String; 6]>, Vec<String>) {
    answers.sort_by_key(|(pid, row)| {
        let answered = matches!(row, Ok(row) if row.answered);
        (*pid, !answered)
    });
    let (mut rows, mut stale, mut last) = (Vec::new(), Vec::new(), None);
    for (pid, row) in answers {
        match row {
            Ok(_) if last == Some(pid) => {}
            Ok(row) => {
                last = Some(pid);
                rows.push(row.cells);
            }
            Err(error) => stale.push(printable_message(format_args!("{error:#}"))),
        }
    }
    (rows, stale)
}

/// Sorted by pid.
fn sockets() -> Vec<Found> {
    let mut found = Vec::new();
    for directory in target::runtime_directories(None) {
        // A missing directory counts as empty. Other users' directories are ignored.
        if Trust::default().check_directory(&directory).is_err() {
            continue;
        }
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        found.extend(entries.flatten().filter_map(|entry| of(entry.path())));
    }
    found.sort_by(|a, b| (a.pid, &a.name).cmp(&(b.pid, &b.name)));
    found
}

/// `PID.sock` or `PID.url`.
fn of(name: PathBuf) -> Option<Found> {
    let pid = name.file_stem()?.to_str()?.parse().ok()?;
    let place = match name.extension()?.to_str()? {
        "sock" => Endpoint::Socket(name.clone()),
        "url" => Endpoint::of_link(&name)?,
        _ => return None,
    };
    Some(Found { pid, name, place })
}

fn row(found: &Found) -> Result<Row> {
    let name = program(found.pid).map(|name| printable(&name).into_owned());
    let uptime = uptime(found.pid).map_or_else(|| "?".to_owned(), number::age);
    let asked = (found.place.connect(found.pid, Trust::default()))
        .map_err(|error| error.context(found.name.display().to_string()))
        .and_then(|mut source: Box<dyn Source>| source.snapshot());
    let answered = asked.is_ok();
    let [mode, elapsed, acquisitions] = match asked {
        Ok(snapshot) => {
            let acquisitions = snapshot
                .points()
                .iter()
                .fold(0_u64, |sum, point| sum.saturating_add(point.acquisitions));
            [
                snapshot.profiler_mode().to_string(),
                number::age(snapshot.elapsed_ns()),
                number::count(acquisitions),
            ]
        }
        // The process exists, and may be stopped: exactly the one that the user is looking for.
        Err(error) if name.is_some() && !target::is_stale(&error) => {
            ["no answer".to_owned(), String::new(), String::new()]
        }
        Err(error) => return Err(error),
    };
    let name = name.unwrap_or_else(|| "?".to_owned());
    Ok(Row {
        cells: [
            found.pid.to_string(),
            name,
            mode,
            elapsed,
            acquisitions,
            uptime,
        ],
        answered,
    })
}

#[cfg(target_os = "linux")]
fn process(pid: u32) -> Option<procfs::process::Process> {
    procfs::process::Process::new(i32::try_from(pid).ok()?).ok()
}

/// The program's name: that of its file, or the truncated `comm`.
#[cfg(target_os = "linux")]
fn program(pid: u32) -> Option<String> {
    let process = process(pid)?;
    let file = process.exe().ok();
    let name = file.as_deref().and_then(Path::file_name);
    match name {
        Some(name) => Some(name.to_string_lossy().into_owned()),
        None => process.stat().ok().map(|stat| stat.comm),
    }
}

/// How long the process has been running, in nanoseconds.
#[cfg(target_os = "linux")]
fn uptime(pid: u32) -> Option<u64> {
    use procfs::Current;
    let started = process(pid)?.stat().ok()?.starttime as f64 / procfs::ticks_per_second() as f64;
    let now = procfs::Uptime::current().ok()?.uptime;
    Some(((now - started) * 1e9) as u64)
}

#[cfg(not(target_os = "linux"))]
fn program(_: u32) -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn uptime(_: u32) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_for_each_process() {
        let row = |pid: u32, mode: &str| {
            let cells = ["", "", mode, "", "", ""].map(str::to_owned);
            let answered = mode == "exact";
            (pid, Ok(Row { cells, answered }))
        };
        let gone = |pid: u32| (pid, Err(anyhow!("{pid} is gone")));
        let (rows, stale) = sorted_out(vec![
            gone(1),
            row(1, "exact"),
            row(2, "no answer"),
            row(2, "exact"),
            row(3, "no answer"),
            row(3, "no answer"),
            gone(4),
            row(5, "exact"),
            row(5, "exact"),
        ]);
        let modes: Vec<&str> = rows.iter().map(|cells| &*cells[2]).collect();
        assert_eq!(modes, ["exact", "exact", "no answer", "exact"]);
        assert_eq!(stale, ["1 is gone", "4 is gone"]);
    }

    #[test]
    fn names_of_sockets() {
        let pid = |name: &str| of(name.into()).map(|found| found.pid);
        assert_eq!(pid("/run/12.sock"), Some(12));
        for other in ["/run/12", "/run/x.sock", "/run/.sock"] {
            assert_eq!(pid(other), None, "{other}");
        }
    }
}
