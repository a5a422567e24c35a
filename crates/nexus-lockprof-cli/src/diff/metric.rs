//! The compared figures: the [`Metric`]s of a point in a [`Run`].

use super::estimate::{self, Estimate};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use nexus_lockprof_snapshot::{Durations, Point, Snapshot};
use serde::Serialize;

/// A figure of a point. For each of them, more is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    /// Nanoseconds waited per second: the cost. It grows with the load.
    WaitPerSecond,
    /// Nanoseconds waited per acquisition. It need not grow for a point that does more.
    WaitPerAcquisition,
    /// Nanoseconds of hold per acquisition, including time without the processor.
    HoldPerAcquisition,
    /// Share of the acquisitions that had to wait.
    ContentionRatio,
    /// Nanoseconds of a hold, without the longest tenth. It is close to the processor time of a
    /// hold, because a thread rarely loses the processor in one.
    TypicalHold,
    /// Acquisitions per unit of work. A unit is one acquisition of the lock that --work names, or
    /// of any lock.
    AcquisitionsPerWork,
    /// Share of all waiting in the run.
    WaitShare,
}

/// Names for `--metric`: single metrics, and groups of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    One(Metric),
    /// The metrics least affected by other programs on the machine.
    Steady,
    All,
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Self] {
        const CHOICES: [Choice; 9] = [
            Choice::Steady,
            Choice::All,
            Choice::One(Metric::TypicalHold),
            Choice::One(Metric::AcquisitionsPerWork),
            Choice::One(Metric::WaitShare),
            Choice::One(Metric::WaitPerSecond),
            Choice::One(Metric::WaitPerAcquisition),
            Choice::One(Metric::HoldPerAcquisition),
            Choice::One(Metric::ContentionRatio),
        ];
        &CHOICES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::One(metric) => metric.to_possible_value(),
            Self::Steady => Some(PossibleValue::new("steady").help(
                "Those that other programs on the machine move least: typical-hold, acquisitions-per-work and wait-share",
            )),
            Self::All => Some(PossibleValue::new("all").help("All of them")),
        }
    }
}

impl Choice {
    /// All chosen metrics, each once.
    pub(crate) fn metrics(choices: &[Self]) -> Vec<Metric> {
        let mut metrics: Vec<Metric> = choices
            .iter()
            .flat_map(|choice| match choice {
                Self::One(metric) => vec![*metric],
                Self::Steady => Metric::STEADY.to_vec(),
                Self::All => Metric::value_variants().to_vec(),
            })
            .collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    }
}

/// A snapshot of one run, and its divisors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) seconds: f64,
    /// Units of work done.
    work: f64,
    /// Nanoseconds waited at all points.
    waited_ns: f64,
}

impl<'a> Run<'a> {
    /// The run of `snapshot`. Acquisitions of the lock `work` count its units of work; `None`
    /// counts those of all locks.
    pub(crate) fn new(snapshot: &'a Snapshot, work: Option<&str>) -> Self {
        let points = snapshot.points().iter();
        let counted = points
            .clone()
            .filter(|point| work.is_none_or(|work| point.lock.name() == work));
        Self {
            snapshot,
            seconds: snapshot.elapsed().as_secs_f64(),
            work: counted.map(|point| point.acquisitions as f64).sum(),
            waited_ns: points.map(|point| point.wait.total_ns as f64).sum(),
        }
    }
}

impl Metric {
    /// The most informative metrics of a single run.
    pub(crate) const OF_ONE_RUN: [Self; 4] = [
        Self::WaitPerSecond,
        Self::WaitPerAcquisition,
        Self::HoldPerAcquisition,
        Self::ContentionRatio,
    ];

    /// The metrics least affected by other programs on the machine.
    pub(crate) const STEADY: [Self; 3] = [
        Self::TypicalHold,
        Self::AcquisitionsPerWork,
        Self::WaitShare,
    ];

    /// Column header in a table.
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::WaitPerSecond => "wait/s",
            Self::WaitPerAcquisition => "wait/acq",
            Self::HoldPerAcquisition => "hold/acq",
            Self::ContentionRatio => "contention ratio",
            Self::TypicalHold => "typical hold",
            Self::AcquisitionsPerWork => "acq/work",
            Self::WaitShare => "wait share",
        }
    }

    /// Whether other programs on the machine can change it much. The share of waits varies less
    /// than the waits.
    pub(crate) const fn follows_load(self) -> bool {
        !matches!(self, Self::TypicalHold | Self::AcquisitionsPerWork)
    }

    /// Whether it is a time in nanoseconds, not a share.
    pub(crate) const fn is_time(self) -> bool {
        !matches!(
            self,
            Self::ContentionRatio | Self::AcquisitionsPerWork | Self::WaitShare
        )
    }

    /// The figure of a point in a run. `None` if it was not measured, or there is nothing to divide
    /// by. The error comes from that run alone.
    pub(crate) fn of(self, point: &Point, run: &Run<'_>) -> Option<Estimate> {
        let acquisitions = point.acquisitions as f64;
        match self {
            Self::WaitPerSecond => estimate::per_second(&point.wait, run.seconds),
            Self::WaitPerAcquisition => estimate::per_event(&point.wait, acquisitions),
            Self::HoldPerAcquisition => estimate::per_event(&point.hold, point.hold.events as f64),
            Self::ContentionRatio => estimate::share(point.contentions as f64, acquisitions),
            Self::TypicalHold => estimate::typical(&point.hold),
            // A new or removed lock is no change of how often it is taken.
            Self::AcquisitionsPerWork if point.acquisitions == 0 => None,
            Self::AcquisitionsPerWork => estimate::count(acquisitions, run.work),
            Self::WaitShare => estimate::per_second(&point.wait, run.waited_ns),
        }
    }

    /// Seconds in each second that the figure covers. It does not matter below the floor. `None` if
    /// not measured.
    pub(crate) fn weight(self, point: &Point, run: &Run<'_>) -> Option<f64> {
        let of =
            |durations: &Durations| Some(estimate::per_second(durations, run.seconds)?.value / 1e9);
        match self {
            Self::HoldPerAcquisition | Self::TypicalHold => of(&point.hold),
            Self::AcquisitionsPerWork => match (of(&point.wait), of(&point.hold)) {
                (Some(wait), Some(hold)) => Some(wait.max(hold)),
                (wait, hold) => wait.or(hold),
            },
            _ => of(&point.wait),
        }
    }

    /// A negligible value for such a point in such runs: below it, a figure and its double count as
    /// equal. Without it, logarithms would exaggerate differences between figures near 0.
    pub(crate) fn negligible(self, floor: f64, acquisitions_per_second: f64) -> f64 {
        /// Clocks count whole nanoseconds.
        const CLOCK_NS: f64 = 1.0;
        let floor_ns = floor * 1e9;
        let of = |figure: f64, least: f64| {
            if figure.is_finite() {
                figure.max(least)
            } else {
                least
            }
        };
        match self {
            Self::WaitPerSecond => of(floor_ns, 1.0),
            Self::WaitPerAcquisition => of(floor_ns / acquisitions_per_second, CLOCK_NS),
            Self::HoldPerAcquisition | Self::TypicalHold => CLOCK_NS,
            Self::ContentionRatio => 1e-3,
            Self::AcquisitionsPerWork => 1e-6,
            Self::WaitShare => 1e-2,
        }
    }
}
