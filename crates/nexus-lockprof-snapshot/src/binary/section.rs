//! The sections of a file, and what comes before the points: head, texts, frames.

use super::input::{Input, Malformed};
use super::raw::{RawFrame, RawLock, RawSite};
use super::tag;
use crate::head::Head;
use crate::json;
use crate::read_error::ReadError;
use crate::{AcquireMode, Losses, Overhead, ProfilerMode, TableStats, Text};

type Read<T> = Result<T, Malformed>;

/// The sections of a file.
pub(super) struct Sections<'a> {
    pub(super) head: Input<'a>,
    pub(super) texts: Input<'a>,
    pub(super) frames: Option<Input<'a>>,
    pub(super) points: Input<'a>,
    pub(super) edges: Option<Input<'a>>,
    pub(super) waiters: Option<Input<'a>>,
    pub(super) deadlocks: Option<Input<'a>>,
    pub(super) history: Option<Input<'a>>,
    pub(super) threads: Option<Input<'a>>,
    pub(super) instances: Option<Input<'a>>,
    pub(super) order: Option<Input<'a>>,
    pub(super) potential: Option<Input<'a>>,
}

impl<'a> Sections<'a> {
    pub(super) fn find(bytes: &[u8], mut input: Input<'a>) -> Result<Self, ReadError> {
        let (mut head, mut texts, mut frames, mut points) = (None, None, None, None);
        let (mut edges, mut waiters, mut deadlocks) = (None, None, None);
        let mut history = None;
        let (mut threads, mut instances) = (None, None);
        let (mut order, mut potential) = (None, None);
        loop {
            let begin = input;
            let tag = input.array()?;
            let content = input.piece()?;
            let place = match tag {
                tag::HEAD => &mut head,
                tag::TEXT => &mut texts,
                tag::FRAMES => &mut frames,
                tag::POINTS => &mut points,
                tag::EDGES => &mut edges,
                tag::WAITERS => &mut waiters,
                tag::DEADLOCKS => &mut deadlocks,
                tag::HISTORY => &mut history,
                tag::THREADS => &mut threads,
                tag::INSTANCES => &mut instances,
                tag::ORDER => &mut order,
                tag::POTENTIAL => &mut potential,
                tag::END => {
                    if !input.is_empty() {
                        Err(input.bad("bytes after the end"))?;
                    }
                    check_sum(bytes, content)?;
                    break;
                }
                // A section of a later version.
                _ => continue,
            };
            if place.replace(content).is_some() {
                Err(begin.bad("a section that is there twice"))?;
            }
        }
        let or = |section: Option<Input<'a>>, what| section.ok_or_else(|| input.bad(what));
        Ok(Self {
            head: or(head, "the end, without a section HEAD")?,
            texts: or(texts, "the end, without a section TEXT")?,
            frames,
            points: or(points, "the end, without a section PNTS")?,
            edges,
            waiters,
            deadlocks,
            history,
            threads,
            instances,
            order,
            potential,
        })
    }
}

fn check_sum(bytes: &[u8], mut content: Input<'_>) -> Result<(), ReadError> {
    let before = bytes.get(..content.offset()).unwrap_or_default();
    let stored = u32::from_le_bytes(content.array()?);
    let found = crc32fast::hash(before);
    if stored == found {
        Ok(())
    } else {
        Err(ReadError::Checksum { stored, found })
    }
}

