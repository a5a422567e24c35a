//! Adds edges to a merge.

use super::Merge;
use super::point::{Key, Place};
use super::texts::Texts;
use crate::binary::{RawEdges, RawEnd, RawLock, RawSite};
use crate::figure;
use crate::{Edge, EdgeEnd, Lock, Site};
use std::collections::HashMap;

/// The edges of a merge, by their ends with portable paths.
pub(super) type Edges = HashMap<(Option<Key>, Key), Figures>;

type Figures = [u64; Edge::FIGURES.len()];

impl Merge {
    /// Adds an edge of a snapshot.
    pub(super) fn edge(&mut self, edge: &Edge) {
        let waiting = edge.waiting.as_ref().map(|end| self.whole_end(end));
        let holding = self.whole_end(&edge.holding);
        self.add_edge(waiting, holding, &edge.figures());
    }

    fn whole_end(&mut self, end: &EdgeEnd) -> Key {
        let site = |texts: &mut Texts, site: &Site| RawSite {
            file: texts.number(&site.file),
            line: site.line,
            column: site.column,
        };
        Key {
            lock: match &end.lock {
                Lock::Anonymous => RawLock::Anonymous,
                Lock::Named(name) => RawLock::Named(self.texts.number(name)),
                Lock::Created(created) => RawLock::Created(site(&mut self.texts, created)),
                Lock::FirstUsed(used) => RawLock::FirstUsed(site(&mut self.texts, used)),
            },
            mode: end.mode,
            site: site(&mut self.texts, &end.site),
        }
    }

    /// Adds the edges of a file.
    pub(super) fn raw_edges(&mut self, edges: &RawEdges, place: &Place<'_>) {
        let key = |end: &RawEnd| Key {
            lock: place.lock(end.lock),
            mode: end.mode,
            site: place.site(end.site),
        };
        let ends: Vec<Key> = edges.ends.iter().map(key).collect();
        for edge in &edges.edges {
            let waiting = edge.waiting.and_then(|end| ends.get(end)).copied();
            // The decoder has checked the numbers.
            if let Some(holding) = ends.get(edge.holding) {
                self.add_edge(waiting, *holding, &edge.figures);
            }
        }
    }

    /// Adds the edges of another merge. `place` has this merge's numbers for its texts.
    pub(super) fn append_edges(&mut self, edges: Edges, place: &Place<'_>) {
        let key = |end: Key| Key {
            lock: place.lock(end.lock),
            site: place.site(end.site),
            ..end
        };
        for ((waiting, holding), figures) in edges {
            self.add_edge(waiting.map(key), key(holding), &figures);
        }
    }

    fn add_edge(&mut self, waiting: Option<Key>, holding: Key, figures: &Figures) {
        let waiting = waiting.map(|end| end.portable(&self.texts));
        let key = (waiting, holding.portable(&self.texts));
        figure::merge(&Edge::FIGURES, self.edges.entry(key).or_default(), figures);
    }

    /// The edges, whose ends are called as the points are.
    pub(super) fn whole_edges(&mut self) -> Vec<Edge> {
        let edges = std::mem::take(&mut self.edges);
        let (points, numbers, texts) = (&self.points, &self.numbers, &self.texts);
        let site = |raw: RawSite| Site::new(texts.get(raw.file), raw.line, raw.column);
        let mut ends: HashMap<Key, EdgeEnd> = HashMap::new();
        let mut end = |key: Key| {
            let whole = || {
                let point = numbers.get(&key).and_then(|number| points.get(*number));
                let called = point.map_or(&key, |point| point.place());
                EdgeEnd {
                    lock: match called.lock {
                        RawLock::Anonymous => Lock::Anonymous,
                        RawLock::Named(name) => Lock::Named(texts.get(name)),
                        RawLock::Created(created) => Lock::Created(site(created)),
                        RawLock::FirstUsed(used) => Lock::FirstUsed(site(used)),
                    },
                    mode: called.mode,
                    site: site(called.site),
                }
            };
            ends.entry(key).or_insert_with(whole).clone()
        };
        let edges = edges.into_iter().map(|((waiting, holding), figures)| {
            let edge = Edge {
                waiting: waiting.map(&mut end),
                holding: end(holding),
                waits: 0,
                waited_ns: 0,
            };
            edge.with_figures(figures)
        });
        edges.collect()
    }
}
