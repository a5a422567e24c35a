//! [`Head`]: what a snapshot says of a process, beside its points.

use serde::{Deserialize, Serialize};

use crate::json::{hex, is_default, is_one, one};
use crate::{Losses, Overhead, Point, ProfilerMode, TableStats, Text};

/// Makes [`Head`], and what has its fields beside the points: [`SnapshotParts`] and [`Document`].
///
/// The first fields are those of a snapshot that was taken. The others say what was made of it.
macro_rules! head {
    (
        taken { $($(#[doc = $doc:literal])+ $(#[serde($($serde:tt)+)])? $field:ident: $type:ty,)+ }
        made { $($(#[doc = $made_doc:literal])+ #[serde($($made_serde:tt)+)] $made:ident: $made_type:ty = $one:expr,)+ }
    ) => {
        /// All of a snapshot but its points.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct Head {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
            $($(#[doc = $made_doc])+ pub(crate) $made: $made_type,)+
        }

        /// The fields of a [`Snapshot`](crate::Snapshot), for whoever collects one. Unless set, all are zero and empty, and the mode is
        /// [`Off`](ProfilerMode::Off).
        ///
        /// ```
        /// use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};
        ///
        /// let parts = SnapshotParts { collection: 3, mode: ProfilerMode::Exact, ..SnapshotParts::default() };
        /// assert_eq!(Snapshot::from_parts(parts).collection(), 3);
        /// ```
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct SnapshotParts {
            $($(#[doc = $doc])+ pub $field: $type,)+
            /// All points, in any order. Records of one point (same lock, mode and site) are merged.
            pub points: Vec<Point>,
        }

        impl SnapshotParts {
            pub(crate) fn into_head(self) -> (Head, Vec<Point>) {
                let head = Head {
                    $($field: self.$field,)+
                    $($made: $one,)+
                };
                (head, self.points)
            }
        }

        /// The JSON document: the envelope first, then small things, then the points. A reader skips what it does not know.
        #[derive(Serialize, Deserialize)]
        pub(crate) struct Document<P> {
            pub(crate) format: String,
            pub(crate) schema: u32,
            $($(#[serde($($serde)+)])? $field: $type,)+
            $(#[serde($($made_serde)+)] $made: $made_type,)+
            pub(crate) points: P,
        }

        impl<P> Document<P> {
            pub(crate) fn new(format: &str, schema: u32, head: &Head, points: P) -> Self {
                Self {
                    format: format.to_owned(),
                    schema,
                    $($field: head.$field.clone(),)+
                    $($made: head.$made,)+
                    points,
                }
            }

            pub(crate) fn into_head(self) -> (Head, P) {
                let head = Head {
                    $($field: self.$field,)+
                    $($made: self.$made,)+
                };
                (head, self.points)
            }
        }
    };
}

head! {
    taken {
        /// Which engine made it: differs between processes and between engines of one process.
        #[serde(with = "hex")]
        engine: u64,
        /// Process that made it.
        pid: u32,
        /// What the process's program is called, if that is known.
        #[serde(default, skip_serializing_if = "is_default")]
        program: Option<Text>,
        /// Wall-clock time at which it was taken, in nanoseconds since 1970.
        taken_unix_ns: u64,
        /// Number of the collection that made it; grows by one with each snapshot, tick or reset.
        collection: u64,
        /// Number of resets before it.
        resets: u64,
        /// Time since the engine's start or last reset, in nanoseconds of the engine's clock.
        elapsed_ns: u64,
        /// Mode at the time it was taken.
        mode: ProfilerMode,
        /// The LOCK_PROFILING(9) figures.
        table: TableStats,
        /// What was not recorded.
        #[serde(default, skip_serializing_if = "is_default")]
        losses: Losses,
        /// What the profiler itself has cost.
        #[serde(default, skip_serializing_if = "is_default")]
        overhead: Overhead,
    }
    made {
        /// For an interval: the collection it begins at.
        #[serde(default, skip_serializing_if = "is_default")]
        base: Option<u64> = None,
        /// Whether it was taken without ending the profiler's interval; of an interval, whether it begins at such a one.
        #[serde(default, skip_serializing_if = "is_default")]
        glance: bool = false,
        /// How many snapshots were merged into it; 1 of one that was taken.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        merged: u64 = 1,
        /// Whether it was merged from an interval whose quantiles are not drawn from all of its time.
        #[serde(default, skip_serializing_if = "is_default")]
        incomplete: bool = false,
    }
}

impl Head {
    /// Of nothing: merged from 0 snapshots.
    pub(crate) fn nothing() -> Self {
        let (head, _) = SnapshotParts::default().into_head();
        Self { merged: 0, ..head }
    }

    /// Whether it says that anything was there.
    pub(crate) fn has_anything(&self) -> bool {
        self.elapsed_ns > 0
            || self.table != TableStats::default()
            || self.losses != Losses::default()
            || self.overhead != Overhead::default()
    }

    /// Whether the quantiles are drawn from all the time covered: see [`Snapshot::is_complete`](crate::Snapshot::is_complete).
    pub(crate) fn is_complete(&self) -> bool {
        let ends = self.collection;
        // The last part of an interval is all of it.
        let is_whole = |base: u64| base == ends || base.checked_add(1) == Some(ends);
        !self.incomplete && self.base.is_none_or(|base| !self.glance && is_whole(base))
    }

    /// The same, for a merge: it says itself whether it is complete.
    pub(crate) fn to_merge(&self) -> Self {
        Self {
            incomplete: !self.is_complete(),
            ..self.clone()
        }
    }

    /// That of both, merged.
    pub(crate) fn and(self, other: &Self) -> Self {
        let (mut table, mut losses, mut overhead) = (self.table, self.losses, self.overhead);
        table.merge_figures(&other.table);
        losses.merge_figures(&other.losses);
        overhead.merge_figures(&other.overhead);
        Self {
            engine: same(self.engine, other.engine),
            pid: same(self.pid, other.pid),
            program: self
                .program
                .filter(|program| Some(program) == other.program.as_ref()),
            taken_unix_ns: self.taken_unix_ns.max(other.taken_unix_ns),
            collection: same(self.collection, other.collection),
            resets: self.resets.saturating_add(other.resets),
            elapsed_ns: self.elapsed_ns.saturating_add(other.elapsed_ns),
            mode: weaker(self.mode, other.mode),
            table,
            losses,
            overhead,
            base: self.base.filter(|_| self.base == other.base),
            glance: self.glance || other.glance,
            merged: self.merged.saturating_add(other.merged),
            incomplete: self.incomplete || other.incomplete,
        }
    }
}

/// What both are, or 0.
fn same<T: Default + PartialEq>(a: T, b: T) -> T {
    if a == b { a } else { T::default() }
}

/// The mode of the two that measures less. Off says nothing of what the other has measured.
fn weaker(a: ProfilerMode, b: ProfilerMode) -> ProfilerMode {
    use ProfilerMode::{Counts, Exact, Off, Sampled, Waits};
    match (a, b) {
        (Off, mode) | (mode, Off) => mode,
        (Waits, _) | (_, Waits) => Waits,
        (Counts, _) | (_, Counts) => Counts,
        (Sampled { budget: a }, Sampled { budget: b }) => Sampled { budget: a.min(b) },
        (mode @ Sampled { .. }, Exact) | (Exact, mode @ Sampled { .. }) => mode,
        (Exact, Exact) => Exact,
    }
}
