//! In which order locks are acquired.
//!
//! Each thread knows the measured acquisitions that it holds ([`HeldLocks`]). When it begins
//! another one, each of them makes a pair with it: held, and wanted. The engine keeps the pairs of
//! lock classes in one bounded table ([`OrderTable`]). Most pairs were seen before, so each thread
//! remembers those that it saw last ([`SeenPairs`]), and only adds to a count of its own.

mod held;
mod seen;
mod table;

pub(crate) use held::{Held, HeldLocks, Holdable, MOST_HELD};
pub(crate) use seen::{SeenPair, SeenPairs};
pub(crate) use table::{MOST_GATES, NotNoted, OrderTable, PairReading, Sighting};
