//! Runs test programs as separate processes.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A child that runs longer than this hangs. It is far more than any takes on a slow machine: no
/// test measures time.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a child ended, and its output.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Ended {
    /// Panics, with the child's output, unless it succeeded.
    ///
    /// # Panics
    /// See above.
    pub fn expect_success(&self) {
        assert!(self.status.success(), "{}\n{}", self.status, self.stderr);
    }

    /// The profiler's lines, without those of the harness and the standard library.
    #[must_use]
    pub fn complaints(&self) -> Vec<&str> {
        let ours = |line: &&str| line.starts_with("lockprof: ");
        self.stderr.lines().filter(ours).collect()
    }
}

/// A command for `program`, without profiler settings from the test run's environment.
#[must_use]
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in [
        "LOCKPROF",
        "LOCKPROF_BUDGET",
        "LOCKPROF_EVERY",
        "LOCKPROF_OUT",
        "LOCKPROF_SERVE",
        "LOCKPROF_SLOW",
        "LOCKPROF_STACKS",
        "LOCKPROF_STUCK",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs `command` to its end. Kills it and panics if it hangs.
///
/// # Panics
/// See above, and if the child cannot be started.
#[must_use]
pub fn run(command: &mut Command) -> Ended {
    match try_run(command) {
        Ok(Some(ended)) => ended,
        Ok(None) => panic!("{command:?} hangs"),
        Err(error) => panic!("{command:?}: {error}"),
    }
}

fn try_run(command: &mut Command) -> io::Result<Option<Ended>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = drain(&mut child);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let stderr = stderr.map_or(Ok(Ok(String::new())), JoinHandle::join);
            let stderr = stderr.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            return Ok(Some(Ended { status, stderr }));
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads the child's output while it runs, because a full pipe would block it.
fn drain(child: &mut Child) -> Option<JoinHandle<io::Result<String>>> {
    child.stderr.take().map(|mut stderr| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
    })
}