pub(super) fn head(mut input: Input<'_>, texts: &[&str]) -> Read<Head> {
    let engine = u64::from_le_bytes(input.array()?);
    let pid = input.small()?;
    let has_base = flag(&mut input)?;
    let base = input.number()?;
    let collection = input.number()?;
    let resets = input.number()?;
    let taken_unix_ns = input.number()?;
    let elapsed_ns = input.number()?;
    let before = input;
    let profiler_mode = match input.byte()? {
        0 => ProfilerMode::Off,
        1 => ProfilerMode::Counts,
        2 => {
            let before = input;
            let budget = json::budget::check(input.double()?)
                .map_err(|_| before.bad("a budget that is not a share from 0 to 1"))?;
            ProfilerMode::Sampled { budget }
        }
        3 => ProfilerMode::Exact,
        4 => ProfilerMode::Waits,
        _ => return Err(before.bad("no mode of the profiler")),
    };
    let mut head = Head {
        engine,
        pid,
        program: None,
        base: has_base.then_some(base),
        collection,
        resets,
        taken_unix_ns,
        elapsed_ns,
        profiler_mode,
        table: TableStats::default().with_figures(list(&mut input)?),
        losses: Losses::default().with_figures(list(&mut input)?),
        overhead: Overhead::default().with_figures(list(&mut input)?),
        merged: input.number()?,
        // Older files end before the following fields.
        incomplete: !input.is_empty() && flag(&mut input)?,
        peek: !input.is_empty() && flag(&mut input)?,
        waiters: Vec::new(),
        deadlocks: Vec::new(),
        history: Vec::new(),
        pulled_unix_ns: 0,
        samples_behind_ns: 0,
        threads: Vec::new(),
        instances: Vec::new(),
        unlisted_most_ns: 0,
        lock_order: Vec::new(),
        potential_deadlocks: Vec::new(),
    };
    if !input.is_empty() {
        let program = text(&mut input, texts.len())?;
        head.program = program
            .and_then(|text| texts.get(text))
            .map(|text| Text::from(*text));
    }
    if !input.is_empty() {
        head.pulled_unix_ns = input.number()?;
    }
    if !input.is_empty() {
        head.samples_behind_ns = input.number()?;
    }
    Ok(head)
}

fn flag(input: &mut Input<'_>) -> Read<bool> {
    let before = *input;
    match input.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(before.bad("neither yes nor no")),
    }
}

/// A list of numbers, to which a later version may have added.
pub(super) fn list<const N: usize>(input: &mut Input<'_>) -> Read<[u64; N]> {
    let count = input.count(1)?;
    let mut numbers = [0; N];
    for index in 0..count {
        let number = input.number()?;
        if let Some(place) = numbers.get_mut(index) {
            *place = number;
        }
    }
    Ok(numbers)
}

pub(super) fn texts(mut input: Input<'_>) -> Read<Vec<&str>> {
    let count = input.count(1)?;
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        let length = input.count(1)?;
        let before = input;
        let bytes = input.bytes(length)?;
        texts.push(std::str::from_utf8(bytes).map_err(|_| before.bad("a text that is not UTF-8"))?);
    }
    Ok(texts)
}

pub(super) fn frames(mut input: Input<'_>, texts: usize) -> Read<Vec<RawFrame>> {
    let count = input.count(4)?;
    let mut frames = Vec::with_capacity(count);
    for _ in 0..count {
        let (function, file) = (text(&mut input, texts)?, text(&mut input, texts)?);
        let before = input;
        let line = match input.number()?.checked_sub(1).map(u32::try_from) {
            None => None,
            Some(Ok(line)) => Some(line),
            Some(Err(_)) => return Err(before.bad("a line above 2^32")),
        };
        frames.push(RawFrame {
            function,
            file,
            line,
            address: input.number()?,
        });
    }
    Ok(frames)
}

/// A text's number, or `None`.
pub(super) fn text(input: &mut Input<'_>, texts: usize) -> Read<Option<usize>> {
    let number = input.below(texts + 1, "a text that is not there")?;
    Ok(number.checked_sub(1))
}

pub(super) fn lock(input: &mut Input<'_>, texts: usize) -> Read<RawLock> {
    let before = *input;
    Ok(match input.byte()? {
        0 => RawLock::Anonymous,
        1 => RawLock::Named(input.below(texts, "a text that is not there")?),
        2 => RawLock::Created(site(input, texts)?),
        3 => RawLock::FirstUsed(site(input, texts)?),
        _ => return Err(before.bad("no kind of lock")),
    })
}

pub(super) fn mode(input: &mut Input<'_>) -> Read<AcquireMode> {
    let before = *input;
    Ok(match input.byte()? {
        0 => AcquireMode::Exclusive,
        1 => AcquireMode::Shared,
        2 => AcquireMode::Upgradable,
        _ => return Err(before.bad("no mode")),
    })
}

pub(super) fn site(input: &mut Input<'_>, texts: usize) -> Read<RawSite> {
    Ok(RawSite {
        file: input.below(texts, "a text that is not there")?,
        line: input.small()?,
        column: input.small()?,
    })
}
