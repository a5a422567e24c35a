//! Why threads waited for a reader-writer lock: [`WaitCause`].

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::{AcquireMode, Edge, EdgeEnd, Point, Snapshot};

/// Why a thread waited for a reader-writer lock: in which mode it wanted the lock, and in which
/// mode it found the lock held.
///
/// ```
/// use nexus_lockprof_snapshot::{AcquireMode, WaitCause};
///
/// let cause = WaitCause::between(AcquireMode::Shared, AcquireMode::Shared);
/// assert_eq!(cause, WaitCause::ReaderBehindWaitingWriter);
/// assert_eq!(cause.as_str(), "reader_behind_waiting_writer");
/// assert_eq!(cause.to_string(), "reader behind a waiting writer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitCause {
    /// A writer waited for readers to leave.
    WriterBehindReaders,
    /// A writer waited for another.
    WriterBehindWriter,
    /// A writer waited for an upgradable reader.
    WriterBehindUpgradable,
    /// A reader waited for a writer.
    ReaderBehindWriter,
    /// A reader waited although only readers held the lock: a writer, or an upgrade, waits for
    /// these, and the lock lets nobody pass it.
    ReaderBehindWaitingWriter,
    /// An upgradable reader waited for a writer.
    UpgradableBehindWriter,
    /// An upgradable reader waited for another.
    UpgradableBehindUpgradable,
    /// An upgradable reader waited although only readers held the lock, as in
    /// [`ReaderBehindWaitingWriter`](Self::ReaderBehindWaitingWriter).
    UpgradableBehindWaitingWriter,
    /// An upgrade waited for the other readers to leave.
    Upgrade,
    /// Nobody knows who held the lock.
    Unknown,
}

impl WaitCause {
    /// All causes, in the order in which reports list equals.
    pub const ALL: [Self; 10] = [
        Self::WriterBehindReaders,
        Self::WriterBehindWriter,
        Self::WriterBehindUpgradable,
        Self::ReaderBehindWriter,
        Self::ReaderBehindWaitingWriter,
        Self::UpgradableBehindWriter,
        Self::UpgradableBehindUpgradable,
        Self::UpgradableBehindWaitingWriter,
        Self::Upgrade,
        Self::Unknown,
    ];

    /// The cause if a thread that wants the lock in mode `waiting` finds it held in mode `holding`.
    /// An [upgrade](Self::Upgrade) looks like a writer here.
    #[must_use]
    pub const fn between(waiting: AcquireMode, holding: AcquireMode) -> Self {
        use AcquireMode::{Exclusive, Shared, Upgradable};
        match (waiting, holding) {
            (Exclusive, Shared) => Self::WriterBehindReaders,
            (Exclusive, Exclusive) => Self::WriterBehindWriter,
            (Exclusive, Upgradable) => Self::WriterBehindUpgradable,
            (Shared, Exclusive) => Self::ReaderBehindWriter,
            (Shared, Shared | Upgradable) => Self::ReaderBehindWaitingWriter,
            (Upgradable, Exclusive) => Self::UpgradableBehindWriter,
            (Upgradable, Upgradable) => Self::UpgradableBehindUpgradable,
            (Upgradable, Shared) => Self::UpgradableBehindWaitingWriter,
        }
    }

    /// Its name in JSON and in labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WriterBehindReaders => "writer_behind_readers",
            Self::WriterBehindWriter => "writer_behind_writer",
            Self::WriterBehindUpgradable => "writer_behind_upgradable",
            Self::ReaderBehindWriter => "reader_behind_writer",
            Self::ReaderBehindWaitingWriter => "reader_behind_waiting_writer",
            Self::UpgradableBehindWriter => "upgradable_behind_writer",
            Self::UpgradableBehindUpgradable => "upgradable_behind_upgradable",
            Self::UpgradableBehindWaitingWriter => "upgradable_behind_waiting_writer",
            Self::Upgrade => "upgrade",
            Self::Unknown => "unknown",
        }
    }
}

/// As people read it: `writer behind readers`.
impl fmt::Display for WaitCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WriterBehindReaders => "writer behind readers",
            Self::WriterBehindWriter => "writer behind a writer",
            Self::WriterBehindUpgradable => "writer behind an upgradable reader",
            Self::ReaderBehindWriter => "reader behind a writer",
            Self::ReaderBehindWaitingWriter => "reader behind a waiting writer",
            Self::UpgradableBehindWriter => "upgradable reader behind a writer",
            Self::UpgradableBehindUpgradable => "upgradable reader behind another",
            Self::UpgradableBehindWaitingWriter => "upgradable reader behind a waiting writer",
            Self::Upgrade => "upgrade behind readers",
            Self::Unknown => "not known behind whom",
        })
    }
}

/// The waits of one [`WaitCause`]. Made by [`Snapshot::causes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WaitsByCause {
    /// The cause.
    pub cause: WaitCause,
    /// How many waits began with this cause, those that gave up included.
    pub waits: u64,
    /// The time waited, in nanoseconds. An estimate if waits are timed by sample, 0 in mode
    /// `counts`.
    pub waited_ns: u64,
}

impl WaitsByCause {
    /// The time waited.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns)
    }
}

/// Waits and nanoseconds by cause, in the order of [`WaitCause::ALL`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Causes([[u64; 2]; WaitCause::ALL.len()]);

