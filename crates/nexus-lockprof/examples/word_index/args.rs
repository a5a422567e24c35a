//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use lexopt::prelude::*;

use crate::build::Options;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Builds an inverted index over every text file under DIR, in memory, and shows where its threads waited for locks.

Usage: word_index [OPTIONS] DIR

Options:
  -q, --query WORDS       print the files that match WORDS best (may be repeated)
  -o, --out FILE          write the lock profile to FILE, as JSON
  -t, --threads N         worker threads [default: one for each CPU]
      --queue N           files to read ahead of the workers [default: 32]
      --shards N          shards of the index; try 1 to see them contended [default: 16]
      --max-file-mib N    skip files longer than this [default: 4]
      --top N             acquisition points in the table [default: 15]
      --hot-wait-us N     report points whose p95 wait is above N microseconds, 0: never [default: 1000]
      --hot-hold-us N     report points whose p95 hold is above N microseconds, 0: never [default: 1000]
  -h, --help              print this help

Not indexed: binary files, symbolic links, and folders named .git, .hg, .svn, node_modules or target.
Exit status: 0 on success, even if some files could not be read (they are named on standard error);
1 when DIR cannot be indexed or FILE cannot be written; 2 for a wrong command line.
";

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Print [`HELP`].
    Help,
    /// Build an index.
    Build(Args),
}

/// What to build and what to print.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// The folder to index.
    pub(crate) dir: PathBuf,
    /// How to index it.
    pub(crate) build: Options,
    /// Queries, in the order given.
    pub(crate) queries: Vec<String>,
    /// Where the profile goes.
    pub(crate) out: Option<PathBuf>,
    /// Rows of the points table.
    pub(crate) top: usize,
    /// Threshold of a hot wait.
    pub(crate) hot_wait: Option<Duration>,
    /// Threshold of a hot hold.
    pub(crate) hot_hold: Option<Duration>,
}

/// An invalid command line.
#[derive(Debug)]
pub(crate) enum UsageError {
    /// DIR is missing.
    NoDir,
    /// An option has an invalid value.
    Value {
        /// The option.
        option: &'static str,
        /// Its value.
        value: OsString,
        /// The allowed numbers.
        range: RangeInclusive<u64>,
    },
    /// Anything else.
    Syntax(lexopt::Error),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UsageError::NoDir => f.write_str("the folder to index is missing"),
            UsageError::Value {
                option,
                value,
                range,
            } => write!(
                f,
                "--{option} {}: should be a number from {} to {}",
                value.display(),
                range.start(),
                range.end()
            ),
            UsageError::Syntax(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        UsageError::Syntax(error)
    }
}

/// More threads than this must be a typo.
const MOST_THREADS: u64 = 1024;

/// Parses a command line.
///
/// # Errors
///
/// If the command line is invalid.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, UsageError> {
    let mut dir = None;
    let mut args = Args {
        dir: PathBuf::new(),
        build: Options {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            queue: at_least_one(32),
            shards: at_least_one(16),
            longest_file: 4 << 20,
        },
        queries: Vec::new(),
        out: None,
        top: 15,
        hot_wait: Some(Duration::from_millis(1)),
        hot_hold: Some(Duration::from_millis(1)),
    };
    let build = &mut args.build;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('q') | Long("query") => args.queries.push(parser.value()?.string()?),
            Short('o') | Long("out") => args.out = Some(parser.value()?.into()),
            Short('t') | Long("threads") => {
                build.threads = at_least_one(number(&mut parser, "threads", 1..=MOST_THREADS)?);
            }
            Long("queue") => {
                build.queue = at_least_one(number(&mut parser, "queue", 1..=1 << 20)?);
            }
            Long("shards") => {
                build.shards = at_least_one(number(&mut parser, "shards", 1..=1 << 16)?);
            }
            Long("max-file-mib") => {
                let mib: u64 = number(&mut parser, "max-file-mib", 1..=1 << 10)?;
                build.longest_file = mib << 20;
            }
            Long("top") => args.top = number(&mut parser, "top", 1..=1 << 20)?,
            Long("hot-wait-us") => args.hot_wait = threshold(&mut parser, "hot-wait-us")?,
            Long("hot-hold-us") => args.hot_hold = threshold(&mut parser, "hot-hold-us")?,
            Value(value) if dir.is_none() => dir = Some(PathBuf::from(value)),
            _ => return Err(arg.unexpected().into()),
        }
    }
    args.dir = dir.ok_or(UsageError::NoDir)?;
    Ok(Command::Build(args))
}

