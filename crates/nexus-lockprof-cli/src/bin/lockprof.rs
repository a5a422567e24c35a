//! `lockprof`: looks at the profiles of programs that run, and of those that ran. See `docs/guide/lockprof.md`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_lockprof_cli::main()
}
