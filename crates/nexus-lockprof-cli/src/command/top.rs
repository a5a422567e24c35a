//! `lockprof top`: shows a process live on the terminal.

use crate::target::Target;
use crate::terminal::Color;
use crate::top::{self, Column, Connected, Setup};
use anyhow::Result;
use nexus_lockprof_snapshot::parse_duration;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "\
Keys: ? shows them all. Arrows select and sort, Enter shows all about a point, / filters, q quits.

Examples:
  lockprof top 4711
  lockprof top http://127.0.0.1:9464 --interval 250ms --sort caused
  lockprof top run.lockprof --filter 'cache shared'";

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Process, socket or URL to watch; a file is shown once
    pub(crate) target: Target,
    /// Time between updates: a number with ms, s or m.
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,
    /// Initial sort column.
    #[arg(short, long, value_enum, value_name = "COLUMN", default_value = "wait")]
    pub(crate) sort: Column,
    /// Show only points that contain all these words in the lock's name, the place or the mode.
    #[arg(
        long,
        value_name = "WORDS",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) filter: String,
}

pub(crate) fn run(options: Options, color: Color) -> Result<()> {
    let target = options.target;
    let setup = Setup {
        target: target.to_string(),
        interval: options.interval,
        sort: options.sort,
        filter: options.filter,
    };
    let connect = move || {
        Ok(Connected {
            // Decided now: a missing path counts as a file, but a socket may appear there later.
            is_static: target.is_static(),
            source: {
                let mut source = target.connect()?;
                source.follow();
                source
            },
        })
    };
    top::run(setup, color.is_wanted(), connect)
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3_600);

/// Parses the time between two updates.
fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(time) if (SHORTEST..=LONGEST).contains(&time) => Ok(time),
        Some(_) => Err("expected a time from 100ms to 60m".to_owned()),
        None => Err("expected a number with ms, s or m, such as 500ms".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        for (text, milliseconds) in [
            ("1s", 1_000),
            ("250ms", 250),
            ("1.5s", 1_500),
            ("2m", 120_000),
        ] {
            assert_eq!(interval(text), Ok(Duration::from_millis(milliseconds)));
        }
        for (text, error) in [
            ("1", "ms, s or m"),
            ("", "ms, s or m"),
            ("s", "ms, s or m"),
            ("1h", "ms, s or m"),
            ("1.2.3s", "ms, s or m"),
            ("0s", "from 100ms"),
            ("-1s", "ms, s or m"),
            ("61m", "from 100ms"),
            ("99ms", "from 100ms"),
        ] {
            let found = interval(text).unwrap_err();
            assert!(found.contains(error), "{text}: {found}");
        }
    }
}
