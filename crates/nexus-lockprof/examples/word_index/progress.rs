//! Progress of the build: counters shared by all threads, and the line on the terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use nexus_lockprof::{Condvar, Mutex};

use crate::human;

/// What the workers have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Files indexed.
    pub(crate) files: u64,
    /// Bytes of text in them.
    pub(crate) bytes: u64,
    /// Words in them.
    pub(crate) words: u64,
}

/// Counters of a build, and a way to wait for its end.
pub(crate) struct Progress {
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    done: Done,
    threads: usize,
}

impl Progress {
    /// Nothing done, no thread at work.
    pub(crate) fn new() -> Self {
        Progress {
            state: Mutex::named(
                "progress",
                State {
                    done: Done::default(),
                    threads: 0,
                },
            ),
            ended: Condvar::new(),
        }
    }

    /// Announces a thread. It counts as working until the returned value is dropped, by return or
    /// by panic.
    pub(crate) fn thread(&self) -> AtWork<'_> {
        self.state.lock().threads += 1;
        AtWork(self)
    }

    /// Counts one file.
    pub(crate) fn add_file(&self, bytes: u64, words: u64) {
        let mut state = self.state.lock();
        state.done.files += 1;
        state.done.bytes += bytes;
        state.done.words += words;
    }

    /// What is done.
    pub(crate) fn done(&self) -> Done {
        self.state.lock().done
    }

    /// Waits until no thread works any more, but at most `at_most`. True if none does.
    pub(crate) fn wait_for_end(&self, at_most: Duration) -> bool {
        let mut state = self.state.lock();
        let still = |state: &mut State| state.threads > 0;
        !self
            .ended
            .wait_while_for(&mut state, still, at_most)
            .timed_out()
    }
}

/// See [`Progress::thread`].
pub(crate) struct AtWork<'p>(&'p Progress);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.threads -= 1;
        if state.threads == 0 {
            drop(state);
            self.0.ended.notify_all();
        }
    }
}

/// The line on standard error, rewritten in place. Does nothing if that is not a terminal.
pub(crate) struct StatusLine {
    enabled: bool,
    shown: bool,
}

impl StatusLine {
    /// Checks whether there is a terminal.
    pub(crate) fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        StatusLine {
            enabled: io::stderr().is_terminal() && !dumb,
            shown: false,
        }
    }

    /// Whether the line is shown.
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Shows `done` and how full the queue is.
    pub(crate) fn show(&mut self, done: &Done, queued: usize, capacity: usize) {
        if self.enabled {
            // Asks for the width each time, because the user may have changed it. The last column
            // stays free, because some terminals wrap as soon as it is written.
            let width =
                terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| width.0);
            let line = line(done, queued, capacity, usize::from(width).saturating_sub(1));
            self.write(&format!("\r{line}\x1b[K"));
            self.shown = true;
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // Carry on indexing if the terminal is gone.
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.shown {
            self.write("\r\x1b[K");
        }
    }
}

fn line(done: &Done, queued: usize, capacity: usize, width: usize) -> String {
    let text = format!(
        "indexed {} files, {}, {} words, queue {queued}/{capacity}",
        human::count(done.files),
        human::bytes(done.bytes),
        human::count(done.words),
    );
    text.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_build_ends_with_its_last_thread() {
        let progress = Progress::new();
        assert!(progress.wait_for_end(Duration::MAX));
        let first = progress.thread();
        let second = progress.thread();
        drop(first);
        assert!(!progress.wait_for_end(Duration::ZERO));
        thread::scope(|scope| {
            scope.spawn(move || {
                progress_of(&second).add_file(10, 2);
                drop(second);
            });
            assert!(progress.wait_for_end(Duration::MAX));
        });
        let expected = Done {
            files: 1,
            bytes: 10,
            words: 2,
        };
        assert_eq!(progress.done(), expected);
    }

    fn progress_of<'p>(thread: &AtWork<'p>) -> &'p Progress {
        thread.0
    }

    #[test]
    fn a_thread_that_dies_is_not_waited_for() {
        let progress = Progress::new();
        thread::scope(|scope| {
            let at_work = progress.thread();
            let dying = scope.spawn(move || {
                let _at_work = at_work;
                std::panic::resume_unwind(Box::new("dies"));
            });
            assert!(progress.wait_for_end(Duration::MAX));
            assert!(dying.join().is_err());
        });
    }

    #[test]
    fn the_line_fits_its_width() {
        let done = Done {
            files: 1_234,
            bytes: 56_700_000,
            words: 8_900_000,
        };
        let full = "indexed 1,234 files, 56.7 MB, 8,900,000 words, queue 3/32";
        assert_eq!(line(&done, 3, 32, 200), full);
        assert_eq!(line(&done, 3, 32, 20), full[..20]);
        assert_eq!(line(&done, 3, 32, 0), "");
    }
}
