//! Decodes bytes. [`Snapshot::from_bytes`](crate::Snapshot::from_bytes) makes points of the result,
//! and a merge adds it up.
//!
//! One pass over the bytes decodes into [`Room`], which the next file reuses.

use super::input::{Input, Malformed};
use super::{Fields, MAGIC, VERSION, durations, field, tag, weights};
use crate::bounds::Unfolded;
use crate::document::FROM_NOTHING;
use crate::head::Head;
use crate::json;
use crate::read_error::ReadError;
use crate::{
    AcquireMode, Durations, Losses, Overhead, Point, ProfilerMode, Sample, Stack, TableStats, Text,
};
use std::ops::Range;

/// A file with a valid checksum, split into sections.
pub(crate) struct Decoder<'a> {
    pub(crate) head: Head,
    /// Texts, by number.
    pub(crate) texts: Vec<&'a str>,
    /// Frames, by number.
    pub(crate) frames: Vec<RawFrame>,
    /// Number of bytes in each frame's texts.
    frame_texts: Vec<u64>,
    points: Input<'a>,
    size: usize,
}

/// The points of a file that are still to be read.
#[derive(Clone)]
pub(crate) struct Points<'a> {
    input: Input<'a>,
    left: usize,
    unfolded: Unfolded,
}

/// Points of a file, and their lists, concatenated.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub(crate) points: Vec<RawPoint>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) stacks: Vec<RawStack>,
    /// Frames of stacks, by number.
    pub(crate) stack_frames: Vec<usize>,
}

impl Room {
    pub(crate) fn clear(&mut self) {
        self.points.clear();
        self.samples.clear();
        self.stacks.clear();
        self.stack_frames.clear();
    }
}

/// A frame; its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawFrame {
    pub(crate) function: Option<usize>,
    pub(crate) file: Option<usize>,
    pub(crate) line: Option<u32>,
    pub(crate) address: u64,
}

/// A site; its file by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RawSite {
    pub(crate) file: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A lock class; its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RawLock {
    Anonymous,
    Named(usize),
    Created(RawSite),
    FirstUsed(RawSite),
}

/// A point; its texts by number.
#[derive(Clone, Debug)]
pub(crate) struct RawPoint {
    pub(crate) lock: RawLock,
    pub(crate) mode: AcquireMode,
    pub(crate) site: RawSite,
    pub(crate) figures: [u64; Point::FIGURES.len()],
    pub(crate) caused_variance: f64,
    pub(crate) wait: RawDurations,
    pub(crate) hold: RawDurations,
    /// Index range in the [`Room`]'s stacks.
    pub(crate) callers: Range<usize>,
}

/// Durations.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawDurations {
    pub(crate) figures: [u64; Durations::FIGURES.len()],
    pub(crate) total_variance: f64,
    /// Index range in the [`Room`]'s samples, which ascend by value.
    pub(crate) reservoir: Range<usize>,
    pub(crate) recent: Range<usize>,
}

/// A stack.
#[derive(Clone, Debug)]
pub(crate) struct RawStack {
    pub(crate) figures: [u64; Stack::FIGURES.len()],
    /// Index range in the [`Room`]'s frames.
    pub(crate) frames: Range<usize>,
}

type Read<T> = Result<T, Malformed>;