impl Causes {
    /// Those of `point`, from which `edges` lead.
    fn of<'a>(point: &Point, edges: impl IntoIterator<Item = &'a Edge>) -> Self {
        let mut causes = Self::default();
        let (mut known, mut known_ns) = (0_u64, 0_u64);
        for edge in edges {
            known = known.saturating_add(edge.waits);
            known_ns = known_ns.saturating_add(edge.waited_ns);
            let cause = WaitCause::between(point.mode, edge.holding.mode);
            causes.add(cause, [edge.waits, edge.waited_ns]);
        }
        causes.split_upgrades(point.upgrade_waits);
        let waits = waits_of(point).saturating_sub(known);
        let waited_ns = (point.wait.total_ns)
            .saturating_add(point.abandoned_wait_ns)
            .saturating_sub(known_ns);
        causes.add(WaitCause::Unknown, [waits, waited_ns]);
        causes
    }

    /// Upgrades are exclusive acquisitions that wait for readers. One place makes either upgrades
    /// or others, unless it stands for several that had no room.
    fn split_upgrades(&mut self, upgrades: u64) {
        let behind_readers = self.0[WaitCause::WriterBehindReaders as usize];
        let upgrades = upgrades.min(behind_readers[0]);
        if upgrades == 0 {
            return;
        }
        let [waits, waited_ns] = behind_readers.map(u128::from);
        // At most `waited_ns`, so it fits.
        let upgrades_ns = (waited_ns * u128::from(upgrades) / waits) as u64;
        let of_upgrades = [upgrades, upgrades_ns];
        self.0[WaitCause::Upgrade as usize] = of_upgrades;
        let writers = &mut self.0[WaitCause::WriterBehindReaders as usize];
        *writers = [0, 1].map(|of| writers[of] - of_upgrades[of]);
    }

    fn add(&mut self, cause: WaitCause, more: [u64; 2]) {
        let sums = &mut self.0[cause as usize];
        *sums = [0, 1].map(|of| sums[of].saturating_add(more[of]));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (cause, more) in WaitCause::ALL.into_iter().zip(other.0) {
            self.add(cause, more);
        }
    }

    /// Those with waits or time, most time first.
    pub(crate) fn list(&self) -> Vec<WaitsByCause> {
        let all = WaitCause::ALL.into_iter().zip(self.0);
        let all = all.map(|(cause, [waits, waited_ns])| WaitsByCause {
            cause,
            waits,
            waited_ns,
        });
        let mut list: Vec<WaitsByCause> = all.collect();
        list.retain(|of| of.waits | of.waited_ns != 0);
        // Stable: equals stay in the order of the causes.
        list.sort_by_key(|of| std::cmp::Reverse((of.waited_ns, of.waits)));
        list
    }
}

/// All waits of a point, those that gave up included.
pub(crate) fn waits_of(point: &Point) -> u64 {
    (point.contentions)
        .saturating_add(point.timeouts)
        .saturating_add(point.cancellations)
}

/// The edges of a snapshot, by the point that waited.
pub(crate) struct EdgesFrom<'a>(HashMap<crate::point::Key<'a>, Vec<&'a Edge>>);

impl<'a> EdgesFrom<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut from: HashMap<_, Vec<&Edge>> = HashMap::new();
        for edge in snapshot.edges() {
            if let Some(key) = edge.waiting.as_ref().map(EdgeEnd::key) {
                from.entry(key).or_default().push(edge);
            }
        }
        Self(from)
    }

    pub(crate) fn causes(&self, point: &'a Point) -> Causes {
        let edges = self.0.get(&point.key()).into_iter().flatten();
        Causes::of(point, edges.copied())
    }
}

impl Snapshot {
    /// Why threads waited at `point` of a reader-writer lock, most time first.
    ///
    /// The causes come from the [edges](Self::edges_from) from the point. Their waits add up to the
    /// point's contentions, timeouts and cancellations. Only a wait that ends while the snapshot is
    /// taken may be missing in one of the two, and a wait that is still blamed when its lock is
    /// released is [unknown](WaitCause::Unknown) until then.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{
    ///     AcquireMode, Edge, EdgeEnd, Lock, Point, Site, Snapshot, SnapshotParts, WaitCause,
    /// };
    ///
    /// let at = |line, mode| Point::new(Lock::Anonymous, mode, Site::new("src/a.rs", line, 1));
    /// let (reader, mut writer) = (at(7, AcquireMode::Shared), at(30, AcquireMode::Exclusive));
    /// writer.contentions = 5;
    /// let edge = Edge {
    ///     waiting: Some(EdgeEnd::from(&writer)),
    ///     holding: EdgeEnd::from(&reader),
    ///     waits: 3,
    ///     waited_ns: 900,
    /// };
    /// let snapshot = Snapshot::from_parts(SnapshotParts {
    ///     points: vec![reader, writer.clone()],
    ///     edges: vec![edge],
    ///     ..SnapshotParts::default()
    /// });
    /// let causes = snapshot.causes(&writer).into_iter().map(|of| (of.cause, of.waits));
    /// let expected = [(WaitCause::WriterBehindReaders, 3), (WaitCause::Unknown, 2)];
    /// assert!(causes.eq(expected));
    /// ```
    #[must_use]
    pub fn causes(&self, point: &Point) -> Vec<WaitsByCause> {
        Causes::of(point, self.edges_from(point)).list()
    }
}
