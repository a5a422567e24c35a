//! The rules: which figures make which finding. `docs/explanation/findings.md` explains them and
//! has the reasons for the thresholds.

use super::class::{Class, Holder};
use super::measure::Measure;
use super::{Finding, FindingKind, words};
use crate::{AcquireMode, Durations, Point};

/// Waiting that costs less than this many threads is not worth a finding.
const WORTH_SAYING_THREADS: f64 = 0.01;
/// "Most of the waiting".
const MOST: f64 = 0.5;
/// A holder that causes less than this share of the waiting is not named.
const WORTH_BLAMING: f64 = 0.1;
/// Fewer events than this have no 95th percentile worth the name.
const FEWEST_EVENTS: u64 = 20;
/// A hold of this mean is long: only I/O, sleep, an `.await` or a large computation takes it.
const LONG_HOLD_NS: f64 = 1e6;
/// A caller is slow if it holds this many times longer than the others.
const SLOW: f64 = 3.0;
/// A hold is out of the ordinary if it is this many times as long as the 95th percentile.
const EXTRAORDINARY: f64 = 10.0;
/// A hold is short if waking a thread takes as long.
const SHORT_HOLD_NS: f64 = 10e3;
/// Fewer waits than this are no convoy.
const CONVOY_WAITS: u64 = 100;
/// The share of the acquisitions that wait from which on a lock is contended.
const OFTEN: f64 = 0.1;
/// A wait is not explained by the queue if it is this many times as long.
const BEYOND_THE_QUEUE: f64 = 2.0;
/// A lock that is held for this share of the time is busy.
const BUSY: f64 = 0.5;
/// A reader's place that upgrades more often than this share has a use for it.
const RARELY_UPGRADED: f64 = 0.1;
/// A `try_*` function that fails this often a second, and this often for each success, is in a
/// loop.
const TRIES_PER_SECOND: f64 = 1_000.0;
const TRIES_PER_SUCCESS: u64 = 10;

const NS_PER_S: f64 = 1e9;

/// The finding about the waits for a class, if they are worth one: of the first rule that fits.
pub(super) fn waiting(class: &Class<'_>) -> Option<Finding> {
    let wait = class.wait?;
    if wait.low < WORTH_SAYING_THREADS * class.elapsed_ns {
        return None;
    }
    let rules = [
        starved_writer,
        upgradable_reads,
        rare_long_hold,
        slow_caller,
        long_hold,
        convoy,
        saturated,
    ];
    let found = rules.iter().find_map(|rule| rule(class, wait));
    Some(found.unwrap_or_else(|| contended(class, wait)))
}

/// The waiting for a lock, in words and as evidence. All findings about waits begin like this.
fn begin(class: &Class<'_>, kind: FindingKind, wait: Measure, cost: Measure) -> Finding {
    let threads = wait.over(class.elapsed_ns);
    let on_average = words::threads(threads);
    let noun = if on_average == "1.00" {
        "thread"
    } else {
        "threads"
    };
    let waits = Measure::exact(class.contentions as f64);
    Finding {
        kind,
        lock: class.lock.clone(),
        site: None,
        mode: None,
        // `as` saturates.
        cost_ns: Some(cost.value as u64),
        cost_error_ns: cost.error,
        evidence: vec![
            wait.named("wait_ns"),
            threads.named("threads"),
            waits.named("waits"),
        ],
        text: format!(
            "{} {} for {} took {}: {on_average} {noun} on average.",
            words::count(waits),
            if class.contentions == 1 {
                "wait"
            } else {
                "waits"
            },
            words::lock(class.lock),
            words::time(wait)
        ),
        remedy: String::new(),
    }
}

impl Finding {
    fn at(mut self, holder: &Holder<'_>) -> Self {
        self.site = holder.site().cloned();
        self.mode = holder.mode();
        self
    }

    fn with(mut self, measure: Measure, name: &'static str) -> Self {
        self.evidence.push(measure.named(name));
        self
    }

    fn says(mut self, text: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(text);
        self
    }

    fn remedy(mut self, text: String) -> Self {
        self.remedy = text;
        self
    }
}

/// The holder as a sentence names it.
fn name(holder: &Holder<'_>) -> String {
    match (holder.site(), holder.is_group()) {
        (Some(site), false) => words::site(site),
        (Some(site), true) => format!("its readers, of which {} holds longest", words::site(site)),
        (None, _) => "its readers".to_owned(),
    }
}

/// The place to change, as a remedy names it.
fn there(holder: &Holder<'_>) -> String {
    match holder.site() {
        Some(site) => format!("at {}", words::site(site)),
        None => "of its readers".to_owned(),
    }
}

