//! Progress of long work, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;

/// A line on standard error that shows progress over `files` files. It disappears when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn of(files: usize) -> Self {
        // A single file is read before anybody would see the line. The library hides the line where
        // there is no terminal.
        let target = if files < 2 {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(files as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows the next file.
    pub(crate) fn at(&self, file: &Path) {
        let name = file.display().to_string();
        let name = nexus_lockprof_snapshot::printable(&name).into_owned();
        self.0.set_message(name);
    }

    /// Counts the file as done.
    pub(crate) fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
