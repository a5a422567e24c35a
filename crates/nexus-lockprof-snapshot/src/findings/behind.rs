//! Who waits behind whom, from the edges of a class.

use super::class::{Class, Holder};
use super::measure::Measure;
use super::thresholds::MOST;
use super::words;
use crate::{Edge, EdgeEnd, Site};

/// Where most of the waiting behind a holder is, if it is at another place.
pub(super) fn waits_at(class: &Class<'_>, holder: &Holder<'_>) -> Option<(String, Measure)> {
    let site = holder.site().filter(|_| !holder.is_group())?;
    let is_behind = |edge: &&Edge| holder.points.iter().any(|point| edge.holding.is(point));
    let (_, waiting, share) = most(class.edges.iter().copied().filter(is_behind), holder.caused)?;
    let is_elsewhere = place(&waiting.site) != place(site);
    is_elsewhere.then(|| {
        let share_of_it = words::share(share);
        let at = words::site(&waiting.site);
        let text = format!("{share_of_it} of the waiting behind it is at {at}.");
        (text, share)
    })
}

/// The two places between which most of the waiting for a lock is.
pub(super) fn between(class: &Class<'_>) -> Option<(String, Measure)> {
    let all = Measure::caused(class.points.iter().copied());
    let (holding, waiting, share) = most(class.edges.iter().copied(), all)?;
    let (at, behind) = (words::site(&waiting.site), words::site(&holding.site));
    let share_of_it = words::share(share);
    let text = match place(&waiting.site) == place(&holding.site) {
        true => format!("{share_of_it} of it is between threads at {at}."),
        false => format!("{share_of_it} of it is at {at}, behind {behind}."),
    };
    Some((text, share))
}

/// The edge that has most of the time of all of them, which is `all`.
fn most<'a>(
    edges: impl Iterator<Item = &'a Edge>,
    all: Measure,
) -> Option<(&'a EdgeEnd, &'a EdgeEnd, Measure)> {
    let edge = edges.max_by_key(|edge| edge.waited_ns)?;
    let waiting = edge.waiting.as_ref()?;
    if all.value <= 0.0 {
        return None;
    }
    let share = all.part(edge.waited_ns as f64).share_of(all);
    let is_named = !waiting.site.is_group() && !edge.holding.site.is_group();
    (is_named && share.low >= MOST).then_some((&edge.holding, waiting, share))
}

/// What a sentence says of a site.
fn place(site: &Site) -> (&str, u32) {
    (&site.file, site.line)
}
