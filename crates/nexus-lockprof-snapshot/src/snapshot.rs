//! [`Snapshot`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::head::{Head, SnapshotParts};
use crate::{
    Deadlock, Edge, Instance, LockPair, Losses, Overhead, PastInterval, Point, PotentialDeadlock,
    ProfilerMode, TableStats, ThreadRow, Waiter, deadlock, edge, instance, order, past, point,
    threads, waiter,
};

/// A merged, consistent, plain-data copy of all shards.
///
/// It covers either all the time since the engine's start or last reset, as the engine takes it, or
/// the interval between two such snapshots, as [`since`](Self::since) makes it.
///
/// Displays as the table of FreeBSD's LOCK_PROFILING(9), followed by the losses; see the [crate's
/// documentation](crate#the-table).
///
/// With serde it is the versioned document that [`to_json`](Self::to_json) writes.
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, Site, Snapshot, SnapshotParts};
///
/// let sessions = Lock::Named("sessions".into());
/// let snapshot = Snapshot::from_parts(SnapshotParts {
///     elapsed_ns: 2_500_000_000,
///     points: vec![Point {
///         acquisitions: 7,
///         ..Point::new(sessions, AcquireMode::Exclusive, Site::new("src/http.rs", 88, 31))
///     }],
///     ..SnapshotParts::default()
/// });
/// assert_eq!(snapshot.elapsed().as_secs_f64(), 2.5);
/// for point in snapshot.points_of("sessions") {
///     println!("{} took it {} times", point.site, point.acquisitions);
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub(crate) head: Head,
    /// All points, by total wait, longest first.
    pub(crate) points: Vec<Point>,
    /// All edges, by time, longest first.
    pub(crate) edges: Vec<Edge>,
}

impl Snapshot {
    /// Makes a snapshot. Merges records of one point and sorts each reservoir by value. Sorts the
    /// points by total wait, contentions and acquisitions, largest first, then by lock, mode and
    /// site. Does the same with the edges, by time and waits. Equal parts, in any order, make equal
    /// snapshots.
    ///
    /// Merged counters saturate at [`u64::MAX`].
    #[must_use]
    pub fn from_parts(parts: SnapshotParts) -> Self {
        let (head, points, edges) = parts.into_head();
        Self::new(head, points, edges)
    }

    pub(crate) fn new(mut head: Head, mut points: Vec<Point>, mut edges: Vec<Edge>) -> Self {
        point::normalize(&mut points);
        edge::normalize(&mut edges);
        waiter::normalize(&mut head.waiters);
        deadlock::normalize(&mut head.deadlocks);
        past::normalize(&mut head.history);
        threads::normalize(&mut head.threads);
        instance::normalize(&mut head.instances, &mut head.unlisted_most_ns);
        order::normalize_pairs(&mut head.lock_order);
        order::normalize(&mut head.potential_deadlocks);
        Self {
            head,
            points,
            edges,
        }
    }

    /// Whether it records anything. A merge of nothing does not.
    pub(crate) fn has_anything(&self) -> bool {
        !self.points.is_empty() || !self.edges.is_empty() || self.head.has_anything()
    }

