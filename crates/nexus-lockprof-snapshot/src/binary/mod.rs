//! The file format `.lockprof`. `docs/reference/format.md` describes it for authors of readers.
//!
//! **Invariant:** every later version reads a file of version N. A version may gain sections, and
//! fields at the end of a point, of durations or of the head: readers skip what they do not know.
//! Any other change makes version N + 1. `tests/golden/` keeps a file of each version.

mod decode;
mod edges;
mod encode;
mod input;
mod instances;
mod order;
mod output;
mod past;
mod raw;
mod section;
mod threads;
mod waiters;
mod whole;

pub(crate) use decode::Decoder;
pub(crate) use edges::{RawEdges, RawEnd};
pub(crate) use encode::encode;
pub(crate) use input::Malformed;
pub(crate) use raw::{RawFrame, RawLock, RawPoint, RawSite, Room};
pub(crate) use whole::snapshot;

/// The first bytes of each file. The first byte is not ASCII, so the file does not look like text,
/// and JSON cannot begin with it.
pub(crate) const MAGIC: [u8; 8] = *b"\x8CLOCKPRF";

/// The version that we write, and the newest that we read.
pub(crate) const VERSION: u32 = 1;

/// Tags of sections. Lower-case letters mean that a reader may skip the section if it does not know
/// it.
pub(crate) mod tag {
    /// Data on the snapshot as a whole.
    pub(crate) const HEAD: [u8; 4] = *b"HEAD";
    /// Texts, by number.
    pub(crate) const TEXT: [u8; 4] = *b"TEXT";
    /// Frames of call stacks, by number.
    pub(crate) const FRAMES: [u8; 4] = *b"FRAM";
    /// The points.
    pub(crate) const POINTS: [u8; 4] = *b"PNTS";
    /// The edges.
    pub(crate) const EDGES: [u8; 4] = *b"edge";
    /// Who waits at the moment of the snapshot.
    pub(crate) const WAITERS: [u8; 4] = *b"wait";
    /// Which of them wait for one another.
    pub(crate) const DEADLOCKS: [u8; 4] = *b"dead";
    /// The last intervals.
    pub(crate) const HISTORY: [u8; 4] = *b"past";
    /// What each thread has done.
    pub(crate) const THREADS: [u8; 4] = *b"thrd";
    /// The locks that were waited for most.
    pub(crate) const INSTANCES: [u8; 4] = *b"inst";
    /// Which locks were acquired while which were held.
    pub(crate) const ORDER: [u8; 4] = *b"ordr";
    /// Which of these can deadlock.
    pub(crate) const POTENTIAL: [u8; 4] = *b"potl";
    /// The end, with the checksum of all bytes before it.
    pub(crate) const END: [u8; 4] = *b"END.";
}

/// Fields that are written only if they are not 0, in the order of their bits in a mask. First come
/// the figures of version 1, then the fields that are not figures, then the later figures.
pub(crate) struct Fields {
    /// Number of version 1's figures.
    pub(crate) first: usize,
    /// Number of fields that are not figures.
    pub(crate) others: usize,
}

impl Fields {
    /// The bit of a field that is not a figure.
    pub(crate) const fn bit(&self, other: usize) -> u64 {
        1 << (self.first + other)
    }

    /// The position of the first later figure's bit.
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
    /// Behind all figures. The bits from 10 to this one are for figures.
    pub(crate) const HISTOGRAM: u64 = 1 << 13;
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
