//! Output to standard output, or to a file that appears whole or not at all.

use crate::shown::{Escaped, Shown};
use crate::terminal::{self, Color};
use anyhow::{Context, Result};
use nexus_lockprof_snapshot::replace_file;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The reader closed standard output.
#[derive(Debug)]
pub(crate) struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output was closed")
    }
}

impl std::error::Error for Closed {}

/// Prints text, possibly with colours, and a line end.
pub(crate) fn print(color: Color, text: &dyn fmt::Display) -> Result<()> {
    let stdout = anstream::AutoStream::new(io::stdout(), color.choice());
    to_stdout(Shown::new(BufWriter::new(stdout)).line(text))
}

/// Whether `path` stands for standard output.
pub(crate) fn is_stdout(path: Option<&Path>) -> bool {
    path.is_none_or(|path| path == "-")
}

/// Writes to `path`, or to standard output if `path` is `-` or `None`. Escapes what goes to a
/// terminal.
///
/// A file gets its name once it is complete. Until then, and after a failure, readers see the old
/// file. A path that is no regular file, such as `/dev/stderr` or a named pipe, is written
/// directly.
pub(crate) fn write(
    path: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let path = match path {
        Some(path) if !is_stdout(Some(path)) => path,
        _ => {
            let mut stdout = BufWriter::new(io::stdout().lock());
            let written = match terminal::is_output() {
                true => write(&mut Escaped(&mut stdout)),
                false => write(&mut stdout),
            };
            return to_stdout(written.and_then(|()| stdout.flush()));
        }
    };
    let written = replace_file::<io::Error>(path, |file| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush()
    });
    written.with_context(|| format!("{} cannot be written", path.display()))
}

fn to_stdout(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("standard output cannot be written"),
    }
}