impl<'a> Decoder<'a> {
    /// Whether the bytes are a file of this format, or the beginning of one.
    pub(crate) fn is_ours(bytes: &[u8]) -> bool {
        bytes.first() == MAGIC.first()
    }

    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let mut input = Input::new(bytes, 0);
        if input.array()? != MAGIC {
            return Err(ReadError::Foreign { found: None });
        }
        let version = u32::from_le_bytes(input.array()?);
        if version > VERSION {
            return Err(ReadError::NewerSchema {
                found: u64::from(version),
                supported: VERSION,
            });
        }
        if version == 0 {
            return Err(ReadError::BadSchema {
                found: Some("0".to_owned()),
            });
        }
        let sections = Sections::find(bytes, input)?;
        let texts = texts(sections.texts)?;
        let frames = match sections.frames {
            Some(input) => frames(input, texts.len())?,
            None => Vec::new(),
        };
        let length = |text: Option<usize>| {
            text.and_then(|text| texts.get(text))
                .map_or(0, |text| text.len() as u64)
        };
        let frame_texts = frames
            .iter()
            .map(|frame| length(frame.function) + length(frame.file))
            .collect();
        Ok(Self {
            head: head(sections.head, &texts)?,
            texts,
            frames,
            frame_texts,
            points: sections.points,
            size: bytes.len(),
        })
    }

    /// The points of the file.
    pub(crate) fn points(&self) -> Read<Points<'a>> {
        /// The minimum size of a point: its length, lock, mode, site and mask.
        const LEAST: usize = 7;
        let mut input = self.points;
        let begin = input;
        let left = input.count(LEAST)?;
        if self.head.merged == 0 && (left > 0 || self.head.has_anything()) {
            return Err(begin.bad(FROM_NOTHING));
        }
        Ok(Points {
            input,
            left,
            unfolded: Unfolded::of(self.size),
        })
    }

    fn point(
        &self,
        input: &mut Input<'a>,
        room: &mut Room,
        unfolded: &mut Unfolded,
    ) -> Read<RawPoint> {
        let texts = self.texts.len();
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
        let site = site(input, texts)?;
        let mask = input.number()?;
        let mut figures = [0; Point::FIGURES.len()];
        first(input, mask, &field::ALL, &mut figures)?;
        let caused_variance = match mask & field::CAUSED_VARIANCE {
            0 => 0.0,
            _ => variance(input)?,
        };
        let length = |text: usize| self.texts.get(text).map_or(0, |text| text.len());
        let of_lock = match lock {
            RawLock::Anonymous => 0,
            RawLock::Named(text)
            | RawLock::Created(RawSite { file: text, .. })
            | RawLock::FirstUsed(RawSite { file: text, .. }) => length(text),
        };
        let samples = room.samples.len();
        let mut durations = |bit| match mask & bit {
            0 => Ok(RawDurations::default()),
            _ => RawDurations::read(&mut input.piece()?, &mut room.samples),
        };
        let (wait, hold) = (durations(field::WAIT)?, durations(field::HOLD)?);
        unfolded.point(room.samples.len() - samples, length(site.file) + of_lock);
        let begin = room.stacks.len();
        if mask & field::CALLERS != 0 {
            // Three counts, and the number of frames.
            for _ in 0..input.count(4)? {
                let stack = self.stack(input, &mut room.stack_frames, unfolded)?;
                room.stacks.push(stack);
            }
        }
        later(input, mask, &field::ALL, &mut figures)?;
        unfolded.check()?;
        Ok(RawPoint {
            lock,
            mode,
            site,
            figures,
            caused_variance,
            wait,
            hold,
            callers: begin..room.stacks.len(),
        })
    }

    fn stack(
        &self,
        input: &mut Input<'a>,
        frames: &mut Vec<usize>,
        unfolded: &mut Unfolded,
    ) -> Read<RawStack> {
        let figures = [input.number()?, input.number()?, input.number()?];
        let begin = frames.len();
        for _ in 0..input.count(1)? {
            frames.push(below(
                input,
                self.frames.len(),
                "a frame that is not there",
            )?);
        }
        let new = frames.get(begin..).unwrap_or_default();
        let texts = new.iter().filter_map(|frame| self.frame_texts.get(*frame));
        unfolded.stack(
            new.len(),
            texts.fold(0, |sum: u64, texts| sum.saturating_add(*texts)),
        );
        Ok(RawStack {
            figures,
            frames: begin..frames.len(),
        })
    }
}

impl<'a> Points<'a> {
    /// Number of points left.
    pub(crate) fn len(&self) -> usize {
        self.left
    }

    /// Replaces the content of `room` with the next `most` points, or with all that are left.
    pub(crate) fn read(&mut self, decoder: &Decoder<'a>, most: usize, room: &mut Room) -> Read<()> {
        room.clear();
        for _ in 0..most.min(self.left) {
            self.left -= 1;
            let mut piece = self.input.piece()?;
            let point = decoder.point(&mut piece, room, &mut self.unfolded)?;
            room.points.push(point);
        }
        Ok(())
    }
}

/// The sections of a file.
struct Sections<'a> {
    head: Input<'a>,
    texts: Input<'a>,
    frames: Option<Input<'a>>,
    points: Input<'a>,
}

