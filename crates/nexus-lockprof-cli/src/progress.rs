//! What long work shows, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;

/// A line on standard error that says how far it is with `files` files. It goes away when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn of(files: usize) -> Self {
        // One file is read before anybody has seen a line about it. The library itself hides what is not on a terminal.
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

    /// The next file is this one.
    pub(crate) fn at(&self, file: &Path) {
        let name = file.display().to_string();
        let name = nexus_lockprof_snapshot::printable(&name).into_owned();
        self.0.set_message(name);
    }

    /// It is done.
    pub(crate) fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
