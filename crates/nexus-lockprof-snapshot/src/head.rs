//! [`Head`]: a snapshot's data on the process, without the points.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json::{hex, is_default, is_one, one};
use crate::{
    Deadlock, Edge, Instance, LockPair, Losses, Overhead, PastInterval, Point, PotentialDeadlock,
    ProfilerMode, TableStats, Text, ThreadRow, Waiter, deadlock, instance, order, threads, waiter,
};

/// Defines [`Head`], and the types that add points to its fields: [`SnapshotParts`] and
/// [`Document`].
///
/// The first fields are those of a snapshot as taken. The others say how it was derived.
macro_rules! head {
    (
        taken { $($(#[doc = $doc:literal])+ $(#[serde($($serde:tt)+)])? $field:ident: $type:ty,)+ }
        made { $($(#[doc = $made_doc:literal])+ #[serde($($made_serde:tt)+)] $made:ident: $made_type:ty = $one:expr,)+ }
    ) => {
        /// All of a snapshot except its points.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct Head {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
            $($(#[doc = $made_doc])+ pub(crate) $made: $made_type,)+
        }

        /// The fields of a [`Snapshot`](crate::Snapshot), for code that collects one. The defaults
        /// are zero and empty, and the mode [`Off`](ProfilerMode::Off).
        ///
        /// ```
        /// use nexus_lockprof_snapshot::{ProfilerMode, Snapshot, SnapshotParts};
        ///
        /// let parts = SnapshotParts { collection: 3, profiler_mode: ProfilerMode::Exact, ..SnapshotParts::default() };
        /// assert_eq!(Snapshot::from_parts(parts).collection(), 3);
        /// ```
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct SnapshotParts {
            $($(#[doc = $doc])+ pub $field: $type,)+
            /// All points, in any order. Records of one point (same lock, mode and site) are
            /// merged.
            pub points: Vec<Point>,
            /// All edges, in any order. Those with the same ends are merged.
            pub edges: Vec<Edge>,
        }

        impl SnapshotParts {
            pub(crate) fn into_head(self) -> (Head, Vec<Point>, Vec<Edge>) {
                let head = Head {
                    $($field: self.$field,)+
                    $($made: $one,)+
                };
                (head, self.points, self.edges)
            }
        }

        /// The JSON document: the envelope first, then small fields, then the points and edges.
        /// Readers skip fields that they do not know.
        ///
        /// `utilisation`, `findings` and `rwlocks` are derived from the rest. Readers compute them
        /// again.
        #[derive(Serialize, Deserialize)]
        pub(crate) struct Document<'a, P, U = (), F = (), R = ()> {
            pub(crate) format: String,
            pub(crate) schema: u32,
            $($(#[serde($($serde)+)])? $field: $type,)+
            $(#[serde($($made_serde)+)] $made: $made_type,)+
            #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
            pub(crate) utilisation: Option<U>,
            #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
            pub(crate) findings: Vec<F>,
            #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
            pub(crate) rwlocks: Vec<R>,
            pub(crate) points: P,
            #[serde(default, skip_serializing_if = "is_default")]
            pub(crate) edges: Cow<'a, [Edge]>,
        }

        impl<'a, P, U, F, R> Document<'a, P, U, F, R> {
            pub(crate) fn new(
                format: &str,
                schema: u32,
                head: &Head,
                points: P,
                edges: &'a [Edge],
            ) -> Self {
                Self {
                    format: format.to_owned(),
                    schema,
                    $($field: head.$field.clone(),)+
                    $($made: head.$made,)+
                    utilisation: None,
                    findings: Vec::new(),
                    rwlocks: Vec::new(),
                    points,
                    edges: edges.into(),
                }
            }

            pub(crate) fn into_head(self) -> (Head, P, Vec<Edge>) {
                let head = Head {
                    $($field: self.$field,)+
                    $($made: self.$made,)+
                };
                (head, self.points, self.edges.into_owned())
            }
        }
    };
}

head! {
    taken {
        /// The engine that made it. Differs between processes, and between engines of one process.
        #[serde(with = "hex")]
        engine: u64,
        /// The process that made it.
        pid: u32,
        /// The name of the process's program, if known.
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
        /// The profiler's mode when it was taken. Schema 1 called it `mode`.
        #[serde(alias = "mode")]
        profiler_mode: ProfilerMode,
        /// The LOCK_PROFILING(9) figures.
        table: TableStats,
        /// The events that were not recorded, by cause.
        #[serde(default, skip_serializing_if = "is_default")]
        losses: Losses,
        /// What the profiler itself has cost.
        #[serde(default, skip_serializing_if = "is_default")]
        overhead: Overhead,
        /// Who waits for a lock at the moment of the snapshot, in any order.
        #[serde(default, skip_serializing_if = "is_default")]
        waiters: Vec<Waiter>,
        /// Which of them wait for one another, in any order.
        #[serde(default, skip_serializing_if = "is_default")]
        deadlocks: Vec<Deadlock>,
        /// The last intervals, oldest first, with the points at which threads waited.
        #[serde(default, skip_serializing_if = "is_default")]
        history: Vec<PastInterval>,
        /// What each thread has done, in any order.
        #[serde(default, skip_serializing_if = "is_default")]
        threads: Vec<ThreadRow>,
        /// The locks that were waited for most, in any order.
        #[serde(default, skip_serializing_if = "is_default")]
        instances: Vec<Instance>,
        /// The most time that was waited for any lock without an entry, in nanoseconds.
        #[serde(default, skip_serializing_if = "is_default")]
        unlisted_most_ns: u64,
        /// Which locks were acquired while which were held since the program's start, in any order.
        /// Equal pairs are added up.
        #[serde(default, skip_serializing_if = "is_default")]
        lock_order: Vec<LockPair>,
        /// Which of these can deadlock, in any order.
        #[serde(default, skip_serializing_if = "is_default")]
        potential_deadlocks: Vec<PotentialDeadlock>,
    }
    made {
        /// For an interval: the collection at which it begins.
        #[serde(default, skip_serializing_if = "is_default")]
        base: Option<u64> = None,
        /// Whether it was taken without ending the profiler's interval. For an interval: whether it
        /// begins at such a snapshot. Schema 1 called it `glance`.
        #[serde(default, alias = "glance", skip_serializing_if = "is_default")]
        peek: bool = false,
        /// How many snapshots were merged into it; 1 if none were.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        merged: u64 = 1,
        /// Whether it includes an interval whose quantiles do not cover all of its time.
        #[serde(default, skip_serializing_if = "is_default")]
        incomplete: bool = false,
        /// When the puller that it was taken for had pulled last, in nanoseconds since 1970: its
        /// `recent` begins there. 0 without a puller. For an interval: 0 unless it begins there,
        /// too.
        #[serde(default, skip_serializing_if = "is_default")]
        pulled_unix_ns: u64 = 0,
        /// By how much the samples are older than the counts, in nanoseconds. 0 if both were taken
        /// at once.
        #[serde(default, skip_serializing_if = "is_default")]
        samples_behind_ns: u64 = 0,
    }
}

impl Head {
    /// The merge of 0 snapshots.
    pub(crate) fn nothing() -> Self {
        let (head, ..) = SnapshotParts::default().into_head();
        Self { merged: 0, ..head }
    }

    /// Whether it records anything.
    pub(crate) fn has_anything(&self) -> bool {
        self.elapsed_ns > 0
            || self.table != TableStats::default()
            || self.losses != Losses::default()
            || self.overhead != Overhead::default()
            || !self.waiters.is_empty()
            || !self.deadlocks.is_empty()
            || !self.history.is_empty()
            || !self.threads.is_empty()
            || !self.instances.is_empty()
            || self.unlisted_most_ns > 0
            || !self.lock_order.is_empty()
            || !self.potential_deadlocks.is_empty()
    }

    /// Whether the quantiles cover all of the time: see
    /// [`Snapshot::is_complete`](crate::Snapshot::is_complete).
    pub(crate) fn is_complete(&self) -> bool {
        let ends = self.collection;
        // The last part of such an interval is all of it.
        let is_whole = |base: u64| base == ends || base.checked_add(1) == Some(ends);
        let is_covered = |base| {
            let begins_with_it = self.pulled_unix_ns > 0 || !self.peek && is_whole(base);
            begins_with_it && self.samples_behind_ns == 0
        };
        !self.incomplete && self.base.is_none_or(is_covered)
    }

    /// The same for a merge, with the answer of `is_complete` stored in it.
    pub(crate) fn to_merge(&self) -> Self {
        Self {
            history: Vec::new(),
            incomplete: !self.is_complete(),
            ..self.clone()
        }
    }

    /// The merged head of both.
    pub(crate) fn and(self, other: &Self) -> Self {
        let mut merged = self.both(other);
        // A merge of many keeps no more than a snapshot has room for.
        instance::normalize(&mut merged.instances, &mut merged.unlisted_most_ns);
        merged
    }

    fn both(self, other: &Self) -> Self {
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
            profiler_mode: weaker(self.profiler_mode, other.profiler_mode),
            table,
            losses,
            overhead,
            waiters: waiter::merge(self.waiters, &other.waiters),
            deadlocks: deadlock::merge(self.deadlocks, &other.deadlocks),
            // The intervals of two processes do not match.
            history: Vec::new(),
            threads: threads::merge(self.threads, &other.threads),
            instances: instance::merge(self.instances, &other.instances),
            unlisted_most_ns: self.unlisted_most_ns.max(other.unlisted_most_ns),
            lock_order: order::merge_pairs(self.lock_order, &other.lock_order),
            potential_deadlocks: order::merge(self.potential_deadlocks, &other.potential_deadlocks),
            base: self.base.filter(|_| self.base == other.base),
            peek: self.peek || other.peek,
            merged: self.merged.saturating_add(other.merged),
            incomplete: self.incomplete || other.incomplete,
            pulled_unix_ns: same(self.pulled_unix_ns, other.pulled_unix_ns),
            samples_behind_ns: self.samples_behind_ns.max(other.samples_behind_ns),
        }
    }
}

/// The value if both agree, otherwise 0.
fn same<T: Default + PartialEq>(a: T, b: T) -> T {
    if a == b { a } else { T::default() }
}

/// The mode that measures less. Off does not count: it says nothing about the other's measurements.
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
