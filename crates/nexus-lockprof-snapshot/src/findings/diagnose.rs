//! The order of the rules. `docs/explanation/findings.md` explains them.

use super::class::Class;
use super::finding::Finding;
use super::thresholds::WORTH_SAYING_THREADS;
use super::{causes, holders, queue, readers, starved};

/// The finding about the waits for a class, if they are worth one: of the first rule that fits.
pub(super) fn waiting(class: &Class<'_>) -> Option<Finding> {
    let wait = class.wait?;
    if wait.low < WORTH_SAYING_THREADS * class.elapsed_ns {
        return None;
    }
    let rules = [
        readers::starved_writer,
        readers::upgradable_reads,
        starved::starved_thread,
        holders::rare_long_hold,
        holders::slow_caller,
        holders::long_hold,
        queue::convoy,
        queue::saturated,
    ];
    let found = rules.iter().find_map(|rule| rule(class, wait));
    let found = found.unwrap_or_else(|| queue::contended(class, wait));
    Some(causes::add(class, found))
}
