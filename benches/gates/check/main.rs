//! Judges the measurements of the gates in `ci/`. Each command prints what it found, and fails if
//! something is wrong.

mod callgrind;
mod disassembly;
mod identical;
mod instructions;
mod lines;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use nexus_lockprof::Snapshot;

const USAGE: &str = "\
Usage: gate-check instructions CALLS BASELINE RUN...   compare callgrind's counts, RUN.1 and on, the least of all runs, with BASELINE
       gate-check bless CALLS BASELINE RUN...          write them to BASELINE
       gate-check identical PROGRAM SIZES              compare our locks' machine code and sizes with the bare locks'
       gate-check lines MARK CASES                     read lackey's trace, and name cache lines that threads share
       gate-check snapshot FILE                        read a profile back";

/// The text of a command's result, and whether it passes.
struct Verdict {
    text: String,
    failures: Vec<String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let verdict = match args[..] {
        ["instructions", calls, baseline, ref runs @ ..] => {
            instructions::compare(Path::new(calls), Path::new(baseline), runs)
        }
        ["bless", calls, baseline, ref runs @ ..] => {
            instructions::bless(Path::new(calls), Path::new(baseline), runs)
        }
        ["identical", program, sizes] => identical::compare(Path::new(program), Path::new(sizes)),
        ["lines", mark, cases] => lines::compare(mark, Path::new(cases), io::stdin().lock()),
        ["snapshot", file] => snapshot(file),
        _ => Err(USAGE.to_owned()),
    };
    match verdict.and_then(print) {
        Ok(failed) if failed => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gate-check: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(verdict: Verdict) -> Result<bool, String> {
    let mut stdout = io::stdout().lock();
    let mut print = |line: &str| writeln!(stdout, "{line}").map_err(|error| error.to_string());
    print(verdict.text.trim_end())?;
    for failure in &verdict.failures {
        print(&format!("FAILED: {failure}"))?;
    }
    Ok(!verdict.failures.is_empty())
}

/// Reads back a profile that a program wrote, and checks that it is not empty.
fn snapshot(file: &str) -> Result<Verdict, String> {
    let snapshot = Snapshot::read_json_file(file).map_err(|error| error.to_string())?;
    let acquisitions: u64 = snapshot
        .points()
        .iter()
        .map(|point| point.acquisitions)
        .sum();
    let text = format!(
        "{file}: {} points, {acquisitions} acquisitions",
        snapshot.points().len()
    );
    let failures = if acquisitions == 0 {
        vec![format!("{file} has no acquisitions")]
    } else {
        Vec::new()
    };
    Ok(Verdict { text, failures })
}

/// Reads a file. The error names the file.
fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
