//! The Prometheus text format 0.0.4, OpenMetrics 1.0, and Prometheus's protobuf format.
//!
//! # Metrics
//!
//! For each acquisition point, with the labels `lock`, `site` and `mode` (see
//! [`Point::labels`](nexus_lockprof_snapshot::Point::labels)):
//!
//! | metric | type | what it is |
//! | --- | --- | --- |
//! | `lockprof_NAME_total`, or `lockprof_NAME_seconds_total` for a time | counter | each counter of [`Point::FIGURES`](nexus_lockprof_snapshot::Point::FIGURES), such as `lockprof_contentions_total` and `lockprof_caused_wait_seconds_total` |
//! | `lockprof_wait_seconds_total`, `lockprof_hold_seconds_total` | counter | sum of the waits, of the holds |
//! | `lockprof_wait_unmeasured_total`, `lockprof_hold_unmeasured_total` | counter | waits and holds that no sum covers |
//! | `lockprof_wait_duration_seconds`, `lockprof_hold_duration_seconds` | histogram | how many durations were measured, by how long they took, and their sum; absent until there is one, and for profiles without histograms (mode `waits`, older files) |
//! | `lockprof_wait_max_seconds`, `lockprof_hold_max_seconds` | gauge | longest measured wait and hold |
//! | `lockprof_most_readers` | gauge | most readers that a wait has seen inside at once |
//! | `lockprof_waiters` | gauge | threads and tasks that wait there at this moment |
//! | `lockprof_longest_wait_seconds` | gauge | how long the one that waits longest has waited so far |
//! | `lockprof_wait_standard_error_seconds`, `lockprof_hold_standard_error_seconds`, `lockprof_caused_wait_standard_error_seconds` | gauge | standard error of the sum, if it is estimated from samples |
//!
//! For the profiler:
//!
//! | metric | type | what it is |
//! | --- | --- | --- |
//! | `lockprof_losses_total` | counter | events that were not recorded, by `cause` |
//! | `lockprof_overhead_seconds_total` | counter | the profiler's own time, by `kind`: `budgeted` or `counting` |
//! | `lockprof_thread_seconds_total` | counter | the threads' lifetimes since their first profiled acquisition |
//! | `lockprof_elapsed_seconds` | gauge | time covered: since the start or the last reset |
//! | `lockprof_start_time_seconds` | gauge | beginning of that time, in Unix time |
//! | `lockprof_points`, `lockprof_points_folded` | gauge | number of points, and of those in the series `other` |
//! | `lockprof_shards` | gauge | the most threads alive at one time |
//! | `lockprof_deadlocked_threads`, `lockprof_stuck_waiters` | gauge | threads in deadlocks, and waits that last too long |
//! | `lockprof_lock_order_inversions` | gauge | orders of locks that can deadlock |
//! | `lockprof_info` | info | `profiler_mode`, and `budget` if the mode has one |
//!
//! Times are whole nanoseconds, written as decimals, so no digit is lost.
//!
//! # Bounded
//!
//! The first [`top`](Text::top) points have series of their own. Their order is by the time that
//! they wait and make others wait, then by hold and acquisitions. All other points add up in one
//! series per counter, `{lock="other",site="other",mode="other"}`. So sums of counters over series
//! equal the snapshot's, to the nanosecond. Points on one line with the same labels also share a
//! series. Of the places without series of their own, the 20 with the longest waits get the two
//! gauges of waiters, so that these name the lock of a stuck program. A lock that is actually named
//! `other` becomes `r#other`.
//!
//! A point that moves from `other` to its own series would take its past along, and `other` would
//! look like a counter that was reset. For repeated scrapes, keep a [`Scrapes`]: points stay where
//! they are until the next reset, and all counters only grow.
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

mod families;
mod number;
mod proto;
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

/// The media type of the protobuf format, for `Content-Type`. A client asks for it by the part
/// before the first `;`.
pub const PROTOBUF_CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// The metrics of one snapshot: see the [module](self). Set its options, then display it. The text
/// ends with a line feed.
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
