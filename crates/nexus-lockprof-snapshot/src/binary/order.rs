//! The sections on the order of locks.

use super::input::{Input, Malformed};
use super::output::{Output, Tables};
use super::waiters::Reader;
use crate::order::MOST;
use crate::{EdgeEnd, LockPair, PotentialDeadlock};

/// What a pair has, as bits of a mask.
mod bit {
    pub(super) const SAME_LOCK: u64 = 1;
    pub(super) const GUARDED: u64 = 1 << 1;
    pub(super) const THREAD: u64 = 1 << 2;
}

pub(super) fn write<'a>(tables: &mut Tables<'a>, pairs: &'a [LockPair]) -> Vec<u8> {
    let mut out = Output::default();
    list(&mut out, tables, pairs);
    out.0
}

pub(super) fn write_potential<'a>(
    tables: &mut Tables<'a>,
    potential: &'a [PotentialDeadlock],
) -> Vec<u8> {
    let mut out = Output::default();
    out.count(potential.len());
    for deadlock in potential {
        let mut piece = Output::default();
        piece.number(u64::from(deadlock.needs_writer));
        list(&mut piece, tables, &deadlock.steps);
        out.piece(&piece.0);
    }
    out.0
}

fn list<'a>(out: &mut Output, tables: &mut Tables<'a>, pairs: &'a [LockPair]) {
    out.count(pairs.len());
    for pair in pairs {
        let has = |there: bool, bit| if there { bit } else { 0 };
        let mut piece = Output::default();
        piece.number(
            has(pair.same_lock, bit::SAME_LOCK)
                | has(pair.guarded, bit::GUARDED)
                | has(pair.thread.is_some(), bit::THREAD),
        );
        for end in [&pair.held, &pair.wanted] {
            tables.lock(&mut piece, &end.lock);
            piece.mode(end.mode);
            tables.site(&mut piece, &end.site);
        }
        piece.number(pair.count);
        if let Some(thread) = &pair.thread {
            piece.number(thread.id);
            piece.count(thread.name.as_ref().map_or(0, |name| tables.text(name) + 1));
        }
        out.piece(&piece.0);
    }
}

pub(super) fn pairs(
    reader: &mut Reader<'_>,
    mut input: Input<'_>,
) -> Result<Vec<LockPair>, Malformed> {
    read_list(reader, &mut input, &mut 0)
}

pub(super) fn potential(
    reader: &mut Reader<'_>,
    mut input: Input<'_>,
) -> Result<Vec<PotentialDeadlock>, Malformed> {
    /// The minimum size of one: its length, whether it needs a writer, and a number of steps.
    const LEAST: usize = 3;
    let mut steps = 0;
    let count = input.count(LEAST)?;
    let mut potential = Vec::new();
    for _ in 0..count {
        let mut piece = input.piece()?;
        let deadlock = PotentialDeadlock {
            needs_writer: piece.number()? & 1 != 0,
            steps: read_list(reader, &mut piece, &mut steps)?,
        };
        // One without steps is none. The pairs of the others bound what a file unfolds to.
        if !deadlock.steps.is_empty() {
            potential.push(deadlock);
        }
    }
    Ok(potential)
}

/// A list of pairs, of which `before` are in the section's lists before it.
fn read_list(
    reader: &mut Reader<'_>,
    input: &mut Input<'_>,
    before: &mut usize,
) -> Result<Vec<LockPair>, Malformed> {
    /// The minimum size of a pair: its length, mask, both ends and count.
    const LEAST: usize = 13;
    let begin = *input;
    let count = input.count(LEAST)?;
    *before = before.saturating_add(count);
    if *before > MOST {
        return Err(begin.bad("more than 65,536 pairs of locks"));
    }
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let mut piece = input.piece()?;
        let mask = piece.number()?;
        let has = |bit| mask & bit != 0;
        let (held, wanted) = (end(reader, &mut piece)?, end(reader, &mut piece)?);
        let pair = LockPair {
            held,
            wanted,
            same_lock: has(bit::SAME_LOCK),
            guarded: has(bit::GUARDED),
            count: piece.number()?,
            thread: match has(bit::THREAD) {
                true => Some(reader.thread(&mut piece)?),
                false => None,
            },
        };
        reader.unfolds_to_pair(pair.texts_len())?;
        pairs.push(pair);
    }
    Ok(pairs)
}

fn end(reader: &mut Reader<'_>, input: &mut Input<'_>) -> Result<EdgeEnd, Malformed> {
    let (lock, mode, site) = reader.place(input)?;
    Ok(EdgeEnd { lock, mode, site })
}
