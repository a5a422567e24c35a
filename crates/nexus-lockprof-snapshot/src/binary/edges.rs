//! The section of edges.

use super::decode::{RawLock, RawSite, Read, below, list, site};
use super::input::Input;
use crate::bounds::Unfolded;
use crate::{AcquireMode, Edge};

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
    let before = *input;
    let lock = match input.byte()? {
        0 => RawLock::Anonymous,
        1 => RawLock::Named(below(input, texts, "a text that is not there")?),
        2 => RawLock::Created(site(input, texts)?),
        3 => RawLock::FirstUsed(site(input, texts)?),
        _ => return Err(before.bad("no kind of lock")),
    };
    let before = *input;
    let mode = match input.byte()? {
        0 => AcquireMode::Exclusive,
        1 => AcquireMode::Shared,
        2 => AcquireMode::Upgradable,
        _ => return Err(before.bad("no mode")),
    };
    Ok(RawEnd {
        lock,
        mode,
        site: site(input, texts)?,
    })
}

impl RawEdges {
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
            let waiting = below(&mut input, lengths.len() + 1, what)?.checked_sub(1);
            let holding = below(&mut input, lengths.len(), what)?;
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
