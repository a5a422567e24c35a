//! The thresholds of the rules. `docs/explanation/findings.md` has the reasons for them.

/// Waiting that costs less than this many threads is not worth a finding.
pub(super) const WORTH_SAYING_THREADS: f64 = 0.01;
/// "Most of the waiting".
pub(super) const MOST: f64 = 0.5;
/// A holder that causes less than this share of the waiting is not named.
pub(super) const WORTH_BLAMING: f64 = 0.1;
/// Fewer events than this have no 95th percentile worth the name.
pub(super) const FEWEST_EVENTS: u64 = 20;
/// A hold of this mean is long: only I/O, sleep, an `.await` or a large computation takes it.
pub(super) const LONG_HOLD_NS: f64 = 1e6;
/// A caller is slow if it holds this many times longer than the others.
pub(super) const SLOW: f64 = 3.0;
/// A hold is out of the ordinary if it is this many times as long as the 95th percentile.
pub(super) const EXTRAORDINARY: f64 = 10.0;
/// A hold is short if waking a thread takes as long.
pub(super) const SHORT_HOLD_NS: f64 = 10e3;
/// Waking a thread takes at most this long on a machine that is not overloaded.
pub(super) const WAKING_NS: f64 = 50e3;
/// Fewer waits than this are no convoy.
pub(super) const CONVOY_WAITS: u64 = 100;
/// The share of the acquisitions that wait from which on a lock is contended.
pub(super) const OFTEN: f64 = 0.1;
/// A wait is not explained by the queue if it is this many times as long.
pub(super) const BEYOND_THE_QUEUE: f64 = 2.0;
/// A lock that is held for this share of the time is busy.
pub(super) const BUSY: f64 = 0.5;
/// A reader's place that upgrades more often than this share has a use for it.
pub(super) const RARELY_UPGRADED: f64 = 0.1;
/// A `try_*` function that fails this often a second, and this often for each success, is in a
/// loop.
pub(super) const TRIES_PER_SECOND: f64 = 1_000.0;
pub(super) const TRIES_PER_SUCCESS: u64 = 10;

pub(super) const NS_PER_S: f64 = 1e9;
