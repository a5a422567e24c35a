//! Builds an inverted index over the text files of a folder, and shows where its threads waited for
//! locks.
//!
//! ```text
//! cargo run --release --example word_index -- . --query "bounded queue" --out profile.json
//! ```
//!
//! A reader thread walks the tree and hands texts to worker threads through a bounded [`queue`].
//! The workers split them into words ([`tokenize`]), number the words in a shared table
//! ([`symbols`]) and add them to a sharded [`index`]. Every lock is a named `nexus_lockprof` lock,
//! so the report shows at which of them the threads met.

mod args;
mod build;
mod hot;
mod human;
mod index;
mod progress;
mod query;
mod queue;
mod report;
#[cfg(test)]
mod scratch;
mod symbols;
mod tokenize;
mod walk;

use std::fmt;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nexus_lockprof::Snapshot;
use nexus_lockprof_export::text;

use crate::args::{Args, Command, UsageError};
use crate::build::{Built, LeftOut};
use crate::progress::StatusLine;
use crate::query::Match;

/// How often to redraw the line on the terminal.
const REDRAW: Duration = Duration::from_millis(100);

/// How often to collect the profile during the build, and so to check for hot locks.
const COLLECT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match run() {
        // The reader of our output may stop early (`| head`). That is no failure.
        Err(Failure::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(&failure.to_string());
            failure.exit_code()
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

fn run() -> Result<(), Failure> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let args = match args::parse(lexopt::Parser::from_env())? {
        Command::Help => {
            stdout.write_all(args::HELP.as_bytes())?;
            return Ok(stdout.flush()?);
        }
        Command::Build(args) => args,
    };
    check_dir(&args.dir)?;
    if let Some(out) = &args.out {
        check_out(out)?;
    }
    watch_for_hot_locks(&args)?;

    let built = build(&args)?;
    name_unreadable(&built.left_out);
    let answers: Vec<_> = args
        .queries
        .iter()
        .map(|query| (query, query::search(&built.index, query)))
        .collect();
    let profile = nexus_lockprof::snapshot();

    // Write the file before printing, because the reader may stop early. Print the results even if
    // the file cannot be written.
    let written = args.out.as_ref().map_or(Ok(()), |out| {
        profile
            .write_json_file(out)
            .map_err(|error| Failure::Out(error.to_string()))
    });
    let printed = print(&mut stdout, &args, &built, &answers, &profile);
    written?;
    Ok(printed?)
}

fn print(
    stdout: &mut impl Write,
    args: &Args,
    built: &Built,
    answers: &[(&String, Vec<Match>)],
    profile: &Snapshot,
) -> io::Result<()> {
    report::summary(stdout, built)?;
    for (query, matches) in answers {
        report::matches(stdout, &built.index, query, matches)?;
    }
    let table = text::table(profile).width(table_width()).top(args.top);
    writeln!(stdout, "\n{table}")?;
    let hot = hot::lines();
    if !hot.is_empty() {
        writeln!(stdout, "\n{}", hot.join("\n"))?;
    }
    stdout.flush()
}

/// Without this check, the walk would report a missing folder as one more unreadable file.
fn check_dir(dir: &Path) -> Result<(), Failure> {
    fs::read_dir(dir)
        .map(drop)
        .map_err(|error| Failure::Dir(dir.to_owned(), error))
}

/// Detects before a long build what would fail after it.
fn check_out(out: &Path) -> Result<(), Failure> {
    let out_failure = |error: io::Error| Failure::Out(format!("{}: {error}", human::path(out)));
    if out.is_dir() {
        return Err(out_failure(io::ErrorKind::IsADirectory.into()));
    }
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let metadata = fs::metadata(folder).map_err(out_failure)?;
    if !metadata.is_dir() {
        return Err(out_failure(io::ErrorKind::NotADirectory.into()));
    }
    Ok(())
}

fn watch_for_hot_locks(args: &Args) -> Result<(), Failure> {
    // Not `Config::default()`: the user may have chosen a mode with LOCKPROF.
    let mut config = nexus_lockprof::config();
    if let Some(threshold) = args.hot_wait {
        config = config.hot_wait(threshold);
    }
    if let Some(threshold) = args.hot_hold {
        config = config.hot_hold(threshold);
    }
    nexus_lockprof::configure(config).map_err(|error| Failure::Profiler(error.to_string()))?;
    hot::listen();
    Ok(())
}

fn build(args: &Args) -> Result<Built, Failure> {
    let mut status = StatusLine::new();
    let tick = if status.is_enabled() { REDRAW } else { COLLECT };
    let mut collected = Instant::now();
    build::build(&args.dir, &args.build, tick, |state| {
        status.show(&state.done, state.queued, args.build.queue.get());
        if collected.elapsed() >= COLLECT {
            collected = Instant::now();
            nexus_lockprof::tick();
        }
    })
    .map_err(Failure::Thread)
}

fn name_unreadable(left_out: &LeftOut) {
    for (path, error) in &left_out.named {
        complain(&format!("cannot read {}: {error}", human::path(path)));
    }
    let more = left_out.unreadable - left_out.named.len() as u64;
    if more > 0 {
        complain(&format!("and {} more", human::count(more)));
    }
}

/// Width of the table in columns: all on a terminal, a common width elsewhere.
fn table_width() -> usize {
    const ELSEWHERE: usize = 120;
    if !io::stdout().is_terminal() {
        return ELSEWHERE;
    }
    terminal_size::terminal_size().map_or(ELSEWHERE, |(width, _)| usize::from(width.0))
}

fn complain(message: &str) {
    // Not `eprintln!`, which panics when standard error is closed. Then nobody is left to tell.
    let _ = writeln!(io::stderr(), "word_index: {message}");
}

/// Why the index or the output failed.
enum Failure {
    /// The command line is invalid.
    Usage(UsageError),
    /// The folder cannot be indexed.
    Dir(PathBuf, io::Error),
    /// A thread could not be started.
    Thread(io::Error),
    /// The profiler refused its configuration.
    Profiler(String),
    /// The profile cannot be written; the message names the file.
    Out(String),
    /// Standard output cannot be written.
    Stdout(io::Error),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) => write!(f, "{error} (try --help)"),
            Failure::Dir(path, error) => write!(f, "cannot index {}: {error}", human::path(path)),
            Failure::Thread(error) => write!(f, "cannot start a thread: {error}"),
            Failure::Profiler(error) => write!(f, "cannot configure the profiler: {error}"),
            Failure::Out(message) => write!(f, "cannot write the profile: {message}"),
            Failure::Stdout(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        Failure::Usage(error)
    }
}

impl From<io::Error> for Failure {
    /// All other I/O errors get their meaning where they occur.
    fn from(error: io::Error) -> Self {
        Failure::Stdout(error)
    }
}
