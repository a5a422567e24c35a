//! Findings about a lock that many places queue for.

use super::behind;
use super::class::Class;
use super::draft::{begin, capital, name, there};
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::{
    BEYOND_THE_QUEUE, BUSY, CONVOY_WAITS, MOST, OFTEN, SHORT_HOLD_NS, WORTH_BLAMING,
};
use super::words;
use crate::{AcquireMode, Point};

/// Waits that even a full queue of the holds does not explain.
pub(super) fn convoy(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let contended = class.contention_ratio()?;
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
            .says_of(behind::between(class), "edge_share")
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

pub(super) fn saturated(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let is_alone = |point: &&&Point| point.mode != AcquireMode::Shared;
    let points = class.points.iter().filter(is_alone);
    let held = Measure::total(points.clone().map(|point| &point.hold))?.over(class.elapsed_ns);
    let hold = Measure::mean(points.map(|point| &point.hold))?;
    let contended = class.contention_ratio()?;
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

pub(super) fn contended(class: &Class<'_>, wait: Measure) -> Finding {
    let finding = begin(class, FindingKind::Contended, wait, wait);
    let shares = class.holders.first().zip(class.whole());
    let shares = shares.map(|(holder, whole)| (holder, holder.caused.share_of(whole)));
    // A holder of a small part is not the one to blame.
    let Some((holder, share)) = shares.filter(|(_, share)| share.value >= WORTH_BLAMING) else {
        return spread(class, finding);
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
        .says_of(behind::waits_at(class, holder), "edge_share")
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

/// No holder is the one to blame: there are many, or it is not known who they are.
fn spread(class: &Class<'_>, finding: Finding) -> Finding {
    let caused = Measure::caused(class.points.iter().copied());
    let known = class.whole().map(|whole| (caused.share_of(whole), whole));
    let known = class.holders.first().zip(known);
    let Some((holder, (known, whole))) = known.filter(|(_, (known, _))| known.low >= MOST) else {
        return finding
            .says("The profile does not say who held it meanwhile.")
            .remedy("Shorten what is done under the lock, or take it less often.".to_owned());
    };
    let share = holder.caused.share_of(whole);
    let places = Measure::exact(class.holders.len() as f64);
    let most = format!(
        "behind {} places, and no more than {} of it behind one of them: {}.",
        words::count(places),
        words::share(share),
        name(holder),
    );
    // One holder that is not known may have caused all of the rest.
    let is_known = known.low > 1.0 - WORTH_BLAMING;
    let (text, remedy) = match is_known {
        true => (
            format!("It is {most}"),
            "Take the lock less often, or split it: no single hold is to blame.",
        ),
        false => (
            format!(
                "{} of that is {most} The profile does not say who held it for the rest.",
                capital(&words::share(known))
            ),
            "Take the lock less often, or split it.",
        ),
    };
    finding
        .at(holder)
        .says(&text)
        .with(known, "known_share")
        .with(share, "caused_share")
        .with(places, "places")
        .remedy(remedy.to_owned())
}
