//! A flame graph of the stacks of waiting.

use anyhow::{Context, Result, bail};
use nexus_lockprof_export::readable::fit;
use std::collections::VecDeque;
use std::fmt::{self, Write};

/// The flame graph of folded `stacks`, as SVG.
pub(super) fn graph(stacks: &dyn fmt::Display, title: &str) -> Result<Vec<u8>> {
    let mut lines = Lines::default();
    write!(lines, "{stacks}").context("the stacks cannot be written")?;
    if lines.done.is_empty() {
        bail!("nobody waited, so there is no flame graph of waiting");
    }
    let mut options = inferno::flamegraph::Options::default();
    title.clone_into(&mut options.title);
    "ns".clone_into(&mut options.count_name);
    let mut svg = Vec::new();
    let drawn = inferno::flamegraph::from_lines(
        &mut options,
        lines.done.iter().map(String::as_str),
        &mut svg,
    );
    drawn.context("the flame graph cannot be drawn")?;
    Ok(svg)
}

/// Frames to draw at each end of a stack. A taller picture is useless and very large.
const ENDS: usize = 128;
/// The maximum width of a name, in columns.
const LONGEST: usize = 400;

/// Folded stacks, each shortened as it is written.
#[derive(Default)]
struct Lines {
    done: Vec<String>,
    /// The frames of the current stack.
    first: Vec<String>,
    last: VecDeque<String>,
    is_cut: bool,
    /// The current frame. The last one of a stack ends with its number.
    frame: String,
}

impl Lines {
    fn end_frame(&mut self) {
        let frame = fit::middle(&std::mem::take(&mut self.frame), LONGEST);
        if self.first.len() < ENDS {
            self.first.push(frame);
            return;
        }
        if self.last.len() == ENDS {
            self.last.pop_front();
            self.is_cut = true;
        }
        self.last.push_back(frame);
    }

    fn end_line(&mut self) {
        self.end_frame();
        let mut frames = std::mem::take(&mut self.first);
        if std::mem::take(&mut self.is_cut) {
            frames.push("...".to_owned());
        }
        frames.extend(self.last.drain(..));
        self.done.push(frames.join(";"));
    }
}

impl fmt::Write for Lines {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive([';', '\n']) {
            let (name, end) = match part.strip_suffix([';', '\n']) {
                Some(name) => (name, part.ends_with('\n')),
                None => {
                    self.frame.push_str(part);
                    continue;
                }
            };
            self.frame.push_str(name);
            match end {
                true => self.end_line(),
                false => self.end_frame(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_stacks_lose_their_middle() {
        let stack = |depth: usize| {
            (0..depth).map(|i| format!("f{i};")).collect::<String>() + "a.rs:1 900\n"
        };
        let mut lines = Lines::default();
        let stacks = [stack(2 * ENDS - 1), stack(10_000)].concat();
        writeln!(lines, "{stacks}# LOST 5").unwrap();
        let [short, long, lost] = lines.done.as_slice() else {
            panic!("{:?}", lines.done);
        };
        assert_eq!(*short, stack(2 * ENDS - 1).trim_end());
        assert!(
            long.starts_with("f0;f1;") && long.ends_with(";f9999;a.rs:1 900"),
            "{long}"
        );
        assert_eq!(long.split(';').count(), 2 * ENDS + 1);
        assert!(long.contains(&format!("f{};...;f", ENDS - 1)), "{long}");
        assert_eq!(lost, "# LOST 5");
    }
}