/// `n`, but at least 1.
pub(crate) const fn at_least_one(n: usize) -> NonZeroUsize {
    match NonZeroUsize::new(n) {
        Some(n) => n,
        None => NonZeroUsize::MIN,
    }
}

/// The value of `option`: a number in `range`.
fn number<T: TryFrom<u64>>(
    parser: &mut lexopt::Parser,
    option: &'static str,
    range: RangeInclusive<u64>,
) -> Result<T, UsageError> {
    let value = parser.value()?;
    let parsed = value.to_str().and_then(|text| text.parse().ok());
    parsed
        .filter(|number| range.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or(UsageError::Value {
            option,
            value,
            range,
        })
}

/// The value of `option`: microseconds, or 0 for none.
fn threshold(
    parser: &mut lexopt::Parser,
    option: &'static str,
) -> Result<Option<Duration>, UsageError> {
    const HOUR_US: u64 = 3_600_000_000;
    let us = number(parser, option, 0..=HOUR_US)?;
    Ok((us > 0).then(|| Duration::from_micros(us)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse_line(line: &str) -> Result<Command, UsageError> {
        parse(lexopt::Parser::from_args(line.split_whitespace()))
    }

    #[track_caller]
    fn args(line: &str) -> Args {
        match parse_line(line) {
            Ok(Command::Build(args)) => args,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    #[track_caller]
    fn check_error(line: &str, expected: &str) {
        match parse_line(line) {
            Err(error) => assert_eq!(error.to_string(), expected, "for {line:?}"),
            Ok(command) => panic!("{line:?} gave {command:?}"),
        }
    }

    #[test]
    fn options_may_stand_anywhere() {
        let given = args(
            "--out o.json -t3 src --queue=5 --shards 1 --max-file-mib 2 -q lock --query rwlock --top 3",
        );
        assert_eq!(given.dir, Path::new("src"));
        assert_eq!(given.out.as_deref(), Some(Path::new("o.json")));
        assert_eq!(given.queries, ["lock", "rwlock"]);
        assert_eq!(given.top, 3);
        let build = Options {
            threads: at_least_one(3),
            queue: at_least_one(5),
            shards: at_least_one(1),
            longest_file: 2 * 1024 * 1024,
        };
        assert_eq!(given.build, build);
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let given = args(".");
        for (option, default) in [
            ("--queue N", given.build.queue.get() as u64),
            ("--shards N", given.build.shards.get() as u64),
            ("--max-file-mib N", given.build.longest_file >> 20),
            ("--top N", given.top as u64),
            ("--hot-wait-us N", us(given.hot_wait)),
            ("--hot-hold-us N", us(given.hot_hold)),
        ] {
            let line = HELP
                .lines()
                .find(|line| line.contains(option))
                .unwrap_or_default();
            assert!(
                line.ends_with(&format!("[default: {default}]")),
                "{option}: {line}"
            );
        }
    }

    fn us(time: Option<Duration>) -> u64 {
        time.map_or(0, |time| {
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        })
    }

    #[test]
    fn thresholds_can_be_switched_off() {
        let given = args("--hot-wait-us 250 --hot-hold-us 0 .");
        assert_eq!(given.hot_wait, Some(Duration::from_micros(250)));
        assert_eq!(given.hot_hold, None);
    }

    #[test]
    fn help_needs_no_folder() {
        assert_eq!(parse_line("-h").ok(), Some(Command::Help));
        assert_eq!(parse_line(". --help --nonsense").ok(), Some(Command::Help));
    }

    #[test]
    fn mistakes_are_named() {
        check_error("", "the folder to index is missing");
        check_error("a b", "unexpected argument \"b\"");
        check_error("--frobnicate .", "invalid option '--frobnicate'");
        check_error(". --out", "missing argument for option '--out'");
        check_error("-t 0 .", "--threads 0: should be a number from 1 to 1024");
        check_error(
            "-t lots .",
            "--threads lots: should be a number from 1 to 1024",
        );
        check_error(
            "--top -1 .",
            "--top -1: should be a number from 1 to 1048576",
        );
    }
}
