//! Collections for an observing tool: callgrind in `ci/gate-collect.sh`.
//!
//! Prints one line per measured call, in order: its name. The tool finds the calls by
//! [`lockprof_measured`].
//!
//! `gate-collect --scale SHARDS POINTS ACQUISITIONS` takes snapshots of so many threads that have
//! each used so many locks, and prints times and memory instead.

mod answers;
mod scale;
mod scene;

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        [] => answers::run().and_then(|mut names| {
            names.extend(scale::run()?);
            print(&names)
        }),
        ["--scale", shards, points, acquisitions] => {
            let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
            number(shards)
                .and_then(|shards| Ok([shards, number(points)?, number(acquisitions)?]))
                .and_then(scale::time)
                .and_then(|lines| print(&lines))
        }
        _ => Err("usage: gate-collect [--scale SHARDS POINTS ACQUISITIONS]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gate-collect: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What callgrind counts. One function for all calls, because callgrind takes one name and
/// mishandles a pattern.
#[unsafe(no_mangle)] // the only function of this name in the program: the prefix is this workspace's
#[inline(never)]
fn lockprof_measured(call: &mut dyn FnMut()) {
    call();
}

fn print(lines: &[String]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", lines.join("\n")).map_err(|error| error.to_string())
}