impl<'a> Sections<'a> {
    fn find(bytes: &[u8], mut input: Input<'a>) -> Result<Self, ReadError> {
        let (mut head, mut texts, mut frames, mut points) = (None, None, None, None);
        loop {
            let begin = input;
            let tag = input.array()?;
            let content = input.piece()?;
            let place = match tag {
                tag::HEAD => &mut head,
                tag::TEXT => &mut texts,
                tag::FRAMES => &mut frames,
                tag::POINTS => &mut points,
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

fn head(mut input: Input<'_>, texts: &[&str]) -> Read<Head> {
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
    };
    if !input.is_empty() {
        let program = text(&mut input, texts.len())?;
        head.program = program
            .and_then(|text| texts.get(text))
            .map(|text| Text::from(*text));
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
fn list<const N: usize>(input: &mut Input<'_>) -> Read<[u64; N]> {
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

fn texts(mut input: Input<'_>) -> Read<Vec<&str>> {
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

fn frames(mut input: Input<'_>, texts: usize) -> Read<Vec<RawFrame>> {
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
fn text(input: &mut Input<'_>, texts: usize) -> Read<Option<usize>> {
    let number = below(input, texts + 1, "a text that is not there")?;
    Ok(number.checked_sub(1))
}

/// A number below `limit`.
fn below(input: &mut Input<'_>, limit: usize, what: &'static str) -> Read<usize> {
    let before = *input;
    match usize::try_from(input.number()?) {
        Ok(number) if number < limit => Ok(number),
        _ => Err(before.bad(what)),
    }
}

fn site(input: &mut Input<'_>, texts: usize) -> Read<RawSite> {
    Ok(RawSite {
        file: below(input, texts, "a text that is not there")?,
        line: input.small()?,
        column: input.small()?,
    })
}

/// Reads the first figures, each only if the mask has its bit.
#[inline]
fn first(input: &mut Input<'_>, mask: u64, fields: &Fields, figures: &mut [u64]) -> Read<()> {
    there(input, mask, figures.iter_mut().take(fields.first))
}

/// Reads the later figures, which follow the fields that are not figures.
#[inline]
fn later(input: &mut Input<'_>, mask: u64, fields: &Fields, figures: &mut [u64]) -> Read<()> {
    let mask = mask >> fields.later();
    there(input, mask, figures.iter_mut().skip(fields.first))
}

#[inline]
fn there<'a>(
    input: &mut Input<'_>,
    mask: u64,
    figures: impl Iterator<Item = &'a mut u64>,
) -> Read<()> {
    for (bit, figure) in figures.enumerate() {
        if mask >> bit & 1 != 0 {
            *figure = input.number()?;
        }
    }
    Ok(())
}

fn variance(input: &mut Input<'_>) -> Read<f64> {
    let before = *input;
    json::variance::check(input.double()?)
        .map_err(|_| before.bad("a variance that is not a number from 0"))
}

impl RawDurations {
    /// Whether everything is zero or empty.
    pub(crate) fn is_nothing(&self) -> bool {
        self.figures == [0; Durations::FIGURES.len()]
            && self.total_variance == 0.0
            && self.reservoir.is_empty()
            && self.recent.is_empty()
    }

    fn read(input: &mut Input<'_>, all: &mut Vec<Sample>) -> Read<Self> {
        let mask = input.number()?;
        let mut read = Self::default();
        first(input, mask, &durations::ALL, &mut read.figures)?;
        if mask & durations::VARIANCE != 0 {
            read.total_variance = variance(input)?;
        }
        read.reservoir = samples(mask & durations::RESERVOIR != 0, input, all)?;
        read.recent = samples(mask & durations::RECENT != 0, input, all)?;
        later(input, mask, &durations::ALL, &mut read.figures)?;
        Ok(read)
    }
}

/// Appends the samples to `all`, if there are any.
fn samples(there: bool, input: &mut Input<'_>, all: &mut Vec<Sample>) -> Read<Range<usize>> {
    let begin = all.len();
    if !there {
        return Ok(begin..begin);
    }
    let mut value_ns = 0_u64;
    for _ in 0..input.count(1)? {
        let before = *input;
        value_ns = match value_ns.checked_add(input.number()?) {
            Some(value) => value,
            None => return Err(before.bad("a duration above 2^64 ns")),
        };
        all.push(Sample::exact(value_ns));
    }
    let new = all.get_mut(begin..).unwrap_or_default();
    let before = *input;
    match input.byte()? {
        weights::ONES => {}
        weights::SAME => {
            let same = weight(input)?;
            new.iter_mut().for_each(|sample| sample.weight = same);
        }
        weights::EACH => {
            for sample in new {
                sample.weight = weight(input)?;
            }
        }
        _ => return Err(before.bad("no kind of weights")),
    }
    Ok(begin..all.len())
}

#[inline]
fn weight(input: &mut Input<'_>) -> Read<f64> {
    let before = *input;
    let number = input.number()?;
    let weight = match number {
        1 => input.double()?,
        3 => f64::from(f32::from_le_bytes(input.array()?)),
        _ if number & 1 == 0 => (number >> 1) as f64,
        _ => return Err(before.bad("no kind of weight")),
    };
    if weight > 0.0 && weight <= crate::json::MAX_WEIGHT {
        Ok(weight)
    } else {
        Err(before.bad("a weight that is not above 0 and at most 2^64"))
    }
}
