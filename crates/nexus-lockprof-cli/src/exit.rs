//! How the program ends.

use crate::output::Closed;
use crate::terminal::Color;
use anyhow::Result;
use nexus_lockprof_snapshot::{printable_lines, printable_message};
use std::io::Write;
use std::process::ExitCode;

pub(crate) const CODES: &str = "\
Exit codes:
  0  success, also if the reader of a pipe has closed it
  1  `diff --fail-on` found a regression, or `selftest` failed
  2  wrong command line
  3  failure: standard error says why
`run` exits with the program's own code.";

/// The outcome of a command that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    /// It found what it looked for, and that is bad.
    Bad,
    /// The exit code of a program that `run` ran.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "programs are run there")
    )]
    Exit(u8),
}

/// The exit code. Prints the error, if any.
pub(crate) fn code(color: Color, result: Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::from(1),
        Ok(Outcome::Exit(code)) => ExitCode::from(code),
        // `lockprof report x | head -1`: the reader has enough.
        Err(error) if error.is::<Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(error) = error.downcast_ref::<clap::Error>() {
                return usage(error);
            }
            let mut stderr = anstream::AutoStream::new(std::io::stderr(), color.choice());
            let style = anstyle::AnsiColor::Red.on_default().bold();
            // A closed stderr changes nothing.
            let error = printable_message(format_args!("{error:#}"));
            let _ = writeln!(stderr, "{style}lockprof:{style:#} {error}");
            ExitCode::from(3)
        }
    }
}

/// The exit code of a usage error or a request for help. Prints the message.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let text = printable_lines(&text);
    // A closed stream changes nothing.
    let _ = match error.use_stderr() {
        true => write!(std::io::stderr(), "{text}"),
        false => write!(std::io::stdout(), "{text}"),
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