/// The holder that surely caused most of the waiting, and what share of it.
fn culprit<'a, 'c>(class: &'c Class<'a>) -> Option<(&'c Holder<'a>, Measure)> {
    let holder = class.holders.first()?;
    let share = holder.caused.share_of(class.whole()?);
    (share.low >= MOST).then_some((holder, share))
}

/// Waits of many lengths behind one point whose usual holds do not explain them.
fn rare_long_hold(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    // Percentiles of a part of the time do not go with waits of all of it.
    if !class.is_complete {
        return None;
    }
    let holder = class.holders.first()?;
    let measured: u64 = holder.holds().map(|hold| hold.samples).sum();
    if measured < FEWEST_EVENTS {
        return None;
    }
    let [p95] = Durations::quantiles_of(holder.holds(), [0.95]);
    let p95 = (p95? as f64).max(1.0);
    let long = EXTRAORDINARY * p95;
    let queue = class.threads.saturating_sub(1).max(1) as f64;
    let (mut all_ns, mut long_ns, mut long_waits) = (0.0, 0.0, 0.0);
    for sample in class.wait_samples() {
        let ns = sample.value_ns as f64;
        all_ns += sample.weight * ns;
        if ns >= long {
            long_ns += sample.weight * ns;
            long_waits += sample.weight;
        }
    }
    let share = long_ns / all_ns;
    // Also false if there are no samples.
    let is_most = share >= MOST;
    if !is_most {
        return None;
    }
    let cost = (share * wait.value).min(holder.caused.value);
    if holder.caused.low < MOST * share * wait.value {
        return None;
    }
    let holds = holder.holds().flat_map(|hold| hold.reservoir.iter());
    let long_holds_ns: f64 = holds
        .filter(|hold| hold.value_ns as f64 >= long)
        .map(|hold| hold.weight * hold.value_ns as f64)
        .sum();
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

fn slow_caller(class: &Class<'_>, wait: Measure) -> Option<Finding> {
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

fn long_hold(class: &Class<'_>, wait: Measure) -> Option<Finding> {
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
            .with(share, "caused_share")
            .with(mean, "hold_mean_ns")
            .remedy(format!(
                "Look for I/O, a sleep or an `.await` under the guard {}. Copy what it needs, release the lock, and do \
                 it then.",
                there(holder)
            )),
    )
}

/// Waits that even a full queue of the holds does not explain.
fn convoy(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let contended = class.contention_share()?;
    let holds = class.points.iter().map(|point| &point.hold);
    let hold = Measure::mean(holds)?;
    let waits = class.points.iter().map(|point| &point.wait);
    let mean = Measure::mean(waits)?;
    let queue = class.threads.checked_sub(1)? as f64;
    let is_convoy = class.contentions >= CONVOY_WAITS
        && contended >= OFTEN
        && hold.high <= SHORT_HOLD_NS
        && mean.low >= BEYOND_THE_QUEUE * queue * hold.high;
    if !is_convoy || queue == 0.0 {
        return None;
    }
    let contended = Measure::exact(contended);
    let threads = Measure::exact(class.threads as f64);
    let text = format!(
        "{} of the acquisitions wait, for {} on average: longer than holds of {} explain, even if all {} threads queue. \
         Most of the time goes into handing the lock over.",
        words::share(contended),
        words::time(mean),
        words::time(hold),
        words::count(threads),
    );
    Some(
        begin(class, FindingKind::Convoy, wait, wait)
            .at_top(class)
            .says(&capital(&text))
            .with(contended, "contended_share")
            .with(mean, "wait_mean_ns")
            .with(hold, "hold_mean_ns")
            .with(threads, "threads_peak")
            .remedy(
                "Take the lock less often: do several items under one hold, keep a copy for each thread, use an atomic, \
                 or split the lock so that threads rarely meet."
                    .to_owned(),
            ),
    )
}

impl Finding {
    /// At the place that caused most, though the finding is about all of them.
    fn at_top(self, class: &Class<'_>) -> Self {
        match class.holders.first() {
            Some(holder) => self.at(holder),
            None => self,
        }
    }
}

fn saturated(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let is_alone = |point: &&&Point| point.mode != AcquireMode::Shared;
    let points = class.points.iter().filter(is_alone);
    let held = Measure::total(points.clone().map(|point| &point.hold))?.over(class.elapsed_ns);
    let hold = Measure::mean(points.map(|point| &point.hold))?;
    let contended = class.contention_share()?;
    if held.low < BUSY || contended < OFTEN {
        return None;
    }
    let contended = Measure::exact(contended);
    let several = match held.low > 1.0 {
        true => " (the sum over several locks of one name or place)",
        false => "",
    };
    let text = format!(
        "The lock is held for {} of the time{several}, in holds of {} on average, and {} of its acquisitions wait.",
        words::share(held),
        words::time(hold),
        words::share(contended),
    );
    Some(
        begin(class, FindingKind::Saturated, wait, wait)
            .at_top(class)
            .says(&text)
            .with(held, "held_share")
            .with(hold, "hold_mean_ns")
            .with(contended, "contended_share")
            .remedy(
                "Split the lock, for example by key, or shorten its holds. An RwLock helps if most of the holds only \
                 read; the figures cannot tell."
                    .to_owned(),
            ),
    )
}

fn contended(class: &Class<'_>, wait: Measure) -> Finding {
    let finding = begin(class, FindingKind::Contended, wait, wait);
    let shares = class.holders.first().zip(class.whole());
    let shares = shares.map(|(holder, whole)| (holder, holder.caused.share_of(whole)));
    // A holder of a small part is not the one to blame.
    let Some((holder, share)) = shares.filter(|(_, share)| share.value >= WORTH_BLAMING) else {
        return finding
            .says("The profile does not say who held it meanwhile.")
            .remedy("Shorten what is done under the lock, or take it less often.".to_owned());
    };
    let mean = holder.mean_hold();
    let holds = match mean {
        Some(mean) => format!(", which holds it for {} on average", words::time(mean)),
        None => String::new(),
    };
    let text = format!(
        "{} of that is behind {}{holds}.",
        words::share(share),
        name(holder)
    );
    let finding = finding
        .at(holder)
        .says(&capital(&text))
        .with(share, "caused_share");
    let finding = match mean {
        Some(mean) => finding.with(mean, "hold_mean_ns"),
        None => finding,
    };
    finding.remedy(format!(
        "Shorten the hold {}, or move work out of it.",
        there(holder)
    ))
}

/// Writers that wait for longer than any reader holds.
fn starved_writer(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    if !class.is_complete {
        return None;
    }
    let writers = class.of_mode(AcquireMode::Exclusive);
    let readers = class.of_mode(AcquireMode::Shared);
    let writing = Measure::total(writers.clone().map(|point| &point.wait))?;
    let mean = Measure::mean(writers.clone().map(|point| &point.wait))?;
    let waits: u64 = writers.clone().map(|point| point.contentions).sum();
    let [p50] = Durations::quantiles_of(writers.clone().map(|point| &point.wait), [0.5]);
    let [p95] = Durations::quantiles_of(readers.clone().map(|point| &point.hold), [0.95]);
    let longest = readers.clone().map(|point| point.hold.max_ns).max()? as f64;
    let (p50, p95) = (p50? as f64, p95? as f64);
    let caused = Measure::caused(readers.clone());
    let share = caused.share_of(writing);
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
        "Writers wait for {} on average, mostly behind readers, of whose holds 95% take at most {}: one reader follows \
         the other before a writer gets its turn. Most of it is waited at {}.",
        words::time(mean),
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

fn upgradable_reads(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let (holder, share) = culprit(class)?;
    let upgradable = |point: &Point| point.acquisitions;
    let reads: u64 = class.of_mode(AcquireMode::Upgradable).map(upgradable).sum();
    let writes: u64 = class.of_mode(AcquireMode::Exclusive).map(upgradable).sum();
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

/// A finding for each place that tries in a loop.
pub(super) fn try_loops(class: &Class<'_>) -> Vec<Finding> {
    let seconds = class.elapsed_ns / NS_PER_S;
    let is_loop = |point: &&&Point| {
        let failures = point.try_failures;
        failures as f64 >= TRIES_PER_SECOND * seconds.max(1.0)
            && failures / TRIES_PER_SUCCESS >= point.acquisitions
    };
    let loops = class.points.iter().filter(is_loop);
    loops
        .map(|point| {
            let failures = Measure::exact(point.try_failures as f64);
            let rate = failures.over(seconds);
            let place = words::site(&point.site);
            Finding {
                kind: FindingKind::TryLoop,
                lock: class.lock.clone(),
                site: Some(point.site.clone()),
                mode: Some(point.mode),
                cost_ns: None,
                cost_error_ns: 0.0,
                evidence: vec![
                    failures.named("try_failures"),
                    rate.named("try_failures_per_second"),
                    Measure::exact(point.acquisitions as f64).named("acquisitions"),
                ],
                text: format!(
                    "A try function at {place} found {} taken {} times, {} times a second, and got it {} times. How much \
                     time that took was not measured.",
                    words::lock(class.lock),
                    words::count(failures),
                    words::count(rate),
                    words::count(Measure::exact(point.acquisitions as f64)),
                ),
                remedy: format!(
                    "If {place} is in a loop, wait for the lock instead: lock(), or a try function with a timeout. A loop \
                     takes processor time that the holder may need."
                ),
            }
        })
        .collect()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
