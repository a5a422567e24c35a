//! Why threads waited for a reader-writer lock, in the findings about it.

use super::class::Class;
use super::draft::capital;
use super::finding::{Finding, FindingKind};
use super::thresholds::MOST;
use super::words;
use crate::WaitCause;

/// Says which cause surely has most of the waiting. Two kinds say it in their own words.
pub(super) fn add(class: &Class<'_>, finding: Finding) -> Finding {
    let says_it = matches!(
        finding.kind,
        FindingKind::StarvedWriter | FindingKind::UpgradableReads
    );
    let main = class
        .causes
        .iter()
        .find(|of| of.cause != WaitCause::Unknown);
    let Some(main) = main.filter(|_| !says_it) else {
        return finding;
    };
    let time = class.because_of(&[main.cause]).zip(class.whole());
    let share = time.map(|(time, whole)| time.share_of(whole));
    let Some(share) = share.filter(|share| share.low >= MOST) else {
        return finding;
    };
    let text = format!(
        "{} of the waiting has one cause: {}.",
        words::share(share),
        main.cause
    );
    finding.says(&capital(&text)).with(share, "cause_share")
}
