//! The one word that says what is measured, and when that last changed.
//!
//! The hot path does not read it. A record that a thread's cache finds is counted and timed as the
//! record says, and its schedule was made under some control word. A change of the word empties the
//! caches, so the next acquisition at each point looks the point up and schedules it again. So
//! changing the mode costs the hot path nothing. A point that is not in the cache reads the word: 0
//! is off.

use crate::config::Mode;

/// The control word: a generation and the kind of mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control(pub(crate) u64);

/// The kind of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModeKind {
    Off = 0,
    Counts = 1,
    Sampled = 2,
    Exact = 3,
}

const KIND_BITS: u32 = 2;

impl Control {
    pub(crate) const OFF: Control = Control(0);
    /// Off, but each acquisition takes the cold path: in a forked child, until the first
    /// acquisition.
    pub(crate) const OFF_AND_CALLING: Control = Control((u64::MAX - 1) << KIND_BITS);
    /// Not off, and not the word of any record. It sends the first acquisition to the cold path,
    /// which configures.
    pub(crate) const UNCONFIGURED: Control = Control(u64::MAX << KIND_BITS);

    /// The word for `mode`; `change` is the number of changes of mode so far.
    pub(crate) fn new(change: u64, mode: Mode) -> Self {
        let kind = match mode {
            Mode::Off => return Control::OFF,
            Mode::Counts => ModeKind::Counts,
            Mode::Sampled { .. } => ModeKind::Sampled,
            Mode::Exact => ModeKind::Exact,
        };
        Control(change << KIND_BITS | kind as u64)
    }

    #[inline]
    pub(crate) fn kind(self) -> ModeKind {
        match self.0 & 0b11 {
            1 => ModeKind::Counts,
            2 => ModeKind::Sampled,
            3 => ModeKind::Exact,
            _ => ModeKind::Off,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        for change in [1, 65_534, 1 << 40] {
            for (mode, kind) in [
                (Mode::Counts, ModeKind::Counts),
                (Mode::Exact, ModeKind::Exact),
                (Mode::Sampled { budget: 0.01 }, ModeKind::Sampled),
            ] {
                let control = Control::new(change, mode);
                assert_eq!(control.kind(), kind);
                assert_ne!(control, Control::UNCONFIGURED);
                assert_ne!(control, Control::new(change + 1, mode));
            }
        }
        assert_eq!(Control::new(3, Mode::Off), Control::OFF);
        assert_eq!(Control::UNCONFIGURED.kind(), ModeKind::Off);
        assert_eq!(Control::OFF_AND_CALLING.kind(), ModeKind::Off);
        assert_ne!(Control::OFF_AND_CALLING, Control::UNCONFIGURED);
    }
}
