//! Findings about one place whose holds others wait for.

use super::behind;
use super::class::Class;
use super::draft::{begin, capital, culprit, name, there};
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::{CONVOY_WAITS, EXTRAORDINARY, FEWEST_EVENTS, LONG_HOLD_NS, MOST, SLOW};
use super::words;
use crate::number::sum;
use crate::{Durations, Sample};

/// The time in durations of at least `from_ns`.
///
/// A few of many durations are mostly not in the sample. But the total has them, and the longest is
/// known.
fn time_above<'a>(all: impl Iterator<Item = &'a Durations> + Clone, from_ns: f64) -> f64 {
    let of = |times: &Durations| {
        let (mut below_ns, mut below, mut above_ns) = (0.0, 0.0, 0.0_f64);
        for sample in times.reservoir.iter() {
            let ns = sample.value_ns as f64;
            match ns < from_ns {
                true => (below_ns, below) = (below_ns + sample.weight * ns, below + sample.weight),
                false => above_ns += sample.weight * ns,
            }
        }
        let (longest, total) = (times.max_ns as f64, times.total_ns as f64);
        if longest < from_ns {
            return 0.0;
        }
        let beyond = match below > 0.0 {
            true => total - below_ns / below * times.events as f64,
            false => 0.0,
        };
        above_ns.max(beyond).max(longest)
    };
    all.filter(|times| times.samples > 0).map(of).sum()
}

/// About how many durations are of at least `from_ns`.
fn count_above<'a>(all: impl Iterator<Item = &'a Durations> + Clone, from_ns: f64) -> f64 {
    let is_long = |sample: &&Sample| sample.value_ns as f64 >= from_ns;
    let seen = all.clone().flat_map(|times| times.reservoir.iter());
    let seen: f64 = seen.filter(is_long).map(|sample| sample.weight).sum();
    let longest = all.clone().map(|times| times.max_ns).max().unwrap_or(0) as f64;
    seen.max((time_above(all, from_ns) / longest.max(1.0)).round())
}

/// Waits of many lengths behind one point whose usual holds do not explain them.
pub(super) fn rare_long_hold(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    // Percentiles of a part of the time do not go with waits of all of it.
    if !class.is_complete {
        return None;
    }
    let holder = class.holders.first()?;
    let measured = sum(holder.holds().map(|hold| hold.samples));
    if measured < FEWEST_EVENTS {
        return None;
    }
    let [p95] = Durations::quantiles_of(holder.holds(), [0.95]);
    let p95 = (p95? as f64).max(1.0);
    let long = EXTRAORDINARY * p95;
    let queue = class.threads.saturating_sub(1).max(1) as f64;
    let waits = || class.points.iter().map(|point| &point.wait);
    let (long_ns, long_waits) = (time_above(waits(), long), count_above(waits(), long));
    let share = (long_ns / wait.value).min(1.0);
    // Also false if there are no samples.
    let is_most = share >= MOST;
    if !is_most {
        return None;
    }
    let cost = (share * wait.value).min(holder.caused.value);
    if holder.caused.low < MOST * share * wait.value {
        return None;
    }
    let long_holds_ns = time_above(holder.holds(), long);
    // A hold keeps at most all other threads waiting for as long as it takes.
    let is_explained = long_holds_ns * queue >= MOST * long_ns;
    let longest_hold = holder.holds().map(|hold| hold.max_ns).max().unwrap_or(0) as f64;
    let longest_wait = class
        .points
        .iter()
        .map(|p| p.wait.max_ns)
        .max()
        .unwrap_or(0) as f64;
    let is_unseen = !is_explained && {
        // The sample of the holds has missed the long ones. The waits show them if a full queue of
        // usual holds takes less, and if there are few.
        let is_sampled = holder.holds().any(Durations::is_estimate);
        let few = (0.05 * class.contentions as f64).max(CONVOY_WAITS as f64);
        let beyond = (long * queue).max(LONG_HOLD_NS);
        is_sampled && longest_wait >= beyond && long_waits <= few
    };
    if !is_explained && !is_unseen {
        return None;
    }
    // A weighted sample of the waits: there is no error of its shares.
    let share = Measure::about(share);
    let cost = Measure {
        is_estimate: true,
        ..Measure::about(cost)
    };
    let is_estimate = holder.holds().any(Durations::is_estimate);
    let p95 = match is_estimate {
        true => Measure::about(p95),
        false => Measure::exact(p95),
    };
    let longest = match is_explained {
        true => format!(
            "the longest measured one took {}",
            words::time(Measure::exact(longest_hold))
        ),
        false => "the long ones were not measured, but the waits behind them were".to_owned(),
    };
    let place = name(holder);
    let text = format!(
        "{} of that is in waits above {}, mostly behind {place}: 95% of its holds take at most {}, and {longest}. The \
         longest wait took {}.",
        words::share(share),
        words::time(Measure::exact(long)),
        words::time(p95),
        words::time(Measure::exact(longest_wait)),
    );
    let mut finding = begin(class, FindingKind::RareLongHold, wait, cost)
        .at(holder)
        .says(&capital(&text))
        .with(share, "long_waits_share")
        .with(Measure::about(long_waits), "long_waits")
        .with(p95, "hold_p95_ns")
        .with(Measure::exact(longest_wait), "longest_wait_ns");
    if is_explained {
        finding = finding.with(Measure::exact(longest_hold), "longest_hold_ns");
    }
    Some(finding.remedy(format!(
        "Find what runs rarely and long under the lock {} (growing, cleaning up, I/O, losing the processor), \
         and do it in small steps or outside. The percentiles of the holds do not show it.",
        there(holder)
    )))
}

