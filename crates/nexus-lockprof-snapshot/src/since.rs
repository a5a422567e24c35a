//! The difference of two snapshots: what happened between them.

use thiserror::Error;

use crate::head::Head;
use crate::rest::Before;
use crate::{
    Durations, Edge, EdgeEnd, Figure, Histogram, Losses, Overhead, Point, Sample, Samples,
    Snapshot, TableStats, edge_interval, figure, instance, past, printable_message, stack, threads,
};

/// Why two snapshots have no difference. Returned by [`Snapshot::since`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SinceError {
    /// One of the two was [merged](Snapshot::merge) from several.
    #[error("one of the two snapshots was merged from {merged} others")]
    Merged {
        /// How many it was merged from.
        merged: u64,
    },
    /// One of the two is an interval itself, made by [`Snapshot::since`].
    #[error(
        "one of the two snapshots is an interval already (from collection {base}), not cumulative"
    )]
    Interval {
        /// The collection at which that interval begins.
        base: u64,
    },
    /// Different engines made them.
    #[error("the snapshots come from different engines, {earlier:016x} and {later:016x}")]
    DifferentEngine {
        /// Engine of the earlier one.
        earlier: u64,
        /// Engine of the later one.
        later: u64,
    },
    /// Different processes made them, one of which is a fork of the other.
    #[error("the snapshots come from different processes, {earlier} and {later}")]
    DifferentProcess {
        /// Process of the earlier one.
        earlier: u32,
        /// Process of the later one.
        later: u32,
    },
    /// The snapshot given as the earlier one is the newer.
    #[error(
        "the earlier snapshot (collection {earlier}) is newer than the later one (collection {later})"
    )]
    EarlierIsNewer {
        /// Collection of the snapshot given as earlier.
        earlier: u64,
        /// Collection of the snapshot given as later.
        later: u64,
    },
    /// The statistics were reset in between, so the later counts do not include the earlier ones.
    #[error(
        "the profiler was reset between the snapshots ({earlier} resets before one, {later} before the other)"
    )]
    Reset {
        /// Resets before the earlier one.
        earlier: u64,
        /// Resets before the later one.
        later: u64,
    },
    /// A counter is smaller in the later snapshot, though counters only grow: the snapshot is
    /// damaged or edited, or the engine has a bug.
    #[error("{counter} of {of} went backwards, from {earlier} to {later}")]
    Backwards {
        /// The point, as `file:line:column (lock), mode`, an edge, or `the snapshot`.
        of: String,
        /// The counter, by the name of its field.
        counter: &'static str,
        /// Its value in the earlier snapshot.
        earlier: u64,
        /// Its value in the later snapshot.
        later: u64,
    },
}

