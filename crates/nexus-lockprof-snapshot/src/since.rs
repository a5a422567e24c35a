//! The difference of two snapshots: what happened in between.

use thiserror::Error;

use crate::head::Head;
use crate::rest::Before;
use crate::{
    Durations, Figure, Losses, Overhead, Point, Sample, Samples, Snapshot, TableStats, figure,
    printable_message, stack,
};

/// Why two snapshots have no difference. Returned by [`Snapshot::since`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SinceError {
    /// One of the two was [merged](Snapshot::merge) from several.
    #[error("one of the two snapshots was merged from {merged} others")]
    Merged {
        /// From how many.
        merged: u64,
    },
    /// One of the two is an interval itself, made by [`Snapshot::since`].
    #[error(
        "one of the two snapshots is an interval already (from collection {base}), not cumulative"
    )]
    Interval {
        /// The collection that interval begins at.
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
        /// Collection of the one given as earlier.
        earlier: u64,
        /// Collection of the one given as later.
        later: u64,
    },
    /// The statistics were reset in between, so that the earlier counts are gone from the later ones.
    #[error(
        "the profiler was reset between the snapshots ({earlier} resets before one, {later} before the other)"
    )]
    Reset {
        /// Resets before the earlier one.
        earlier: u64,
        /// Resets before the later one.
        later: u64,
    },
    /// A counter is smaller in the later snapshot, though counters only grow: a damaged or edited
    /// snapshot, or a defect of the engine.
    #[error("{counter} of {of} went backwards, from {earlier} to {later}")]
    Backwards {
        /// The point, as `file:line:column (lock), mode`, or `the snapshot`.
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
    /// What happened between the snapshot `earlier` and this one, both cumulative and of one engine.
    ///
    /// Counts, totals, losses, variances and the elapsed time are subtracted; figures that are no counters (mode,
    /// table sizes, time taken) are this snapshot's. Points at which nothing happened are left out. The result says
    /// where it begins: [`base_collection`](Self::base_collection).
    ///
    /// # Percentiles and maxima
    ///
    /// A total can be subtracted, a random sample cannot. What becomes the [`reservoir`](Durations::reservoir), and
    /// with it the quantiles, of each of the interval's durations is
    ///
    /// * this snapshot's `reservoir`, when `earlier` had measured nothing at the point: all of it is from the
    ///   interval;
    /// * otherwise this snapshot's [`recent`](Durations::recent), the sample since the collection before this one.
    ///   It covers the interval completely when `earlier` is that collection ([`is_complete`](Self::is_complete)), and not a glance,
    ///   and otherwise *only its last part*. It may then be empty though the interval has events: there is no
    ///   honest quantile.
    ///
    /// [`max_ns`](Durations::max_ns) is exact when the maximum grew in the interval. Otherwise it is the longest of
    /// the interval's samples, which is a lower bound.
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
            base: Some(then.collection),
            // The later one's samples begin at the last whole collection, which is not where a glance was.
            glance: then.glance || now.glance && now.collection == then.collection,
            ..now.clone()
        };
        Ok(Self::new(head, points(&self.points, &earlier.points)?))
    }

    /// Whether the quantiles are drawn from all the time covered: always for a cumulative snapshot, and for
    /// an interval if it begins at the collection before its end, and not at a [glance](Self::is_glance). See
    /// [`since`](Self::since). For a [merged](Snapshot::merge) one, if they are in all that it was merged from.
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

/// Whose counters are being subtracted.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Snapshot,
    Point(&'a Point),
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

fn points(later: &[Point], earlier: &[Point]) -> Result<Vec<Point>, SinceError> {
    let mut before = Before::new(later, earlier, point_between)?;
    let mut changed = Vec::new();
    for point in later {
        let interval = point_between(point, &before.take(point))?;
        if !interval.is_idle() {
            changed.push(interval);
        }
    }
    // A point never goes away, so one that did went backwards, to 0. In the order of `earlier`: always the same
    // error.
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

/// The counters' names in an error: samples, total.
type Names = [&'static str; 2];
const WAIT: Names = ["wait.samples", "wait.total_ns"];
const HOLD: Names = ["hold.samples", "hold.total_ns"];

fn durations(
    of: Subject<'_>,
    [samples, total_ns]: Names,
    later: &Durations,
    earlier: &Durations,
) -> Result<Durations, SinceError> {
    let samples = of.minus(samples, later.samples, earlier.samples)?;
    let total_ns = of.minus(total_ns, later.total_ns, earlier.total_ns)?;
    // A hold that began before the interval is measured in it.
    // Not a counter: what is under way moves from untold to measured between two readings.
    let events = later.events.saturating_sub(earlier.events).max(samples);
    let unmeasured = later.unmeasured.saturating_sub(earlier.unmeasured);
    // Without a sample in the interval nothing of it stands for them.
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
            // Until `earlier` nothing bounded it, or nothing had happened.
            (later, earlier) => later.saturating_sub(earlier).max(1),
        },
        reservoir: reservoir.clone(),
        // Of an interval that ends now, the last part is the last part.
        recent,
    })
}

/// The shares of separate samples add up, so they can be subtracted. What is left of two sums that are nearly equal
/// may be rounding: it must make no error where nothing was estimated, and where something was, the rounding is the
/// least that is not known.
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