pub(super) fn slow_caller(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let (holder, share) = culprit(class)?;
    let others = class.others(holder);
    let theirs = Measure::mean(others.iter().map(|point| &point.hold))?;
    let mean = holder.mean_hold()?;
    let acquired = holder.acquisitions() as f64 / class.acquisitions as f64;
    if acquired > MOST || mean.low < SLOW * theirs.high {
        return None;
    }
    let acquired = Measure::exact(acquired);
    let text = format!(
        "{} of that is behind {}, which makes {} of the acquisitions and holds the lock for {} on average; the other \
         places hold it for {}.",
        words::share(share),
        name(holder),
        words::share(acquired),
        words::time(mean),
        words::time(theirs),
    );
    Some(
        begin(class, FindingKind::SlowCaller, wait, holder.caused)
            .at(holder)
            .says(&capital(&text))
            .says_of(behind::waits_at(class, holder), "edge_share")
            .with(share, "caused_share")
            .with(acquired, "acquisitions_share")
            .with(mean, "hold_mean_ns")
            .with(theirs, "other_hold_mean_ns")
            .remedy(format!(
                "Shorten the hold {}: prepare before it, and finish after it. The other places need no change.",
                there(holder)
            )),
    )
}

pub(super) fn long_hold(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let (holder, share) = culprit(class)?;
    let mean = holder.mean_hold()?;
    if mean.low < LONG_HOLD_NS {
        return None;
    }
    let text = format!(
        "{} of that is behind {}, which holds the lock for {} on average: long enough for I/O, a sleep or an `.await`.",
        words::share(share),
        name(holder),
        words::time(mean),
    );
    Some(
        begin(class, FindingKind::LongHold, wait, holder.caused)
            .at(holder)
            .says(&capital(&text))
            .says_of(behind::waits_at(class, holder), "edge_share")
            .with(share, "caused_share")
            .with(mean, "hold_mean_ns")
            .remedy(format!(
                "Look for I/O, a sleep or an `.await` under the guard {}. Copy what it needs, release the lock, and do \
                 it then.",
                there(holder)
            )),
    )
}