impl Snapshot {
    /// Returns the interval from the snapshot `earlier` to this one. Both must be cumulative and
    /// from one engine.
    ///
    /// Counts, totals, losses, variances and the elapsed time are subtracted. Figures that are not
    /// counters (mode, table sizes, time taken) are this snapshot's. Points at which nothing
    /// happened are left out. [`base_collection`](Self::base_collection) says where the interval
    /// begins. Its [history](Self::history) has the past intervals that ended in it.
    ///
    /// # Percentiles and maxima
    ///
    /// Totals can be subtracted, random samples cannot. So the [`reservoir`](Durations::reservoir)
    /// of the interval's durations, and with it the quantiles, comes from one of these:
    ///
    /// - this snapshot's `reservoir`, if `earlier` had measured nothing at the point: all of it is
    ///   from the interval;
    /// - otherwise this snapshot's [`recent`](Durations::recent), the sample since the previous
    ///   collection. It covers the whole interval if `earlier` is that collection and no peek
    ///   ([`is_complete`](Self::is_complete)), and otherwise *only its last part*. It may then be
    ///   empty though the interval has events: there is no honest quantile. Of two successive
    ///   snapshots of one puller, it covers the whole interval.
    ///
    /// [`max_ns`](Durations::max_ns) is exact if the maximum grew in the interval. Otherwise it is
    /// the longest of the interval's samples, which is a lower bound.
    ///
    /// # Errors
    ///
    /// See [`SinceError`]. Two snapshots with a reset in between have no difference.
    ///
    /// ```
    /// use nexus_lockprof_snapshot::{AcquireMode, Lock, Point, SinceError, Site, Snapshot, SnapshotParts};
    ///
    /// let take = |collection, acquisitions| {
    ///     let site = Site::new("src/cache.rs", 12, 20);
    ///     let point = Point::new(Lock::Named("cache".into()), AcquireMode::Shared, site);
    ///     Snapshot::from_parts(SnapshotParts {
    ///         collection,
    ///         points: vec![Point { acquisitions, ..point }],
    ///         ..SnapshotParts::default()
    ///     })
    /// };
    /// let (earlier, later) = (take(1, 100), take(2, 130));
    /// let interval = later.since(&earlier)?;
    /// assert_eq!(interval.point("cache").map(|p| p.acquisitions), Some(30));
    ///
    /// let error = earlier.since(&later).unwrap_err();
    /// assert_eq!(error, SinceError::EarlierIsNewer { earlier: 2, later: 1 });
    /// # Ok::<(), SinceError>(())
    /// ```
    pub fn since(&self, earlier: &Self) -> Result<Self, SinceError> {
        check_pair(&self.head, &earlier.head)?;
        let whole = Subject::Snapshot;
        let (now, then) = (&self.head, &earlier.head);
        let head = Head {
            elapsed_ns: whole.minus("elapsed_ns", now.elapsed_ns, then.elapsed_ns)?,
            table: now.table.with_figures(whole.since(
                &TableStats::FIGURES,
                now.table.figures(),
                then.table.figures(),
            )?),
            losses: now.losses.with_figures(whole.since(
                &Losses::FIGURES,
                now.losses.figures(),
                then.losses.figures(),
            )?),
            overhead: now.overhead.with_figures(whole.since(
                &Overhead::FIGURES,
                now.overhead.figures(),
                then.overhead.figures(),
            )?),
            threads: threads::between(&now.threads, &then.threads),
            instances: instance::between(&now.instances, &then.instances, then.unlisted_most_ns),
            base: Some(then.collection),
            // Otherwise its samples begin at another time than the interval.
            pulled_unix_ns: match now.pulled_unix_ns == then.taken_unix_ns {
                true => now.pulled_unix_ns,
                false => 0,
            },
            history: past::after(&now.history, &then.history),
            // The later samples begin at the last full collection, while a peek does not end an
            // interval.
            peek: then.peek || now.peek && now.collection == then.collection,
            ..now.clone()
        };
        let mut before = Before::new(&self.points, &earlier.points, point_between)?;
        let points = points(&self.points, &earlier.points, &mut before)?;
        let edges = edge_interval::between(
            &self.edges,
            &earlier.edges,
            |end| before.joined(end.key()).map(EdgeEnd::from),
            |edge, name, later, earlier| Subject::Edge(edge).minus(name, later, earlier),
        )?;
        Ok(Self::new(head, points, edges))
    }

    /// Returns whether the quantiles cover all of the time. A cumulative snapshot always does. An
    /// interval does if it begins at the collection before its end, and not at a
    /// [peek](Self::is_peek): see [`since`](Self::since). So does an interval of a puller. A
    /// [merged](Snapshot::merge) one does if all of its parts do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.head.is_complete()
    }
}

fn check_pair(later: &Head, earlier: &Head) -> Result<(), SinceError> {
    if let Some(head) = [later, earlier].into_iter().find(|one| one.merged != 1) {
        let merged = head.merged;
        return Err(SinceError::Merged { merged });
    }
    if let Some(base) = later.base.or(earlier.base) {
        return Err(SinceError::Interval { base });
    }
    if later.engine != earlier.engine {
        return Err(SinceError::DifferentEngine {
            earlier: earlier.engine,
            later: later.engine,
        });
    }
    if later.pid != earlier.pid {
        return Err(SinceError::DifferentProcess {
            earlier: earlier.pid,
            later: later.pid,
        });
    }
    if later.collection < earlier.collection {
        return Err(SinceError::EarlierIsNewer {
            earlier: earlier.collection,
            later: later.collection,
        });
    }
    if later.resets != earlier.resets {
        return Err(SinceError::Reset {
            earlier: earlier.resets,
            later: later.resets,
        });
    }
    Ok(())
}

/// The owner of the counters.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Snapshot,
    Point(&'a Point),
    Edge(&'a Edge),
}

impl Subject<'_> {
    fn minus(self, counter: &'static str, later: u64, earlier: u64) -> Result<u64, SinceError> {
        later
            .checked_sub(earlier)
            .ok_or_else(|| SinceError::Backwards {
                of: match self {
                    Self::Snapshot => "the snapshot".to_owned(),
                    Self::Point(p) => {
                        printable_message(format_args!("{:#} ({}), {}", p.site, p.lock, p.mode))
                    }
                    Self::Edge(edge) => match &edge.waiting {
                        Some(waiting) => {
                            printable_message(format_args!("{waiting} behind {}", edge.holding))
                        }
                        None => printable_message(format_args!("all behind {}", edge.holding)),
                    },
                },
                counter,
                earlier,
                later,
            })
    }

    fn since<const N: usize>(
        self,
        table: &[Figure; N],
        later: [u64; N],
        earlier: [u64; N],
    ) -> Result<[u64; N], SinceError> {
        figure::since(table, later, earlier, |counter, later, earlier| {
            self.minus(counter, later, earlier)
        })
    }
}

