//! A run of rustc and its messages.

use crate::call::Call;
use crate::settings;
use anyhow::{Context, Result};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};

/// A run of rustc. Holds its messages back until it is clear whether the crate compiles.
pub(crate) struct Attempt {
    child: std::process::Child,
    pub(crate) status: ExitStatus,
    held: Vec<Vec<u8>>,
    /// Cargo knows that the crate's metadata exists. From then on, no other way can be tried.
    pub(crate) is_committed: bool,
}

impl Attempt {
    pub(crate) fn start(call: &Call, args: &[OsString]) -> Result<Self> {
        let mut command = command(call);
        command.args(args).stderr(Stdio::piped());
        let child = command.spawn().with_context(|| cannot_run(&command))?;
        Ok(Attempt {
            child,
            status: ExitStatus::default(),
            held: Vec::new(),
            is_committed: false,
        })
    }

    /// Runs until rustc ends. Calls `on_metadata` once other crates can be compiled against this
    /// one, before it tells cargo.
    pub(crate) fn run(&mut self, mut on_metadata: impl FnMut()) -> Result<()> {
        let mut lines = BufReader::new(self.child.stderr.take().context("no stderr")?);
        loop {
            let mut line = Vec::new();
            if lines
                .read_until(b'\n', &mut line)
                .context("rustc's messages cannot be read")?
                == 0
            {
                break;
            }
            let is_metadata = is_artifact(&line);
            if is_metadata {
                on_metadata();
            }
            self.held.push(line);
            if is_metadata {
                self.is_committed = true;
            }
            if self.is_committed {
                self.flush()?;
            }
        }
        self.status = self.child.wait().context("rustc cannot be waited for")?;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        let mut stderr = std::io::stderr().lock();
        for line in self.held.drain(..) {
            stderr
                .write_all(&line)
                .context("stderr cannot be written")?;
        }
        Ok(())
    }

    /// The first error, in one line.
    pub(crate) fn first_error(&self) -> String {
        for line in &self.held {
            let Ok(message) = serde_json::from_slice::<Value>(line) else {
                continue;
            };
            if message.get("level").and_then(Value::as_str) == Some("error")
                && let Some(text) = message.get("message").and_then(Value::as_str)
            {
                let code = message.pointer("/code/code").and_then(Value::as_str);
                let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
                return format!("{code}{}", text.lines().next().unwrap_or_default());
            }
        }
        let first = self.held.iter().map(|line| String::from_utf8_lossy(line));
        first
            .map(|line| line.trim().to_owned())
            .find(|line| !line.is_empty())
            .unwrap_or_default()
    }
}

/// Whether a message says that a library's metadata exists.
fn is_artifact(line: &[u8]) -> bool {
    line.starts_with(br#"{"$message_type":"artifact""#)
        && serde_json::from_slice::<Value>(line).is_ok_and(|message| {
            let emitted = message.get("emit").and_then(Value::as_str);
            let file = message.get("artifact").and_then(Value::as_str);
            emitted == Some("metadata") || file.is_some_and(|file| file.ends_with(".rmeta"))
        })
}

/// Rustc, behind the user's own wrapper. The macros that it loads write no profile.
pub(crate) fn command(call: &Call) -> Command {
    let mut words = call.program.iter();
    let wrapper = settings::value(settings::WRAPPER);
    let program = wrapper.as_ref().or_else(|| words.next());
    let mut command = Command::new(program.map_or(OsStr::new("rustc"), |program| program));
    command.args(words);
    for name in ["LOCKPROF_OUT", "LOCKPROF_SERVE"] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn cannot_run(command: &Command) -> String {
    format!("{} cannot be run", command.get_program().display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_announced() {
        let said = |text: &str| {
            is_artifact(format!("{{\"$message_type\":\"artifact\",{text}}}\n").as_bytes())
        };
        assert!(said(r#""artifact":"/d/libx-1.rmeta","emit":"metadata""#));
        assert!(!said(r#""artifact":"/d/libx-1.rlib","emit":"link""#));
        assert!(!said(r#""artifact":"/d/x-1.d","emit":"dep-info""#));
        assert!(!is_artifact(
            br#"{"$message_type":"diagnostic","message":"emit metadata"}"#
        ));
    }
}
