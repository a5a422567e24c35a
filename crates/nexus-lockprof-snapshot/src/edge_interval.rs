//! The edges of an interval.
//!
//! An engine without room for an edge adds its figures to another edge. If the waiting point has
//! joined the [rest](Lock::rest), or has become unknown, that edge leads to the same holding point.
//! If the holding point has joined the rest, so have all edges into it. In both cases the edges
//! into a point still add up to what it has blocked. So the figures that an edge no longer has are
//! subtracted from other edges into the same point.

use crate::edge::Key;
use crate::{Edge, EdgeEnd, Lock, Site, figure};
use std::borrow::Cow;
use std::collections::HashMap;

type Figures = [u64; Edge::FIGURES.len()];

/// For each figure, the edges into one point that may still have some of it. The last of them is
/// asked first.
type Others = [Vec<usize>; Edge::FIGURES.len()];

/// Figures that their edge no longer has.
struct Missing<'a> {
    edge: &'a Edge,
    holding: Cow<'a, EdgeEnd>,
    /// What is left of the edge in the later snapshot.
    now: Figures,
}

/// Subtracts the `earlier` edges from the `later` ones. Leaves out edges without a change. `joined`
/// is the point of the later snapshot that an earlier point has joined, if it has. `minus`
/// subtracts a counter and fails if it went backwards.
pub(crate) fn between<E>(
    later: &[Edge],
    earlier: &[Edge],
    joined: impl Fn(&EdgeEnd) -> Option<EdgeEnd>,
    minus: impl Fn(&Edge, &'static str, u64, u64) -> Result<u64, E>,
) -> Result<Vec<Edge>, E> {
    let numbers = later.iter().enumerate();
    let numbers: HashMap<Key<'_>, usize> = numbers.map(|(i, edge)| (edge.key(), i)).collect();
    let mut left: Vec<Figures> = later.iter().map(Edge::figures).collect();
    let mut missing = Vec::new();
    for edge in earlier {
        let holding = joined(&edge.holding).map_or(Cow::Borrowed(&edge.holding), Cow::Owned);
        let same = numbers.get(&(edge.waiting.as_ref(), &*holding));
        match same.and_then(|number| left.get_mut(*number)) {
            Some(now) if has_grown(now, &edge.figures()) => take(now, &mut edge.figures()),
            now => missing.push(Missing {
                edge,
                now: now.copied().unwrap_or_default(),
                holding,
            }),
        }
    }
    if !missing.is_empty() {
        let mut into: HashMap<&EdgeEnd, Others> = HashMap::new();
        for (number, edge) in later.iter().enumerate().rev() {
            let others = into.entry(&edge.holding).or_default();
            others.iter_mut().for_each(|others| others.push(number));
        }
        for missing in &missing {
            let others = into.entry(&missing.holding).or_default();
            missing.subtract(&numbers, others, &mut left, &minus)?;
        }
    }
    let changed = later.iter().zip(left);
    let changed = changed.map(|(edge, figures)| edge.clone().with_figures(figures));
    Ok(changed.filter(|edge| !edge.is_idle()).collect())
}

fn has_grown(later: &Figures, earlier: &Figures) -> bool {
    later
        .iter()
        .zip(earlier)
        .all(|(later, earlier)| later >= earlier)
}

/// Subtracts as much as there is from both.
fn take(from: &mut Figures, what: &mut Figures) {
    from.iter_mut()
        .zip(what)
        .for_each(|(from, what)| take_one(from, what));
}

fn take_one(from: &mut u64, what: &mut u64) {
    let taken = (*from).min(*what);
    *from -= taken;
    *what -= taken;
}

impl Missing<'_> {
    /// Subtracts the figures from the edge that has them now, as far as that can be known.
    fn subtract<E>(
        &self,
        numbers: &HashMap<Key<'_>, usize>,
        others: &mut Others,
        left: &mut [Figures],
        minus: impl Fn(&Edge, &'static str, u64, u64) -> Result<u64, E>,
    ) -> Result<(), E> {
        let mut figures = self.edge.figures();
        let rests = self.edge.waiting.iter().flat_map(rests);
        for waiting in rests.map(Some).chain([None]) {
            let number = numbers.get(&(waiting.as_ref(), &*self.holding));
            if let Some(now) = number.and_then(|number| left.get_mut(*number)) {
                take(now, &mut figures);
            }
        }
        for (figure, (what, others)) in figures.iter_mut().zip(others).enumerate() {
            while *what > 0
                && let Some(number) = others.last()
            {
                let now = left.get_mut(*number).and_then(|left| left.get_mut(figure));
                now.into_iter().for_each(|now| take_one(now, what));
                if *what > 0 {
                    others.pop();
                }
            }
        }
        if figures != Figures::default() {
            // No edge has them. Edges never disappear, so this one went backwards.
            figure::since(
                &Edge::FIGURES,
                self.now,
                self.edge.figures(),
                |name, now, then| minus(self.edge, name, now, then),
            )?;
        }
        Ok(())
    }
}

/// The points of the rest that a point may join.
fn rests(end: &EdgeEnd) -> [EdgeEnd; 2] {
    [end.site.clone(), Site::rest()].map(|site| EdgeEnd {
        lock: Lock::rest(),
        mode: end.mode,
        site,
    })
}