fn points<'a>(
    later: &'a [Point],
    earlier: &'a [Point],
    before: &mut Before<'a>,
) -> Result<Vec<Point>, SinceError> {
    let mut changed = Vec::new();
    for point in later {
        let interval = point_between(point, &before.take(point))?;
        if !interval.is_idle() {
            changed.push(interval);
        }
    }
    // A point never disappears, so a missing one went backwards, to 0. Follows the order of
    // `earlier`, so that the error is always the same.
    for point in earlier.iter().filter(|point| before.has(point)) {
        point_between(&point.blank(), point)?;
    }
    Ok(changed)
}

fn point_between(later: &Point, earlier: &Point) -> Result<Point, SinceError> {
    let of = Subject::Point(later);
    let figures = of.since(&Point::FIGURES, later.figures(), earlier.figures())?;
    Ok(Point {
        caused_variance: variance(
            later.caused_variance,
            earlier.caused_variance,
            later.caused_variance > earlier.caused_variance,
        ),
        wait: durations(of, WAIT, &later.wait, &earlier.wait)?,
        hold: durations(of, HOLD, &later.hold, &earlier.hold)?,
        callers: stack::between(&later.callers, &earlier.callers, |name, later, earlier| {
            of.minus(name, later, earlier)
        })?,
        ..later.blank()
    }
    .with_figures(figures))
}

/// The counters' names in an error: samples, total, a bucket.
type Names = [&'static str; 3];
const WAIT: Names = ["wait.samples", "wait.total_ns", "wait.histogram"];
const HOLD: Names = ["hold.samples", "hold.total_ns", "hold.histogram"];

fn durations(
    of: Subject<'_>,
    [samples, total_ns, bucket]: Names,
    later: &Durations,
    earlier: &Durations,
) -> Result<Durations, SinceError> {
    let samples = of.minus(samples, later.samples, earlier.samples)?;
    let total_ns = of.minus(total_ns, later.total_ns, earlier.total_ns)?;
    let histogram = match later.histogram.since(&earlier.histogram) {
        Ok(histogram) => histogram,
        Err([later, earlier]) => {
            of.minus(bucket, later, earlier)?;
            Histogram::default()
        }
    };
    // The interval measures a hold that began before it. This is no counter: between two readings,
    // an event under way turns from uncounted to measured.
    let events = later.events.saturating_sub(earlier.events).max(samples);
    let unmeasured = later.unmeasured.saturating_sub(earlier.unmeasured);
    // Without a sample in the interval, nothing represents the others.
    let (events, unmeasured) = match samples {
        0 => {
            let all = |of: &Durations| of.events.saturating_add(of.unmeasured);
            (0, all(later).saturating_sub(all(earlier)))
        }
        _ => (events, unmeasured),
    };
    let recent = if samples == 0 {
        Samples::default()
    } else {
        later.recent.clone()
    };
    let reservoir = if earlier.samples == 0 && samples > 0 {
        &later.reservoir
    } else {
        &recent
    };
    let longest = reservoir.last().map_or(0, |s: &Sample| s.value_ns);
    let max_ns = if later.max_ns > earlier.max_ns {
        later.max_ns
    } else {
        longest
    };
    let longest_sampled_ns = if events <= samples {
        0
    } else if later.longest_sampled_ns > earlier.longest_sampled_ns {
        later.longest_sampled_ns
    } else {
        // As for the maximum.
        longest.min(later.longest_sampled_ns)
    };
    Ok(Durations {
        samples,
        total_ns,
        total_variance: variance(
            later.total_variance,
            earlier.total_variance,
            events > samples,
        ),
        events,
        unmeasured,
        max_ns,
        longest_sampled_ns,
        at_most_ns: match (later.at_most_ns, earlier.at_most_ns) {
            (0, _) => 0,
            // Before `earlier`, it had no bound, or nothing had happened.
            (later, earlier) => later.saturating_sub(earlier).max(1),
        },
        reservoir: reservoir.clone(),
        // The last part of an interval that ends now is `recent` in any case.
        recent,
        histogram,
    })
}

/// Separate samples' shares add up, so they can be subtracted. The difference of two nearly equal
/// sums may be only rounding. It must not become an error where nothing was estimated. Where
/// something was, the rounding is the least uncertainty.
fn variance(later: f64, earlier: f64, estimated: bool) -> f64 {
    const ROUNDING: f64 = 1e-12;
    let rounding = ROUNDING * later;
    let difference = later - earlier;
    if difference > rounding {
        difference
    } else if estimated {
        rounding
    } else {
        0.0
    }
}
