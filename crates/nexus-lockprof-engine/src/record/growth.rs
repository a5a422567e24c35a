//! Sums over records, to which the growth of each record is added.

use crate::record::reading::Reading;
use crate::record::tally::SumReading;
use std::cmp::Ordering;

/// Adds the growth of a record's reading since the `last` one to sums over records.
pub(crate) fn add(sum: &mut Reading, reading: &Reading, last: &Reading) {
    let (mut reading, mut last) = (*reading, *last);
    let counters = sum.counters_mut().into_iter();
    let grown = counters
        .zip(reading.counters_mut())
        .zip(last.counters_mut());
    for ((sum, now), before) in grown {
        *sum = sum.saturating_add(now.saturating_sub(*before));
    }
    sum.cold = sum.cold.and(&reading.cold.since(&last.cold));
    sum.most_readers = sum.most_readers.merge(reading.most_readers);
    // These are not counters: the old value is subtracted and the new one added.
    for (sum, now, before) in [
        (
            &mut sum.overdue_holds,
            reading.overdue_holds,
            last.overdue_holds,
        ),
        (
            &mut sum.overdue_waits,
            reading.overdue_waits,
            last.overdue_waits,
        ),
    ] {
        *sum = sum.saturating_sub(before).saturating_add(now);
    }
    for (sum, reading, last) in [
        (&mut sum.wait, &reading.wait, &last.wait),
        (&mut sum.hold, &reading.hold, &last.hold),
    ] {
        match add_sum(&mut sum.sum, &reading.sum, &last.sum) {
            Ordering::Greater => sum.max_ns = reading.max_ns,
            Ordering::Equal => sum.max_ns = sum.max_ns.max(reading.max_ns),
            Ordering::Less => {}
        }
    }
    add_sum(&mut sum.caused, &reading.caused, &last.caused);
}

/// Adds total and variance. Variances only add up if they were measured after the same reset, and
/// the newest wins. Returns how the reading's reset compares with the sum's.
pub(crate) fn add_sum(sum: &mut SumReading, reading: &SumReading, last: &SumReading) -> Ordering {
    let grown = reading.total_ns.saturating_sub(last.total_ns);
    sum.total_ns = sum.total_ns.saturating_add(grown);
    let order = reading.reset_generation.cmp(&sum.reset_generation);
    if order.is_eq() {
        sum.longest_sampled_ns = sum.longest_sampled_ns.max(reading.longest_sampled_ns);
    }
    match order {
        Ordering::Greater => {
            sum.reset_generation = reading.reset_generation;
            sum.variance = reading.variance;
            sum.longest_sampled_ns = reading.longest_sampled_ns;
        }
        Ordering::Equal if last.reset_generation == reading.reset_generation => {
            sum.variance += (reading.variance - last.variance).max(0.0);
        }
        Ordering::Equal => sum.variance += reading.variance,
        Ordering::Less => {}
    }
    order
}
