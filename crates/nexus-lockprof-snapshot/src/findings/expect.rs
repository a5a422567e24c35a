//! Words the expected gain from changes to a lock.

use super::finding::{Finding, FindingKind};
use super::words;
use crate::{Change, Expected, Snapshot};

/// A smaller gain is not worth a figure.
const LITTLE: f64 = 0.02;
/// Gains that differ by less are one.
const NEAR: f64 = 0.05;

/// Adds what the model expects, if it fits the finding.
pub(super) fn add(finding: &mut Finding, snapshot: &Snapshot) {
    let fits = match finding.kind {
        // The mean hold, which the model changes, is not what these wait for.
        FindingKind::StarvedWriter
        | FindingKind::StarvedThread
        | FindingKind::RareLongHold
        | FindingKind::TryLoop => false,
        FindingKind::UpgradableReads
        | FindingKind::SlowCaller
        | FindingKind::LongHold
        | FindingKind::Convoy
        | FindingKind::Saturated
        | FindingKind::Contended => true,
    };
    let what_if = fits.then(|| snapshot.what_if(&finding.lock)).flatten();
    if let Some(what_if) = &what_if {
        finding.expected = sentence(&what_if.expected, finding.kind);
    }
    finding.what_if = what_if;
}

/// The greatest gain from each kind of change that the finding's remedy speaks of.
fn sentence(expected: &[Expected], kind: FindingKind) -> String {
    let best = |is: fn(Change) -> bool| expected.iter().find(|expected| is(expected.change));
    let is_about_reads = matches!(kind, FindingKind::Saturated | FindingKind::UpgradableReads);
    let shared = best(|change| matches!(change, Change::Share)).filter(|_| is_about_reads);
    let changes = [
        best(|change| matches!(change, Change::HalveHold)),
        best(|change| matches!(change, Change::Split { .. })),
        shared,
    ];
    let changes: Vec<String> = changes.into_iter().flatten().map(change).collect();
    format!(
        "By a queueing model, acquisitions grow {}.",
        changes.join("; ")
    )
}

/// `by about 38% with half the hold at src/http.rs:88`.
fn change(expected: &Expected) -> String {
    let place = expected.site.as_ref().map(words::site).unwrap_or_default();
    let change = match expected.change {
        Change::HalveHold => format!("with half the hold at {place}"),
        Change::Split { ways } => format!("with the lock split in {ways}"),
        Change::Share => format!("if {place} only reads and acquires it shared"),
    };
    // More digits would be more than the model knows.
    let percent = |gain: f64| format!("{:.0}%", 100.0 * gain.max(0.0));
    let (low, high) = (expected.gain_low, expected.gain_high);
    match (high - low > NEAR, expected.gain < LITTLE) {
        (true, _) => format!("by {} to {} {change}", percent(low), percent(high)),
        (false, true) => format!("by less than {} {change}", percent(LITTLE)),
        (false, false) => format!("by about {} {change}", percent(expected.gain)),
    }
}