    /// All points, by total wait, longest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The points of the lock classes called `name` (see [`Lock::name`](crate::Lock::name)), by
    /// total wait, longest first.
    pub fn points_of(&self, name: &str) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |p| p.lock.name() == name)
    }

    /// The point of the lock classes called `name` that waited longest in total.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// assert!(snapshot.point("sessions").is_none());
    /// ```
    #[must_use]
    pub fn point(&self, name: &str) -> Option<&Point> {
        self.points_of(name).next()
    }

    /// All edges: which point waited behind which, how often and how long. By time, longest first.
    ///
    /// Those into a point add up to its [`blocked`](Point::blocked) and
    /// [`caused_wait_ns`](Point::caused_wait_ns).
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The edges from this point, by time, longest first: behind whom it waited.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{
    ///     AcquireMode, Edge, EdgeEnd, Lock, Point, Site, Snapshot, SnapshotParts,
    /// };
    ///
    /// let at = |line| Point::new(Lock::Anonymous, AcquireMode::Shared, Site::new("a.rs", line, 1));
    /// let (reader, writer) = (at(1), at(2));
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     edges: vec![Edge {
    ///         waiting: Some(EdgeEnd::from(&reader)),
    ///         holding: EdgeEnd::from(&writer),
    ///         waits: 3,
    ///         waited_ns: 900,
    ///     }],
    ///     ..SnapshotParts::default()
    /// });
    /// assert_eq!(snapshot.edges_from(&reader).count(), 1);
    /// assert_eq!(snapshot.edges_from(&writer).count(), 0);
    /// ```
    pub fn edges_from(&self, point: &Point) -> impl Iterator<Item = &Edge> {
        let is_from = move |end: &crate::EdgeEnd| end.is(point);
        let edges = self.edges.iter();
        edges.filter(move |edge| edge.waiting.as_ref().is_some_and(is_from))
    }

    /// Who waited for a lock at the moment of the snapshot, the longest wait first. An interval has
    /// those of its end.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for waiter in snapshot.waiters() {
    ///     println!("{}: {} ms", waiter.lock.name(), waiter.waited().as_millis());
    /// }
    /// ```
    #[must_use]
    pub fn waiters(&self) -> &[Waiter] {
        &self.head.waiters
    }

    /// The threads that waited for one another at the moment of the snapshot, each for at least a
    /// second. An interval has those of its end.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// assert!(snapshot.deadlocks().is_empty());
    /// ```
    #[must_use]
    pub fn deadlocks(&self) -> &[Deadlock] {
        &self.head.deadlocks
    }

    /// The last intervals, oldest first, with the points at which threads waited in each. An
    /// interval has those that ended in it. A [merged](Self::merge) snapshot has none.
    ///
    /// An engine keeps a bounded number of them: by default the last 60 ticks. An engine that was
    /// never ticked makes them of its other collections, if a second has passed since the last.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for interval in snapshot.history() {
    ///     for point in &*interval.points {
    ///         println!("{}: {} ns in {:?}", point.site, point.wait_ns, interval.length());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn history(&self) -> &[PastInterval] {
        &self.head.history
    }

    /// What each thread has done: the threads that live, by the time that they waited, longest
    /// first, then one row for all that have ended.
    ///
    /// The rows add up to the points: acquisitions and contentions exactly, and times where all are
    /// measured. An interval has what the threads did in it. A [merged](Self::merge) snapshot has
    /// no row for a single thread: all that lived are [others](crate::ThreadKind::Others). A file
    /// keeps the rows of 1,024 threads, and the sum of the rest.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for row in snapshot.threads() {
    ///     println!("{:?} waited {} ns", row.thread, row.wait.total_ns);
    /// }
    /// ```
    #[must_use]
    pub fn threads(&self) -> &[ThreadRow] {
        &self.head.threads
    }

    /// The locks that were waited for most, each with its class and address: the least time first
    /// that is known to be for it, longest first.
    ///
    /// A sketch of bounded size tells them apart, so the times are bounds. A snapshot has at most
    /// eight locks of a class, and 256 in all. [`unlisted_most_ns`](Self::unlisted_most_ns) bounds
    /// the others. An interval has bounds of what was waited in it. A [merge](Self::merge) lists
    /// the locks of all files.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for of in snapshot.instances() {
    ///     println!("{} at {:x}: {} ms", of.lock.name(), of.address, of.least().as_millis());
    /// }
    /// ```
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.head.instances
    }

    /// The most time of long waits for any lock that is not among the
    /// [instances](Self::instances), in nanoseconds. Without short waits, those that were not
    /// timed, and classes beyond the first 65,536.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// assert_eq!(Snapshot::from_parts(SnapshotParts::default()).unlisted_most_ns(), 0);
    /// ```
    #[must_use]
    pub const fn unlisted_most_ns(&self) -> u64 {
        self.head.unlisted_most_ns
    }

    /// Which locks were acquired while which were held, by their classes. All that was seen since
    /// the program's start: a reset leaves them, and an interval has those of its end.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// for pair in snapshot.lock_order() {
    ///     println!("{} before {}", pair.held.lock.name(), pair.wanted.lock.name());
    /// }
    /// ```
    #[must_use]
    pub fn lock_order(&self) -> &[LockPair] {
        &self.head.lock_order
    }

    /// Locks that were acquired in orders which can deadlock, since the program's start: a reset
    /// leaves them, and an interval has those of its end.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// assert!(snapshot.potential_deadlocks().is_empty());
    /// ```
    #[must_use]
    pub fn potential_deadlocks(&self) -> &[PotentialDeadlock] {
        &self.head.potential_deadlocks
    }

    /// The waits that nobody is left to end, because the thread that acquired the lock has exited,
    /// and those that have lasted for at least `after`. The longest comes first. A wait that is in
    /// a [deadlock](Self::deadlocks) is not among them.
    ///
    /// The holder of a lock that is held for long may have forgotten its guard, or be busy. The
    /// profiler cannot tell.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts, Stuck};
    ///
    /// let snapshot = Snapshot::from_parts(SnapshotParts::default());
    /// assert!(snapshot.stuck(Stuck::AFTER).is_empty());
    /// ```
    #[must_use]
    pub fn stuck(&self, after: Duration) -> Vec<&Waiter> {
        deadlock::stuck(&self.head.waiters, &self.head.deadlocks, after)
    }

    /// The LOCK_PROFILING(9) figures.
    #[must_use]
    pub const fn table(&self) -> &TableStats {
        &self.head.table
    }

    /// The events that were not recorded, by cause.
    #[must_use]
    pub const fn losses(&self) -> &Losses {
        &self.head.losses
    }

    /// The cost of the profiler itself, by its own account.
    #[must_use]
    pub const fn overhead(&self) -> &Overhead {
        &self.head.overhead
    }

    /// The profiler's mode when the snapshot was taken.
    #[must_use]
    pub const fn profiler_mode(&self) -> ProfilerMode {
        self.head.profiler_mode
    }

    /// The time covered, in nanoseconds of the engine's clock: since its start or last reset, or
    /// the interval's length.
    #[must_use]
    pub const fn elapsed_ns(&self) -> u64 {
        self.head.elapsed_ns
    }

    /// The time covered; see [`elapsed_ns`](Self::elapsed_ns).
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.head.elapsed_ns)
    }

    /// Wall-clock time at which it was taken, in nanoseconds since 1970.
    #[must_use]
    pub const fn taken_unix_ns(&self) -> u64 {
        self.head.taken_unix_ns
    }

    /// Wall-clock time at which it was taken; `None` if the system's clock cannot express it.
    #[must_use]
    pub fn taken(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_nanos(self.head.taken_unix_ns))
    }

    /// Process that made it.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.head.pid
    }

    /// The name of the process's program, if known. A snapshot [merged](Self::merge) from several
    /// programs has none.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.head.program.as_deref()
    }

    /// The engine that made it. Differs between processes, and between engines of one process.
    #[must_use]
    pub const fn engine(&self) -> u64 {
        self.head.engine
    }

    /// Number of the collection that made it; grows by one with each snapshot, tick or reset.
    #[must_use]
    pub const fn collection(&self) -> u64 {
        self.head.collection
    }

    /// Number of resets before it.
    #[must_use]
    pub const fn resets(&self) -> u64 {
        self.head.resets
    }

    /// The collection at which an interval made by [`since`](Self::since) begins; `None` for a
    /// cumulative snapshot.
    #[must_use]
    pub const fn base_collection(&self) -> Option<u64> {
        self.head.base
    }

    /// Marks the snapshot as taken without ending the profiler's interval. Its number is that of
    /// the next collection, whose [`recent`](crate::Durations::recent) does not begin at this
    /// snapshot.
    #[must_use]
    pub fn into_peek(mut self) -> Self {
        self.head.peek = true;
        self
    }

    /// The same, and notes that its samples are older than its counts by `samples_behind_ns`
    /// nanoseconds.
    #[must_use]
    pub fn into_light_peek(mut self, samples_behind_ns: u64) -> Self {
        self.head.samples_behind_ns = samples_behind_ns;
        self.into_peek()
    }

    /// By how much the samples, and so the percentiles, are older than the counts, in nanoseconds
    /// of the engine's clock. They cover nothing of that time. 0 unless it is a light peek, such as
    /// an endpoint takes when it is asked often.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{Snapshot, SnapshotParts};
    ///
    /// let peek = Snapshot::from_parts(SnapshotParts::default()).into_light_peek(30_000_000);
    /// assert!(peek.is_peek());
    /// assert_eq!(peek.samples_behind_ns(), 30_000_000);
    /// ```
    #[must_use]
    pub const fn samples_behind_ns(&self) -> u64 {
        self.head.samples_behind_ns
    }

    /// Returns whether it was taken without ending the profiler's interval (see
    /// [`into_peek`](Self::into_peek)). For an interval: whether it begins at such a snapshot.
    #[must_use]
    pub const fn is_peek(&self) -> bool {
        self.head.peek
    }

    /// How many snapshots were [merged](Self::merge) into it; 1 if none were.
    #[must_use]
    pub const fn merged(&self) -> u64 {
        self.head.merged
    }
}
