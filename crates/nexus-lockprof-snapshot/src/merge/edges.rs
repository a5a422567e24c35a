//! Adds edges to a merge.

use super::Merge;
use super::point::{EdgeFigures, Edges, Key, Place};
use crate::binary::{RawEdges, RawEnd};
use crate::figure;
use crate::{Edge, EdgeEnd};
use std::collections::HashMap;

impl Merge {
    /// Adds an edge of a snapshot.
    pub(super) fn edge(&mut self, edge: &Edge) {
        let waiting = edge.waiting.as_ref().map(|end| self.whole_key(end.key()));
        let holding = self.whole_key(edge.holding.key());
        self.add_edge(waiting, holding, &edge.figures());
    }

    /// Adds the edges of a file.
    pub(super) fn raw_edges(&mut self, edges: &RawEdges, place: &Place) {
        let key = |end: &RawEnd| place.key(end.lock, end.mode, end.site);
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
    pub(super) fn append_edges(&mut self, edges: Edges, place: &Place) {
        let key = |end: Key| place.key(end.lock, end.mode, end.site);
        for ((waiting, holding), figures) in edges {
            self.add_edge(waiting.map(key), key(holding), &figures);
        }
    }

    fn add_edge(&mut self, waiting: Option<Key>, holding: Key, figures: &EdgeFigures) {
        let waiting = waiting.map(|end| end.portable(&self.texts));
        let key = (waiting, holding.portable(&self.texts));
        figure::merge(&Edge::FIGURES, self.edges.entry(key).or_default(), figures);
    }

    /// The edges, whose ends are called as the points are.
    pub(super) fn whole_edges(&mut self) -> Vec<Edge> {
        let edges = std::mem::take(&mut self.edges);
        let (points, numbers, texts) = (&self.points, &self.numbers, &self.texts);
        let text = |number| texts.get(number);
        let mut ends: HashMap<Key, EdgeEnd> = HashMap::new();
        let mut end = |key: Key| {
            let whole = || {
                let point = numbers.get(&key).and_then(|number| points.get(*number));
                let called = point.map_or(&key, |point| point.place());
                EdgeEnd {
                    lock: called.lock.whole(text),
                    mode: called.mode,
                    site: called.site.whole(text),
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
