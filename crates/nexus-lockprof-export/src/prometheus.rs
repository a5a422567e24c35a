//! The Prometheus text format 0.0.4, and OpenMetrics 1.0.
//!
//! # Metrics
//!
//! Of each acquisition point, with the labels `lock`, `site` and `mode` (see [`Point::labels`](nexus_lockprof_snapshot::Point::labels)):
//!
//! | metric | type | what it is |
//! | --- | --- | --- |
//! | `lockprof_NAME_total`, or `lockprof_NAME_seconds_total` of a time | counter | each of [`Point::FIGURES`](nexus_lockprof_snapshot::Point::FIGURES), such as `lockprof_contentions_total` and `lockprof_caused_wait_seconds_total` |
//! | `lockprof_wait_seconds_total`, `lockprof_hold_seconds_total` | counter | sum of the waits, of the holds |
//! | `lockprof_wait_unmeasured_total`, `lockprof_hold_unmeasured_total` | counter | waits and holds that are in no sum and stand for nothing in one |
//! | `lockprof_wait_duration_seconds`, `lockprof_hold_duration_seconds` | summary | quantiles 0.5, 0.95 and 0.99 since the start or reset; the sum, and the number of durations that it stands for |
//! | `lockprof_wait_max_seconds`, `lockprof_hold_max_seconds` | gauge | longest measured wait and hold |
//! | `lockprof_wait_standard_error_seconds`, `lockprof_hold_standard_error_seconds`, `lockprof_caused_wait_standard_error_seconds` | gauge | standard error of the sum, where it is estimated from samples |
//!
//! Of the profiler:
//!
//! | metric | type | what it is |
//! | --- | --- | --- |
//! | `lockprof_losses_total` | counter | events that were not recorded, by `cause` |
//! | `lockprof_overhead_seconds_total` | counter | what the profiler took, by `kind`: `budgeted` or `counting` |
//! | `lockprof_thread_seconds_total` | counter | what threads lived since their first profiled acquisition |
//! | `lockprof_elapsed_seconds` | gauge | time covered: since the start or the last reset |
//! | `lockprof_start_time_seconds` | gauge | when that was, in Unix time |
//! | `lockprof_points`, `lockprof_points_folded` | gauge | points there are, and those in the series `other` |
//! | `lockprof_shards` | gauge | the most threads that were alive at one time |
//! | `lockprof_info` | info | `profiler_mode`, and `budget` where there is one |
//!
//! Times are whole nanoseconds, written as decimals: no digit is lost.
//!
//! # Bounded
//!
//! The first [`top`](Text::top) points, by what they wait and make others wait, then by hold and acquisitions, have series of
//! their own. All others are added up in one series of each counter, `{lock="other",site="other",mode="other"}`, so that
//! sums over series are the snapshot's, to the nanosecond. Points of one line that look alike are one series as well. Samples of folded
//! points are not merged: `other` has no quantiles. A lock that is really called `other` is
//! `r#other`.
//!
//! A point that moves from `other` to a series of its own would take its past along, and make `other` look like a
//! counter that was reset. Whoever is scraped again and again keeps a [`Scrapes`]: then points stay where they were until
//! the next reset, and all counters only grow.
//!
//! ```
//! use nexus_lockprof_export::prometheus;
//! use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
//!
//! let snapshot = Snapshot::from_parts(SnapshotParts {
//!     points: vec![Point {
//!         acquisitions: 7,
//!         ..Point::new(Lock::Named("cache".into()), AcquireMode::Shared, Site::new("src/cache.rs", 41, 9))
//!     }],
//!     ..SnapshotParts::default()
//! });
//! let text = prometheus::text(&snapshot).to_string();
//! let series = r#"lockprof_acquisitions_total{lock="cache",site="src/cache.rs:41",mode="shared"} 7"#;
//! assert!(text.lines().any(|line| line == series));
//! ```

mod number;
mod scrapes;
mod text;
mod writer;

use nexus_lockprof_snapshot::Snapshot;

pub use scrapes::Scrapes;
pub use text::Text;

/// The media type of the text format 0.0.4, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The media type of OpenMetrics 1.0, for `Content-Type`.
pub const OPEN_METRICS_CONTENT_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics of one snapshot: see the [module](self). Set its options, then display it. The text ends with a line end.
///
/// ```
/// use nexus_lockprof_export::prometheus;
/// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
///
/// let snapshot = Snapshot::from_parts(SnapshotParts::default());
/// print!("{}", prometheus::text(&snapshot));
/// let text = prometheus::text(&snapshot).open_metrics(true).top(50).to_string();
/// assert!(text.ends_with("# EOF\n"));
/// ```
pub fn text(snapshot: &Snapshot) -> Text<'_> {
    Text::new(snapshot)
}
