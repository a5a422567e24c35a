//! The line that says how busy the locks were.

use std::collections::HashMap;

use nexus_lockprof_snapshot::{Lock, Point, ProfilerMode, Snapshot, TimeShare, Utilisation};

use super::column::WORTH_SAYING;
use crate::readable::names::Names;
use crate::readable::{fit, number};

/// The most locks that the line names.
const MOST_LOCKS: usize = 3;
/// A longest wait of so many times the mean is out of the ordinary.
const UNFAIR: u64 = 20;
/// Fewer waits have no mean worth the name.
const FEWEST_WAITS: u64 = 20;
/// Waits that cost fewer threads are not worth a word.
const LEAST_WAITED: f64 = 0.01;
/// The longest name of a lock in it, in terminal columns.
const LONGEST_NAME: usize = 40;

/// `Waiting took about 2.71 threads' worth of time. Share of the time held: sessions about 84%,
/// cache 3.1% (readers 210%), less for 2 more locks.` `None` if no time has elapsed.
pub(super) fn line(snapshot: &Snapshot) -> Option<String> {
    let all = snapshot.utilisation();
    if all.is_empty() {
        return None;
    }
    let waited = snapshot.waited();
    let is_known = |of: &Utilisation| {
        let is_used = |share: Option<TimeShare>| share.is_some_and(|share| share.total_ns > 0);
        is_used(of.held) || is_used(of.readers)
    };
    if waited.is_none() && !all.iter().any(is_known) {
        return Some("Neither waits nor holds were measured.".to_owned());
    }
    let waiting = match waited {
        // Those who wait now are in no figure yet.
        Some(waited) if waited.total_ns == 0 && !snapshot.waiters().is_empty() => {
            "No wait has ended.".to_owned()
        }
        Some(waited) if waited.total_ns == 0 => "No thread waited for a lock.".to_owned(),
        Some(waited) => {
            let noun = if number::threads(waited.share) == "1.00" {
                "thread's"
            } else {
                "threads'"
            };
            format!("Waiting took {} {noun} worth of time.", threads(&waited))
        }
        None => "The time lost to waiting was not measured.".to_owned(),
    };
    if snapshot.profiler_mode() == ProfilerMode::Waits {
        return Some(waiting);
    }
    let is_held = |of: &&Utilisation| {
        let is_used = |share: Option<TimeShare>| share.is_none_or(|share| share.total_ns > 0);
        is_used(of.held) || is_used(of.readers)
    };
    let mut held: Vec<&Utilisation> = all.iter().filter(is_held).collect();
    let ns = |share: Option<TimeShare>| share.map_or(0, |share| share.total_ns);
    // Stable: of locks that were not measured, the one that was waited for most comes first.
    held.sort_by_key(|of| std::cmp::Reverse(ns(of.held).max(ns(of.readers))));
    let hidden = held.len().saturating_sub(MOST_LOCKS);
    held.truncate(MOST_LOCKS);
    let is_shown = |lock: &Lock| held.iter().any(|of| of.lock == *lock);
    let mut shown: Vec<&Point> = Vec::new();
    for point in snapshot.points() {
        if shown.iter().all(|known| known.lock != point.lock) && is_shown(&point.lock) {
            shown.push(point);
        }
    }
    let names = Names::new(shown);
    let locks = held.iter().map(|of| {
        let name = fit::middle(&names.lock(&of.lock), LONGEST_NAME);
        format!("{name} {}", holds(of))
    });
    let locks: Vec<String> = locks.collect();
    if locks.is_empty() {
        return Some(waiting);
    }
    let more = match hidden {
        0 => String::new(),
        1 => ", less for 1 more lock".to_owned(),
        more => format!(", less for {more} more locks"),
    };
    let locks = locks.join(", ");
    let unfair = unfair(snapshot, &all).unwrap_or_default();
    Some(format!(
        "{waiting} Share of the time held: {locks}{more}.{unfair}"
    ))
}

/// ` The longest wait for sessions took 1.20s, 80 times its mean.` Of the lock with the greatest
/// factor; `None` if that is usual.
fn unfair(snapshot: &Snapshot, all: &[Utilisation]) -> Option<String> {
    let factor = |of: &&Utilisation| {
        let (longest, mean) = (of.longest_wait_ns?, of.mean_wait_ns?);
        longest.checked_div(mean)
    };
    let mut waits: HashMap<&Lock, u64> = HashMap::new();
    for point in snapshot.points() {
        let sum = waits.entry(&point.lock).or_default();
        *sum = sum.saturating_add(point.contentions);
    }
    let is_worth_saying = |of: &&Utilisation| {
        let waited = of.waited.map_or(0.0, |waited| waited.share);
        waited >= LEAST_WAITED && waits.get(&of.lock).is_some_and(|n| *n >= FEWEST_WAITS)
    };
    let worst = all.iter().filter(is_worth_saying).max_by_key(factor)?;
    let factor = factor(&worst).filter(|factor| *factor >= UNFAIR)?;
    let point = snapshot.points().iter().find(|p| p.lock == worst.lock)?;
    let name = fit::middle(&Names::new([point]).lock(&worst.lock), LONGEST_NAME);
    Some(format!(
        " The longest wait for {name} took {}, {} times its mean.",
        number::duration(worst.longest_wait_ns?),
        number::count(factor)
    ))
}

/// `about 84%`, `3.1% (readers 210%)` or `readers about 12%`.
fn holds(of: &Utilisation) -> String {
    let is_unused = |share: Option<TimeShare>| share.is_some_and(|share| share.total_ns == 0);
    match (is_unused(of.held), is_unused(of.readers)) {
        (_, true) => held(of.held),
        (true, false) => format!("readers {}", held(of.readers)),
        (false, false) => format!("{} (readers {})", held(of.held), held(of.readers)),
    }
}

/// `about 84%`, with its standard error where that is worth saying.
fn held(share: Option<TimeShare>) -> String {
    let Some(share) = share else {
        return "not measured".to_owned();
    };
    let percent = marked(&share, number::percent_of(share.share));
    match share.share_error > WORTH_SAYING * share.share {
        // Of the same whole as the share itself.
        true => format!("{percent} ± {}", number::percent_of(share.share_error)),
        false => percent,
    }
}

/// `about 2.71`, with its standard error where that is worth saying.
pub(super) fn threads(share: &TimeShare) -> String {
    let threads = marked(share, number::threads(share.share));
    match share.share_error > WORTH_SAYING * share.share {
        true => format!("{threads} ± {}", number::threads(share.share_error)),
        false => threads,
    }
}

fn marked(share: &TimeShare, text: String) -> String {
    // "<0.1%" needs no mark.
    match (share.is_partial, share.is_estimate) {
        _ if text.starts_with('<') => text,
        (true, _) => format!("at least {text}"),
        (false, true) => format!("about {text}"),
        (false, false) => text,
    }
}
