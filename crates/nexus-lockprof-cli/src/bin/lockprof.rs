//! `lockprof`: inspects lock profiles of running and finished programs. See
//! `docs/guide/lockprof.md`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_lockprof_cli::main()
}
