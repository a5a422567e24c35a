//! The section of edges.

use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::raw::{RawLock, RawSite};
use super::section::{list, lock, mode, site};
use crate::bounds::Unfolded;
use crate::{AcquireMode, Edge, EdgeEnd, Text};
use std::collections::HashMap;

type Read<T> = Result<T, Malformed>;

/// A lock class, a mode and a site; its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawEnd {
    pub(crate) lock: RawLock,
    pub(crate) mode: AcquireMode,
    pub(crate) site: RawSite,
}

/// An edge; its ends by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawEdge {
    pub(crate) waiting: Option<usize>,
    pub(crate) holding: usize,
    pub(crate) figures: [u64; Edge::FIGURES.len()],
}

/// The edges of a file.
#[derive(Debug, Default)]
pub(crate) struct RawEdges {
    pub(crate) ends: Vec<RawEnd>,
    pub(crate) edges: Vec<RawEdge>,
}

impl RawEnd {
    /// Number of bytes in its texts.
    pub(super) fn texts_len(&self, texts: &[&str]) -> usize {
        let length = |text: usize| texts.get(text).map_or(0, |text| text.len());
        let of_lock = match self.lock {
            RawLock::Anonymous => 0,
            RawLock::Named(text)
            | RawLock::Created(RawSite { file: text, .. })
            | RawLock::FirstUsed(RawSite { file: text, .. }) => length(text),
        };
        length(self.site.file) + of_lock
    }
}

/// Reads the place of a point or of an edge's end.
pub(super) fn end(input: &mut Input<'_>, texts: usize) -> Read<RawEnd> {
    Ok(RawEnd {
        lock: lock(input, texts)?,
        mode: mode(input)?,
        site: site(input, texts)?,
    })
}

impl RawEdges {
    /// The edges, with their texts.
    pub(super) fn whole(&self, text: impl Fn(usize) -> Text) -> Vec<Edge> {
        let end = |end: &RawEnd| EdgeEnd {
            lock: end.lock.whole(&text),
            mode: end.mode,
            site: end.site.whole(&text),
        };
        let ends: Vec<EdgeEnd> = self.ends.iter().map(end).collect();
        let edges = self.edges.iter().filter_map(|edge| {
            // The decoder has checked the numbers.
            let waiting = match edge.waiting {
                Some(end) => Some(ends.get(end)?.clone()),
                None => None,
            };
            let whole = Edge {
                waiting,
                holding: ends.get(edge.holding)?.clone(),
                waits: 0,
                waited_ns: 0,
            };
            Some(whole.with_figures(edge.figures))
        });
        edges.collect()
    }

    /// Reads the whole section.
    pub(super) fn read(mut input: Input<'_>, texts: &[&str], mut unfolded: Unfolded) -> Read<Self> {
        /// The minimum sizes of an end (lock, mode, site) and of an edge (two ends, a list).
        const LEAST: [usize; 2] = [5, 3];
        let [least_end, least_edge] = LEAST;
        let mut read = Self::default();
        let mut lengths = Vec::new();
        for _ in 0..input.count(least_end)? {
            let end = end(&mut input, texts.len())?;
            lengths.push(end.texts_len(texts));
            read.ends.push(end);
        }
        let length = |end: usize| lengths.get(end).copied().unwrap_or_default();
        for _ in 0..input.count(least_edge)? {
            let what = "an end that is not there";
            let waiting = input.below(lengths.len() + 1, what)?.checked_sub(1);
            let holding = input.below(lengths.len(), what)?;
            unfolded.edge(waiting.map_or(0, length) + length(holding));
            unfolded.check()?;
            read.edges.push(RawEdge {
                waiting,
                holding,
                figures: list(&mut input)?,
            });
        }
        Ok(read)
    }
}

/// The ends of all edges, each once, and the edges with their ends by number.
pub(super) fn write<'a>(tables: &mut Tables<'a>, edges: &'a [Edge]) -> Vec<u8> {
    let mut ends = Output::default();
    let mut numbers: HashMap<&EdgeEnd, usize> = HashMap::new();
    let mut list = Output::default();
    list.count(edges.len());
    for edge in edges {
        let mut number = |end: &'a EdgeEnd| {
            let next = numbers.len();
            let number = *numbers.entry(end).or_insert(next);
            if number == next {
                tables.place(&mut ends, end.key());
            }
            number
        };
        let waiting = edge.waiting.as_ref().map_or(0, |end| number(end) + 1);
        let holding = number(&edge.holding);
        list.count(waiting);
        list.count(holding);
        list.list(&edge.figures());
    }
    let mut out = Output::default();
    out.count(numbers.len());
    out.0.append(&mut ends.0);
    out.0.append(&mut list.0);
    out.0
}
