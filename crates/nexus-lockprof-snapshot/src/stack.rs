//! Call stacks of waits: [`Stack`] and [`Frame`].

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Text;
use crate::figure::{self, figures_of};
use crate::json::is_default;

/// One function on a call stack.
///
/// An inlined function is a frame of its own, at the same address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Its name, demangled; `None` if the program has no symbol for the address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub function: Option<Text>,
    /// Path of the source file; `None` without debug information.
    #[serde(default, skip_serializing_if = "is_default")]
    pub file: Option<Text>,
    /// Line of the call, from 1; `None` without debug information.
    #[serde(default, skip_serializing_if = "is_default")]
    pub line: Option<u32>,
    /// Address that the call returns to, in the process that made the snapshot.
    pub address: u64,
}

/// A call stack that waited for a lock, and how long: see
/// [`Point::callers`](crate::Point::callers).
///
/// ```
/// use nexus_lockprof_snapshot::{Frame, Stack};
///
/// let frame = Frame { function: Some("app::flush".into()), line: Some(7), ..Frame::default() };
/// let stack = Stack { frames: vec![frame], waits: 10, wait_ns: 5_000_000, samples: 3 };
/// assert_eq!(stack.wait().as_millis(), 5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// From the lock's caller to the thread's first function. Excludes the functions of the
    /// profiler, the lock and the thread's start.
    pub frames: Vec<Frame>,
    /// Long waits from this stack: an estimate.
    pub waits: u64,
    /// Total of those waits in nanoseconds: an estimate.
    pub wait_ns: u64,
    /// Waits with a recorded stack, from which both are estimated.
    pub samples: u64,
}

figures_of! {
    Stack in "callers." {
        waits: Counter "Long waits that came from here: an estimate.",
        wait_ns: Counter "Time that those waits took together: an estimate.",
        samples: Counter "Waits whose stack was looked at, from which the two are estimated.",
    }
}

impl Stack {
    /// The total of the waits from this stack.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        Duration::from_nanos(self.wait_ns)
    }
}

/// Sorts stacks by wait, longest first, and merges equal ones in place.
pub(crate) fn normalize(stacks: &mut Vec<Stack>) {
    stacks.sort_unstable_by(|a, b| a.frames.cmp(&b.frames));
    stacks.dedup_by(|next, kept| {
        let is_same = next.frames == kept.frames;
        if is_same {
            kept.merge_figures(next);
        }
        is_same
    });
    // A stable sort keeps ties in the order of the frames.
    stacks.sort_by_key(|stack| Reverse((stack.wait_ns, stack.waits)));
    stacks.shrink_to_fit();
}

/// Subtracts a point's `earlier` stacks from its `later` ones, counter by counter with `minus`.
/// Leaves out stacks without a change.
pub(crate) fn between<E>(
    later: &[Stack],
    earlier: &[Stack],
    minus: impl Fn(&'static str, u64, u64) -> Result<u64, E>,
) -> Result<Vec<Stack>, E> {
    let nothing = Stack::default();
    let mut before: HashMap<&[Frame], &Stack> = earlier
        .iter()
        .map(|stack| (stack.frames.as_slice(), stack))
        .collect();
    let mut changed = Vec::new();
    for stack in later {
        let earlier = before.remove(stack.frames.as_slice()).unwrap_or(&nothing);
        let (now, before) = (stack.figures(), earlier.figures());
        let interval = figure::since(&Stack::FIGURES, now, before, &minus)?;
        // Any counter: they do not change at one instant.
        if interval != [0; Stack::FIGURES.len()] {
            changed.push(stack.clone().with_figures(interval));
        }
    }
    // A stack never disappears, so a missing one went backwards, to 0.
    for gone in earlier {
        if before.contains_key(gone.frames.as_slice()) {
            minus("callers.samples", 0, gone.samples)?;
        }
    }
    Ok(changed)
}
