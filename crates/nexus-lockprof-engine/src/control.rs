//! The one word that steers the hot path: off, or a generation with the timing policy in it.
//!
//! The hot path loads it once. 0 is off: one branch. Otherwise it is folded into the key with which
//! a thread's cache is asked, so that a change of mode makes every cached entry miss, once, and
//! the cold path then gives the record its new schedule. Switching costs the hot path nothing.

use crate::config::Mode;
use crate::sampler;

/// The control word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control(pub(crate) u64);

/// What to do with an acquisition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Off = 0,
    Counts = 1,
    Sampled = 2,
    Exact = 3,
}

const GENERATION_SHIFT: u32 = 48;
/// A generation that no configured engine has.
const UNCONFIGURED: u64 = 0xFFFF;
const INTERVAL_SHIFT: u32 = 4;
const INTERVAL_MASK: u64 = crate::reservoir::MAX_WEIGHT;

impl Control {
    pub(crate) const OFF: Control = Control(0);
    /// Not off, and in no cache: sends the first acquisition to the cold path, which configures.
    pub(crate) const UNCONFIGURED: Control = Control(UNCONFIGURED << GENERATION_SHIFT);

    /// The word for `mode`; `change` is the number of changes of mode so far.
    pub(crate) fn new(change: u64, mode: Mode) -> Self {
        let generation = 1 + change % (UNCONFIGURED - 1);
        let policy = match mode {
            Mode::Off => return Control::OFF,
            Mode::Counts => Kind::Counts as u64,
            Mode::Sampled { budget } => {
                Kind::Sampled as u64 | sampler::interval(budget) << INTERVAL_SHIFT
            }
            Mode::Exact => Kind::Exact as u64,
        };
        Control(generation << GENERATION_SHIFT | policy)
    }

    #[inline]
    pub(crate) fn kind(self) -> Kind {
        match self.0 & 0b11 {
            1 => Kind::Counts,
            2 => Kind::Sampled,
            3 => Kind::Exact,
            _ => Kind::Off,
        }
    }

    /// Mean number of acquisitions from one timed to the next.
    pub(crate) fn interval(self) -> u64 {
        self.0 >> INTERVAL_SHIFT & INTERVAL_MASK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_was_made_of() {
        for change in [0, 1, 65_533, 65_534, 1 << 40] {
            for (mode, kind) in [
                (Mode::Counts, Kind::Counts),
                (Mode::Exact, Kind::Exact),
                (Mode::Sampled { budget: 0.01 }, Kind::Sampled),
            ] {
                let control = Control::new(change, mode);
                assert_eq!(control.kind(), kind);
                assert_ne!(control.0 >> 48, 0);
                assert_ne!(control.0 >> 48, UNCONFIGURED);
            }
        }
        assert_eq!(
            Control::new(3, Mode::Sampled { budget: 0.01 }).interval(),
            320
        );
        assert_eq!(Control::new(3, Mode::Off), Control::OFF);
        assert_eq!(Control::UNCONFIGURED.kind(), Kind::Off);
    }

    #[test]
    fn two_changes_in_a_row_differ() {
        for change in 65_530..65_540 {
            assert_ne!(
                Control::new(change, Mode::Counts),
                Control::new(change + 1, Mode::Counts)
            );
        }
    }
}
