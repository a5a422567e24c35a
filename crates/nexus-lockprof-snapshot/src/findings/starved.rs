//! The finding about one thread that the others do not let in.
//!
//! What a thread waited is known for all locks together. So the other locks' waiting bounds what
//! the thread has waited for this one.

use super::class::Class;
use super::draft::{begin, capital};
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::{MOST, SLOW, WAKING_NS};
use super::words;
use crate::number::sum;
use crate::{Point, ThreadKind, ThreadRow};

/// One thread's waits for a lock.
struct Waits<'a> {
    row: &'a ThreadRow,
    /// If it may have waited for other locks, too, a lower bound.
    time: Measure,
    /// The most that they can have been.
    most: u64,
}

/// One thread has most of the waiting, and waits for longer than if all others went first once.
pub(super) fn starved_thread(class: &Class<'_>, wait: Measure) -> Option<Finding> {
    let queue = class.threads.checked_sub(1).filter(|others| *others > 0)? as f64;
    if !class.is_complete || wait.is_partial {
        return None;
    }
    let waits = longest_waiter(class)?;
    let share = waits.time.share_of(wait);
    let mean = waits.time.over(waits.most as f64);
    let longest = class.points.iter().map(|point| point.hold.max_ns).max()? as f64;
    // Being woken takes time, too, and so does the waking of those who go first.
    let explained = queue * (longest + WAKING_NS);
    let others = (wait.high - waits.time.low) / queue;
    let is_starved = share.low >= MOST
        && waits.time.low >= SLOW * others
        && mean.low > explained
        && held_by_others(class, waits.row)? >= MOST * waits.time.value;
    if !is_starved {
        return None;
    }
    let is_sampled = |point: &&Point| point.hold.is_estimate();
    let is_estimate = class.is_interval || class.points.iter().any(is_sampled);
    let text = format!(
        "{} of that is the waiting of one thread, {}: {}{} waits of {} on average. With holds of at most {longest} that \
         were measured, a queue of all {threads} threads explains {explained}: the others {take} the lock again and \
         again before it gets its turn.",
        words::share(share),
        words::thread(waits.row.thread.as_ref()?),
        if waits.time.is_partial {
            "at most "
        } else {
            ""
        },
        words::count(Measure::exact(waits.most as f64)),
        words::time(mean),
        longest = words::time(Measure::exact(longest)),
        threads = words::count(Measure::exact(class.threads as f64)),
        explained = words::time(Measure::exact(explained)),
        take = if is_estimate { "seem to take" } else { "take" },
    );
    let number = Measure::exact(waits.row.number as f64);
    Some(
        begin(class, FindingKind::StarvedThread, wait, waits.time)
            .at_top(class)
            .says(&capital(&text))
            .with(share, "thread_share")
            .with(mean, "thread_wait_mean_ns")
            .with(number, "thread_number")
            .with(Measure::exact(longest), "longest_hold_ns")
            .with(Measure::exact(class.threads as f64), "threads_peak")
            .remedy(
                "Let the others give way: release the lock with unlock_fair() or bump(), use a FairMutex, or do other \
                 work between two holds."
                    .to_owned(),
            ),
    )
}

/// The living thread that surely waited most for this lock.
fn longest_waiter<'a>(class: &Class<'a>) -> Option<Waits<'a>> {
    let elsewhere = class.waited_elsewhere?;
    let of = |row: &'a ThreadRow| {
        let times = row.wait.durations();
        let all = Measure::total([&times].into_iter())?;
        if all.is_partial {
            return None;
        }
        let time = match elsewhere.high > 0.0 {
            false => all,
            true => all.at_least_without(elsewhere),
        };
        let most = row.contentions.min(class.contentions);
        (most > 0).then_some(Waits { row, time, most })
    };
    let live = class.rows.iter();
    let live = live.filter(|row| row.kind == ThreadKind::Live);
    live.filter_map(of)
        .max_by(|a, b| a.time.low.total_cmp(&b.time.low))
}

/// How long others than this thread surely held the lock. Waits that no hold explains are the time
/// that it takes to hand the lock over.
fn held_by_others(class: &Class<'_>, row: &ThreadRow) -> Option<f64> {
    let held = Measure::total(class.points.iter().map(|point| &point.hold))?;
    let own = row.hold.durations();
    let own_events = sum([own.events, own.unmeasured]);
    let own = match Measure::total([&own].into_iter()) {
        Some(own) => own.high,
        None if own_events == 0 => 0.0,
        None => return None,
    };
    Some(held.low - own)
}
