//! The file format `.lockprof`: what is in it and in which form. `docs/reference/format.md`
//! describes it for whoever writes a reader.
//!
//! **Invariant:** a file of version N stays readable by every later version. Sections, and fields
//! at the end of a point, of durations or of the head, may be added to a version: a reader skips
//! what it does not know. Anything else is version N + 1. `tests/golden/` keeps a file of each
//! version.

mod decode;
mod encode;
mod input;
mod whole;

pub(crate) use decode::{Decoder, RawFrame, RawLock, RawPoint, RawSite, Room};
pub(crate) use encode::encode;
pub(crate) use input::Malformed;
pub(crate) use whole::snapshot;

/// What each file begins with. The first byte is no ASCII, so that nobody takes it for text, and
/// JSON cannot begin with it.
pub(crate) const MAGIC: [u8; 8] = *b"\x8CLOCKPRF";

/// The version that is written, and the newest that is read.
pub(crate) const VERSION: u32 = 1;

/// Names of sections. Small letters: a reader that does not know the section may skip it.
pub(crate) mod tag {
    /// About the snapshot as a whole.
    pub(crate) const HEAD: [u8; 4] = *b"HEAD";
    /// Texts, by number.
    pub(crate) const TEXT: [u8; 4] = *b"TEXT";
    /// Frames of call stacks, by number.
    pub(crate) const FRAMES: [u8; 4] = *b"FRAM";
    /// The points.
    pub(crate) const POINTS: [u8; 4] = *b"PNTS";
    /// The end, with the checksum of all before it.
    pub(crate) const END: [u8; 4] = *b"END.";
}

/// Fields that are there only if they are not 0, in the order of the bits of a mask: the figures
/// that version 1 began with, fields that are no figures, then the figures that came later.
pub(crate) struct Fields {
    /// How many figures are the first ones.
    pub(crate) first: usize,
    /// How many fields are no figures.
    pub(crate) others: usize,
}

impl Fields {
    /// The bit of a field that is no figure.
    pub(crate) const fn bit(&self, other: usize) -> u64 {
        1 << (self.first + other)
    }

    /// The place of the bit of the first later figure.
    pub(crate) const fn later(&self) -> usize {
        self.first + self.others
    }
}

/// Fields of a point.
pub(crate) mod field {
    use super::Fields;

    pub(crate) const ALL: Fields = Fields {
        first: 8,
        others: 4,
    };
    pub(crate) const CAUSED_VARIANCE: u64 = ALL.bit(0);
    pub(crate) const WAIT: u64 = ALL.bit(1);
    pub(crate) const HOLD: u64 = ALL.bit(2);
    pub(crate) const CALLERS: u64 = ALL.bit(3);
}

/// The same of durations.
pub(crate) mod durations {
    use super::Fields;

    pub(crate) const ALL: Fields = Fields {
        first: 5,
        others: 3,
    };
    pub(crate) const VARIANCE: u64 = ALL.bit(0);
    pub(crate) const RESERVOIR: u64 = ALL.bit(1);
    pub(crate) const RECENT: u64 = ALL.bit(2);
}

/// How the weights of samples are written.
pub(crate) mod weights {
    /// All are 1.
    pub(crate) const ONES: u8 = 0;
    /// All are the same: one number.
    pub(crate) const SAME: u8 = 1;
    /// One number for each sample.
    pub(crate) const EACH: u8 = 2;
}
