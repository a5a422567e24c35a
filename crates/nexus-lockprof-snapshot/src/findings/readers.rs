//! Findings about reader-writer locks.

use super::class::Class;
use super::draft::{begin, capital, culprit, name, there};
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::{EXTRAORDINARY, FEWEST_EVENTS, MOST, RARELY_UPGRADED};
use super::words;
use crate::number::sum;
use crate::{AcquireMode, Durations, Point, WaitCause};

/// Writers that wait for longer than any reader holds.
pub(super) fn starved_writer(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    if !class.is_complete {
        return None;
    }
    let writers = class.of_mode(AcquireMode::Exclusive);
    let readers = class.of_mode(AcquireMode::Shared);
    let writing = Measure::total(writers.clone().map(|point| &point.wait))?;
    let mean = Measure::mean(writers.clone().map(|point| &point.wait))?;
    let waits = sum(writers.clone().map(|point| point.contentions));
    let [p50] = Durations::quantiles_of(writers.clone().map(|point| &point.wait), [0.5]);
    let [p95] = Durations::quantiles_of(readers.clone().map(|point| &point.hold), [0.95]);
    let longest = readers.clone().map(|point| point.hold.max_ns).max()? as f64;
    let (p50, p95) = (p50? as f64, p95? as f64);
    let share = behind_readers(class)?.share_of(writing);
    let is_starved = waits >= FEWEST_EVENTS
        && p50 >= EXTRAORDINARY * p95
        && p50 > longest
        && share.low >= MOST
        && writing.low >= MOST * wait.value;
    if !is_starved {
        return None;
    }
    let is_estimate = readers.clone().any(|point| point.hold.is_estimate());
    let hold = match is_estimate {
        true => Measure::about(p95),
        false => Measure::exact(p95),
    };
    let writer = writers.max_by_key(|point| point.wait.total_ns)?;
    let text = format!(
        "Writers wait for {} on average, {} of it behind readers, of whose holds 95% take at most {}: one reader \
         follows the other before a writer gets its turn. Most of it is waited at {}.",
        words::time(mean),
        words::share(share),
        words::time(hold),
        words::site(&writer.site),
    );
    let mut finding = begin(class, FindingKind::StarvedWriter, wait, writing)
        .says(&text)
        .with(writing, "writers_wait_ns")
        .with(mean, "writers_wait_mean_ns")
        .with(share, "readers_share")
        .with(hold, "readers_hold_p95_ns");
    finding.site = Some(writer.site.clone());
    finding.mode = Some(AcquireMode::Exclusive);
    Some(finding.remedy(
        "Read less often or from a copy, or use a lock that lets a waiting writer go first, such as parking_lot's \
         RwLock without recursive reads."
            .to_owned(),
    ))
}

/// What writers have waited behind readers. Without edges, a lower bound: all that readers have
/// caused, less all that others than writers have waited.
fn behind_readers(class: &Class<'_>) -> Option<Measure> {
    let causes = [WaitCause::WriterBehindReaders, WaitCause::Upgrade];
    if let Some(known) = class.because_of(&causes) {
        return Some(known);
    }
    let caused = Measure::caused(class.of_mode(AcquireMode::Shared));
    let is_other = |point: &&&Point| point.mode != AcquireMode::Exclusive;
    let others = || {
        class
            .points
            .iter()
            .filter(is_other)
            .map(|point| &point.wait)
    };
    let waited = match Measure::total(others()) {
        Some(waited) => waited,
        None if others().all(Durations::is_empty) => Measure::exact(0.0),
        None => return None,
    };
    Some(caused.at_least_without(waited))
}

pub(super) fn upgradable_reads(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let (holder, share) = culprit(class)?;
    let upgradable = |point: &Point| point.acquisitions;
    let reads = sum(class.of_mode(AcquireMode::Upgradable).map(upgradable));
    let writes = sum(class.of_mode(AcquireMode::Exclusive).map(upgradable));
    if holder.mode() != Some(AcquireMode::Upgradable)
        || reads < FEWEST_EVENTS
        || writes as f64 > RARELY_UPGRADED * reads as f64
    {
        return None;
    }
    let (writes, reads) = (Measure::exact(writes as f64), Measure::exact(reads as f64));
    let text = format!(
        "{} of that is behind the upgradable reads at {}, which keep each other out. There are {} of them and only {} \
         exclusive acquisitions, so most are not upgraded.",
        words::share(share),
        name(holder),
        words::count(reads),
        words::count(writes),
    );
    Some(
        begin(class, FindingKind::UpgradableReads, wait, holder.caused)
            .at(holder)
            .says(&capital(&text))
            .with(share, "caused_share")
            .with(reads, "upgradable_reads")
            .with(writes, "exclusive_acquisitions")
            .remedy(format!(
                "Use read() {}. In the few cases that write, release it, use write(), and look again.",
                there(holder)
            )),
    )
}
