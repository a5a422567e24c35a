//! How each finding about waits is put together: the figures and words that all of them share.

use super::class::{Class, Holder};
use super::finding::{Finding, FindingKind};
use super::measure::Measure;
use super::thresholds::MOST;
use super::words;

/// The waiting for a lock, in words and as evidence. All findings about waits begin like this.
pub(super) fn begin(class: &Class<'_>, kind: FindingKind, wait: Measure, cost: Measure) -> Finding {
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
        expected: String::new(),
        what_if: None,
    }
}

impl Finding {
    pub(super) fn at(mut self, holder: &Holder<'_>) -> Self {
        self.site = holder.site().cloned();
        self.mode = holder.mode();
        self
    }

    pub(super) fn with(mut self, measure: Measure, name: &'static str) -> Self {
        self.evidence.push(measure.named(name));
        self
    }

    pub(super) fn says(mut self, text: &str) -> Self {
        self.text.push(' ');
        self.text.push_str(text);
        self
    }

    /// Says what the edges tell, if they tell something.
    pub(super) fn says_of(self, told: Option<(String, Measure)>, name: &'static str) -> Self {
        match told {
            Some((text, share)) => self.says(&capital(&text)).with(share, name),
            None => self,
        }
    }

    pub(super) fn remedy(mut self, text: String) -> Self {
        self.remedy = text;
        self
    }

    /// At the place that caused most, though the finding is about all of them.
    pub(super) fn at_top(self, class: &Class<'_>) -> Self {
        match class.holders.first() {
            Some(holder) => self.at(holder),
            None => self,
        }
    }
}

/// The holder as a sentence names it.
pub(super) fn name(holder: &Holder<'_>) -> String {
    match (holder.site(), holder.is_group()) {
        (Some(site), false) => words::site(site),
        (Some(site), true) => format!("its readers, of which {} holds longest", words::site(site)),
        (None, _) => "its readers".to_owned(),
    }
}

/// The place to change, as a remedy names it.
pub(super) fn there(holder: &Holder<'_>) -> String {
    match holder.site() {
        Some(site) => format!("at {}", words::site(site)),
        None => "of its readers".to_owned(),
    }
}

/// The holder that surely caused most of the waiting, and what share of it.
pub(super) fn culprit<'a, 'c>(class: &'c Class<'a>) -> Option<(&'c Holder<'a>, Measure)> {
    let holder = class.holders.first()?;
    let share = holder.caused.share_of(class.whole()?);
    (share.low >= MOST).then_some((holder, share))
}

pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
