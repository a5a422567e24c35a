//! How people read numbers, names, places and columns: the same on every surface.
//!
//! `lockprof report`, `top`, `diff` and `ps` take their words from here. The page does the same in
//! its own language.
//!
//! ```
//! use nexus_lockprof_export::readable::{fit, number};
//!
//! assert_eq!(number::duration(1_234_567), "1.23ms");
//! assert_eq!(number::count(45_600), "45.6k");
//! assert_eq!(number::percent(25, 1_000), "2.5%");
//! assert_eq!(fit::middle("sessions", 7), "ses…ons");
//! ```

pub mod columns;
pub mod fit;
pub mod names;
pub(crate) mod place;
pub mod waiters;

pub use nexus_lockprof_snapshot::number;
