//! Decodes bytes. [`Snapshot::from_bytes`](crate::Snapshot::from_bytes) makes points of the result,
//! and a merge adds it up.
//!
//! One pass over the bytes decodes into [`Room`], which the next file reuses.

use super::edges::{RawEdges, RawEnd, end};
use super::input::{Input, Malformed};
use super::raw::{RawDurations, RawFrame, RawPoint, RawStack, Room};
use super::section::{Sections, frames, head, texts};
use super::{Fields, MAGIC, VERSION, durations, field, order, past, waiters, weights};
use crate::bounds::Unfolded;
use crate::document::FROM_NOTHING;
use crate::head::Head;
use crate::json;
use crate::read_error::ReadError;
use crate::sample::check_weight;
use crate::{Histogram, Point, Sample};
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
    edges: Option<Input<'a>>,
    /// What its waiters unfold to.
    unfolded: Unfolded,
}

/// The points of a file that are still to be read.
#[derive(Clone)]
pub(crate) struct Points<'a> {
    input: Input<'a>,
    left: usize,
    unfolded: Unfolded,
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
        let mut head = head(sections.head, &texts)?;
        let mut unfolded = Unfolded::of(bytes.len());
        let mut waiters = waiters::Reader::new(&texts, &mut unfolded);
        if let Some(input) = sections.waiters {
            head.waiters = waiters.waiters(input)?;
        }
        if let Some(input) = sections.deadlocks {
            head.deadlocks = waiters.deadlocks(input)?;
        }
        if let Some(input) = sections.history {
            head.history = past::read(input, &mut waiters)?;
        }
        if let Some(input) = sections.threads {
            head.threads = waiters.threads(input)?;
        }
        if let Some(input) = sections.instances {
            (head.instances, head.unlisted_most_ns) = waiters.instances(input)?;
        }
        if let Some(input) = sections.order {
            head.lock_order = order::pairs(&mut waiters, input)?;
        }
        if let Some(input) = sections.potential {
            head.potential_deadlocks = order::potential(&mut waiters, input)?;
        }
        Ok(Self {
            head,
            texts,
            frames,
            frame_texts,
            points: sections.points,
            edges: sections.edges,
            unfolded,
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
            unfolded: self.unfolded.clone(),
        })
    }

    /// The edges of the file.
    pub(crate) fn edges(&self) -> Read<RawEdges> {
        match self.edges {
            None => Ok(RawEdges::default()),
            Some(input) => RawEdges::read(input, &self.texts, self.unfolded.clone()),
        }
    }

    fn point(
        &self,
        input: &mut Input<'a>,
        room: &mut Room,
        unfolded: &mut Unfolded,
    ) -> Read<RawPoint> {
        let texts = self.texts.len();
        let place = end(input, texts)?;
        let RawEnd { lock, mode, site } = place;
        let mask = input.number()?;
        let mut figures = [0; Point::FIGURES.len()];
        first(input, mask, &field::ALL, &mut figures)?;
        let caused_variance = match mask & field::CAUSED_VARIANCE {
            0 => 0.0,
            _ => variance(input)?,
        };
        let samples = room.samples.len();
        let mut durations = |bit| match mask & bit {
            0 => Ok(RawDurations::default()),
            _ => RawDurations::read(&mut input.piece()?, &mut room.samples, &mut room.buckets),
        };
        let (wait, hold) = (durations(field::WAIT)?, durations(field::HOLD)?);
        unfolded.point(room.samples.len() - samples, place.texts_len(&self.texts));
        for durations in [&wait, &hold] {
            unfolded.histogram(durations.histogram.len());
        }
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
            frames.push(input.below(self.frames.len(), "a frame that is not there")?);
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
    fn read(
        input: &mut Input<'_>,
        all: &mut Vec<Sample>,
        buckets: &mut Vec<(usize, u64)>,
    ) -> Read<Self> {
        let mask = input.number()?;
        let mut read = Self::default();
        first(input, mask, &durations::ALL, &mut read.figures)?;
        if mask & durations::VARIANCE != 0 {
            read.total_variance = variance(input)?;
        }
        read.reservoir = samples(mask & durations::RESERVOIR != 0, input, all)?;
        read.recent = samples(mask & durations::RECENT != 0, input, all)?;
        later(input, mask, &durations::ALL, &mut read.figures)?;
        let begin = buckets.len();
        if mask & durations::HISTOGRAM != 0 {
            histogram(input, buckets)?;
        }
        read.histogram = begin..buckets.len();
        Ok(read)
    }
}

/// Appends the buckets to `all`.
fn histogram(input: &mut Input<'_>, all: &mut Vec<(usize, u64)>) -> Read<()> {
    let mut next = 0;
    for _ in 0..input.count(2)? {
        let room = Histogram::BUCKETS.saturating_sub(next);
        let index = next + input.below(room, "a bucket that is not there")?;
        let before = *input;
        match input.number()? {
            0 => return Err(before.bad("a bucket with nothing in it")),
            weight => all.push((index, weight)),
        }
        next = index + 1;
    }
    Ok(())
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
    check_weight(weight).map_err(|_| before.bad("a weight that is not above 0 and at most 2^64"))
}
